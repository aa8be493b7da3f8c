from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from daskscope.ingest import otlp_json
from daskscope.ingest.envelope import Encoding, Signal
from daskscope.ingest.export import export
from daskscope.ingest.journal import Entry, Journal, Meta, RecordingError
from tests.telemetry import gauge, record, span_id, tasks

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    bad = tasks(2, first=100)
    bad.resource_spans[0].scope_spans[0].spans[0].span_id = b""
    bodies = [
        (Signal.TRACES, Encoding.PROTOBUF, tasks(30).SerializeToString()),
        (Signal.METRICS, Encoding.PROTOBUF, gauge("m", 1.0).SerializeToString()),
        (Signal.TRACES, Encoding.JSON, otlp_json.line(tasks(30, first=20))),
        (Signal.LOGS, Encoding.PROTOBUF, record("e", {"x": 1}).SerializeToString()),
        (Signal.TRACES, Encoding.PROTOBUF, bad.SerializeToString()),
        (Signal.TRACES, Encoding.PROTOBUF, tasks(5).SerializeToString()),
    ]
    journal = Journal(tmp_path / "a.dscope")
    entries = [Entry(n, n, *body) for n, body in enumerate(bodies, 1)]
    journal.commit(entries, Meta(requests=len(entries)))
    journal.close()
    return tmp_path / "a.dscope"


def ids(path: Path) -> list[str]:
    return [
        span["spanId"]
        for line in path.read_text().splitlines()
        for group in json.loads(line)["resourceSpans"]
        for scope in group["scopeSpans"]
        for span in scope["spans"]
    ]


def test_traces_once_each_and_again_from_the_export(source: Path, tmp_path: Path) -> None:
    shares: list[float] = []
    output = tmp_path / "out.jsonl"
    assert export(source, output, "traces", shares.append) == 51
    assert ids(output) == [span_id(n).hex() for n in (*range(50), 101)]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert export(output, tmp_path / "again.jsonl", "traces", shares.append) == 51
    assert (tmp_path / "again.jsonl").read_bytes() == output.read_bytes()


def test_other_signals(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    assert export(source, output, "metrics", lambda _: None) == 1
    assert list(json.loads(output.read_text())) == ["resourceMetrics"]
    assert export(source, output, "logs", lambda _: None) == 1
    assert list(json.loads(output.read_text())) == ["resourceLogs"]
    assert export(output, tmp_path / "none.jsonl", "traces", lambda _: None) == 0
    assert (tmp_path / "none.jsonl").read_bytes() == b""


def test_a_damaged_request_is_one_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.dscope")
    journal.commit([Entry(1, 1, Signal.TRACES, Encoding.PROTOBUF, b"\xff")], Meta(requests=1))
    journal.close()
    with pytest.raises(RecordingError, match=r"a\.dscope is damaged"):
        export(tmp_path / "a.dscope", tmp_path / "out.jsonl", "traces", lambda _: None)
    assert [path.name for path in tmp_path.iterdir()] == ["a.dscope"]


def test_what_cannot_be_written_leaves_nothing(source: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    folder = tmp_path / "folder.jsonl"
    for output in (tmp_path / "out.parquet", tmp_path / "no" / "out.jsonl"):
        with pytest.raises(RecordingError) as raised:
            export(source, output, "traces", lambda _: None)
        assert "\n" not in str(raised.value)
    assert sorted(tmp_path.iterdir()) == before
    folder.mkdir()
    with pytest.raises(RecordingError, match="folder"):
        export(source, folder, "traces", lambda _: None)


def test_an_export_that_breaks_off_leaves_the_old_file(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    output.write_text("old")

    def interrupt(_share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(source, output, "traces", interrupt)
    assert output.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.dscope", "out.jsonl"]


def test_a_source_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.dscope").write_text("hello")
    with pytest.raises(RecordingError, match="neither"):
        export(tmp_path / "a.dscope", tmp_path / "out.jsonl", "traces", lambda _: None)
