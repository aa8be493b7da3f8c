from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_DELTA

from daskscope.ingest import codec, otlp_json
from daskscope.ingest.catalogue import recordings
from daskscope.ingest.decoder import Decoder, Numbered
from daskscope.ingest.definitions import Mark
from daskscope.ingest.envelope import Encoding, Signal
from daskscope.ingest.export import export
from daskscope.ingest.journal import Entry, Journal, Meta, RecordingError
from daskscope.ingest.otlp import parse
from daskscope.ingest.packing import packed
from daskscope.ingest.recording import open_recording
from daskscope.ingest.weight import weight
from daskscope.store.schema import Definitions, EventBatch, Message, PointBatch, SpanBatch
from tests.telemetry import gauge, record, tasks

if TYPE_CHECKING:
    from pathlib import Path


def messages(path: Path) -> list[Message]:
    recording = open_recording(path)
    found = [codec.decode(frame) for frames in recording.frames() for frame in frames]
    assert recording.status().progress == 1.0
    return found


def runs(found: list[Message]) -> list[int]:
    columns = [batch.columns["run_id"] for batch in found if isinstance(batch, SpanBatch)]
    return [int(value) for value in np.concatenate(columns)]


def test_lines_of_all_signals_with_bad_and_cut_ones_between(tmp_path: Path) -> None:
    lines = [
        otlp_json.line(tasks(50)),
        b"",
        b"{not json",
        otlp_json.line(tasks(50, first=40)),
        b'{"somethingElse": []}',
        otlp_json.line(gauge("m", 1.0)),
        otlp_json.line(record("e", {})),
        otlp_json.line(tasks(5, first=500))[:-20],
    ]
    path = tmp_path / "any name"
    path.write_bytes(b"\n".join(lines))
    recording = open_recording(path)
    found = [codec.decode(frame) for frames in recording.frames() for frame in frames]
    assert runs(found) == list(range(90))
    assert sum(len(batch) for batch in found if isinstance(batch, PointBatch)) == 1
    assert sum(len(batch) for batch in found if isinstance(batch, EventBatch)) == 1
    status = recording.status()
    assert (status.spans, status.points, status.events) == (90, 1, 1)
    assert (status.rejected, status.duplicates, status.progress) == (3, 10, 1.0)


def test_lines_that_weigh_much_together_are_decoded_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"\n".join(otlp_json.line(tasks(20, first=20 * n)) for n in range(5)))
    most = 2 * weight(Signal.TRACES, Encoding.PROTOBUF, tasks(22).SerializeToString())
    monkeypatch.setattr("daskscope.ingest.decoding.MAX_WEIGHT", most)
    found = messages(path)
    assert [len(batch) for batch in found if isinstance(batch, SpanBatch)] == [40, 40, 20]
    assert runs(found) == list(range(100))


def test_what_has_no_line_of_otlp_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"name": "somebody else\'s"}\n{not json\n')
    with pytest.raises(RecordingError, match=r"a\.jsonl has not one line of OTLP JSON"):
        messages(path)
    with pytest.raises(RecordingError, match="not one line"):
        export(path, tmp_path / "out.jsonl", "traces", lambda _: None)
    assert [found.name for found in tmp_path.iterdir()] == ["a.jsonl"]


def test_definitions_come_once_and_before_what_needs_them(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [otlp_json.line(tasks(20, first=20 * n, trace=n)) for n in range(200)]
    path.write_bytes(b"\n".join(lines) + b"\n")
    n_strings = n_traces = 0
    for message in messages(path):
        if isinstance(message, Definitions):
            assert (message.strings_base, message.traces_base) == (n_strings, n_traces)
            n_strings += len(message.strings)
            n_traces += len(message.traces)
        elif isinstance(message, SpanBatch):
            assert int(message.columns["trace"].max()) < n_traces
            assert int(message.columns["name"].max()) < n_strings
    assert n_traces == 200


def journal_with(path: Path, n_requests: int) -> Journal:
    journal = Journal(path)
    entries = [
        Entry(n, n, Signal.TRACES, Encoding.PROTOBUF, tasks(10, first=10 * n).SerializeToString())
        for n in range(1, n_requests + 1)
    ]
    journal.commit(entries, Meta(requests=n_requests, last_ns=n_requests, title=path.stem))
    return journal


def test_requests_that_are_in_no_chunk_are_decoded(tmp_path: Path) -> None:
    journal = journal_with(tmp_path / "a.dscope", 100)
    assert runs(messages(tmp_path / "a.dscope")) == list(range(10, 1010))
    journal.close()
    assert runs(messages(tmp_path / "a.dscope")) == list(range(10, 1010))


def test_deltas_go_on_after_the_last_chunk(tmp_path: Path) -> None:
    """The process was killed, so the requests after the last chunk are decoded again."""
    decoder = Decoder()
    journal = Journal(tmp_path / "a.dscope")
    for number, value in enumerate((5.0, 2.0, 1.0), 1):
        delta = gauge("m", 0.0)
        metric = delta.resource_metrics[0].scope_metrics[0].metrics[0]
        metric.sum.aggregation_temporality = AGGREGATION_TEMPORALITY_DELTA
        metric.sum.data_points.add(time_unix_nano=number, as_double=value)
        body = delta.SerializeToString()
        entry = Entry(number, number, Signal.METRICS, Encoding.PROTOBUF, body)
        parsed = parse(entry.signal, entry.encoding, body)
        group = decoder.decode([Numbered(number, number, parsed)])
        decoder.accept(group)
        definitions = decoder.tables.since(Mark(), group.mark)
        assert definitions is not None
        sealed = packed((definitions, *group.batches), number)
        journal.commit([entry], Meta(requests=number), sealed if number == 1 else ())
    journal.close()

    found = [batch for batch in messages(journal.path) if isinstance(batch, PointBatch)]
    assert [batch.columns["value"].tolist() for batch in found] == [[5.0], [7.0, 8.0]]


def test_the_list_of_sessions_is_newest_first_without_those_in_use(tmp_path: Path) -> None:
    journal_with(tmp_path / "old.dscope", 1).close()
    journal_with(tmp_path / "new.dscope", 3).close()
    in_use = journal_with(tmp_path / "live.dscope", 5)
    (tmp_path / "foreign.dscope").write_text("hello")
    (tmp_path / "folder.dscope").mkdir()
    assert [info.meta.title for info in recordings(tmp_path)] == ["new", "old"]
    in_use.close()
    assert [info.path.stem for info in recordings(tmp_path)] == ["live", "new", "old"]
    assert not any(info.is_unended for info in recordings(tmp_path))


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n", b"[1, 2]", b"\x00" * 100])
def test_what_is_no_recording(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.dscope"
    path.write_bytes(content)
    with pytest.raises(RecordingError) as raised:
        open_recording(path)
    assert "\n" not in str(raised.value)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(RecordingError, match="cannot read"):
            open_recording(path)
