"""Recordings that are cut short: a real file, cut at many places."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from typing import TYPE_CHECKING

import numpy as np
import pytest

from daskscope.ingest import codec
from daskscope.ingest.catalogue import recordings
from daskscope.ingest.decoder import Counts, Decoder, Numbered
from daskscope.ingest.envelope import Encoding, Signal
from daskscope.ingest.export import export
from daskscope.ingest.inquiry import Search
from daskscope.ingest.journal import Entry, Journal, Meta, RecordingError
from daskscope.ingest.otlp import parse
from daskscope.ingest.packing import packed
from daskscope.ingest.recording import open_recording
from daskscope.store.inquiry import Asked, Query
from daskscope.store.schema import SpanBatch
from tests.telemetry import gauge, tasks

if TYPE_CHECKING:
    from pathlib import Path

    from daskscope.store.schema import SourceStatus

N_REQUESTS = 120
N_SPANS = 40
PAGE_BYTES = 16_384


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A recording with chunks: three requests with spans, then one with a point, and so on."""
    path = tmp_path_factory.mktemp("whole") / "run.dscope"
    journal, decoder, counts = Journal(path), Decoder(), Counts()
    for number in range(1, N_REQUESTS + 1):
        if number % 4:
            signal = Signal.TRACES
            body = tasks(N_SPANS, first=number * N_SPANS).SerializeToString()
        else:
            signal, body = Signal.METRICS, gauge("m", number).SerializeToString()
        known = decoder.tables.mark()
        parsed = parse(signal, Encoding.PROTOBUF, body)
        group = decoder.decode([Numbered(number, number, parsed)])
        decoder.accept(group)
        counts = counts.plus(group, 1)
        definitions = decoder.tables.since(known, group.mark)
        messages = [*([definitions] if definitions else []), *group.batches]
        meta = Meta("c", 1, number, False, counts.requests, counts.spans, counts.points)
        entry = Entry(number, number, signal, Encoding.PROTOBUF, body)
        journal.commit([entry], meta, packed(messages, number) if number % 8 else ())
    journal.commit((), meta, packed(messages * 400, number))
    journal.close()
    return path.read_bytes()


@pytest.fixture(scope="module")
def unended(whole: bytes, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The same as it is while it is written, all of it merged into the file."""
    path = tmp_path_factory.mktemp("unended") / "run.dscope"
    path.write_bytes(whole)
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        return path.read_bytes()


def numbers(found: list[int]) -> list[int]:
    """Requests of which the spans are; of each there are all."""
    requests, n_each = np.unique(np.array(found, np.int64) // N_SPANS, return_counts=True)
    assert set(n_each.tolist()) <= {N_SPANS}
    return [int(number) for number in requests]


def read(path: Path) -> tuple[list[int], SourceStatus]:
    recording = open_recording(path)
    messages = [codec.decode(frame) for frames in recording.frames() for frame in frames]
    spans = [batch.columns["run_id"] for batch in messages if isinstance(batch, SpanBatch)]
    assert recording.status().progress == 1.0 or recording.status().problem
    return numbers(np.concatenate(spans).tolist() if spans else []), recording.status()


def cut(whole: bytes, n_bytes: int, path: Path) -> Path:
    path.write_bytes(whole[:n_bytes])
    return path


def places(whole: bytes, path: Path) -> dict[int, tuple[int, int]]:
    """Where the body of each request lies in the file."""
    path.write_bytes(whole)
    with contextlib.closing(sqlite3.connect(path)) as db:
        blobs = dict(db.execute("SELECT id, body FROM requests").fetchall())
    begins = {number: whole.index(blob) for number, blob in blobs.items()}
    return {number: (at, at + len(blobs[number])) for number, at in begins.items()}


@pytest.mark.parametrize("is_ended", [True, False])
@pytest.mark.parametrize("share", [0.08, 0.2, 0.35, 0.5, 0.6, 0.7, 0.75])
def test_what_lies_before_the_cut_is_read_and_what_is_missing_is_counted(
    whole: bytes, unended: bytes, tmp_path: Path, share: float, *, is_ended: bool
) -> None:
    data = whole if is_ended else unended
    place_of = places(data, tmp_path / "whole.dscope")
    for n_bytes in (int(share * len(data)), int(share * len(data)) // PAGE_BYTES * PAGE_BYTES):
        path = cut(data, n_bytes, tmp_path / f"{n_bytes}.dscope")
        found, status = read(path)
        # Of the page that is cut some may be there, and of its rows some may not.
        n_whole = n_bytes // PAGE_BYTES * PAGE_BYTES
        surely = {number for number, (_, end) in place_of.items() if end <= n_whole}
        perhaps = {number for number, (_, end) in place_of.items() if end <= n_bytes}
        assert {number for number in surely if number % 4} <= set(found)
        assert set(found) <= perhaps
        missing = re.fullmatch(
            rf"{path} is cut short: 0\.\d of 0\.\d MB are there, (\d+) of 120 requests are missing",
            status.problem,
        )
        assert missing is not None
        assert N_REQUESTS - len(perhaps) <= int(missing[1]) <= N_REQUESTS - len(surely)
        assert status.progress < 1.0
        assert status.spans == N_REQUESTS * 3 // 4 * N_SPANS


def test_of_a_file_that_lacks_chunks_alone_nothing_is_missing(whole: bytes, tmp_path: Path) -> None:
    last = max(end for _, end in places(whole, tmp_path / "whole.dscope").values())
    n_bytes = (last // PAGE_BYTES + 1) * PAGE_BYTES
    assert n_bytes < len(whole)
    found, status = read(cut(whole, n_bytes, tmp_path / "cut.dscope"))
    assert found == [number for number in range(1, N_REQUESTS + 1) if number % 4]
    assert (status.problem, status.progress) == ("", 1.0)


@pytest.mark.parametrize("n_bytes", [4_097, PAGE_BYTES, 2 * PAGE_BYTES - 100])
def test_where_nothing_can_be_read_that_is_said(whole: bytes, tmp_path: Path, n_bytes: int) -> None:
    path = cut(whole, n_bytes, tmp_path / "cut.dscope")
    with pytest.raises(RecordingError, match=r"cut\.dscope is cut short, and nothing in it can be"):
        open_recording(path)
    assert recordings(tmp_path) == []


def test_a_request_of_which_a_part_was_overwritten_is_missing(whole: bytes, tmp_path: Path) -> None:
    """A copy that was cut may have been filled up with zeros to a page, or beyond."""
    place_of = places(whole, tmp_path / "whole.dscope")
    n_bytes = len(whole) // 2
    begin, end = next(place for place in place_of.values() if place[1] > n_bytes // 2)
    data = whole[: (begin + end) // 2] + bytes(end - (begin + end) // 2) + whole[end:n_bytes]
    found, _ = read(cut(data, n_bytes, tmp_path / "cut.dscope"))
    before, _ = read(cut(whole, n_bytes, tmp_path / "before.dscope"))
    (gone,) = set(before) - set(found)
    assert place_of[gone] == (begin, end)


def test_what_is_left_is_exported_and_what_is_missing_is_said(whole: bytes, tmp_path: Path) -> None:
    path = cut(whole, len(whole) // 2, tmp_path / "cut.dscope")
    found, status = read(path)
    output = tmp_path / "out.jsonl"
    with pytest.raises(RecordingError, match="missing; what is there has been written") as raised:
        export(path, output, "traces", lambda _: None)
    assert status.problem in str(raised.value)
    assert len(output.read_bytes().splitlines()) == len(found)


def test_dependents_are_searched_in_what_is_left(whole: bytes, tmp_path: Path) -> None:
    archive = open_recording(cut(whole, len(whole) // 2, tmp_path / "cut.dscope")).archive()
    wanted = int.from_bytes(tasks(2).resource_spans[0].scope_spans[0].spans[0].span_id, "big")
    search = Search(archive, Query(1, Asked.DEPENDENTS, 1, wanted))
    assert search.advance(60.0).is_over
    archive.close()


def test_it_is_among_the_recordings(whole: bytes, tmp_path: Path) -> None:
    cut(whole, len(whole) // 2, tmp_path / "cut.dscope")
    (info,) = recordings(tmp_path)
    assert info.meta.requests == N_REQUESTS
