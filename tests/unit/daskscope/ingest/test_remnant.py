"""Recordings that are cut short: a real file, cut at many places."""

from __future__ import annotations

import contextlib
import random
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
from daskscope.store.schema import Definitions, SpanBatch
from tests.telemetry import gauge, tasks

if TYPE_CHECKING:
    from pathlib import Path

    from daskscope.store.schema import Message, SourceStatus

N_REQUESTS = 120
N_SPANS = 40
N_SEALED = 5
PAGE_BYTES = 16_384


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A recording: three requests with spans, then one with a point, and so on; chunks of five."""
    path = tmp_path_factory.mktemp("whole") / "run.dscope"
    journal, decoder, counts = Journal(path), Decoder(), Counts()
    unsealed: list[Message] = []
    for number in range(1, N_REQUESTS + 1):
        if number % 4:
            signal = Signal.TRACES
            body = tasks(N_SPANS, first=number * N_SPANS).SerializeToString()
        else:
            signal, body = Signal.METRICS, gauge("m", number).SerializeToString()
        known = decoder.tables.mark()
        group = decoder.decode([Numbered(number, number, parse(signal, Encoding.PROTOBUF, body))])
        decoder.accept(group)
        counts = counts.plus(group, 1)
        definitions = decoder.tables.since(known, group.mark)
        unsealed += [*([definitions] if definitions else []), *group.batches]
        meta = Meta("c", 1, number, False, counts.requests, counts.spans, counts.points)
        entry = Entry(number, number, signal, Encoding.PROTOBUF, body)
        is_full = number % N_SEALED == 0 and number < N_REQUESTS
        chunks = packed(unsealed, number) if is_full else []
        journal.commit([entry], meta, chunks)
        unsealed = [] if chunks else unsealed
    long = "".join(random.Random(1).choices("0123456789abcdef", k=80_000))
    base = decoder.tables.mark().strings
    unsealed.append(Definitions(strings_base=base, strings=(long,)))
    journal.commit((), meta, packed(unsealed, N_REQUESTS))
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
    """Requests of which the spans are there, and what is said in the end."""
    recording = open_recording(path)
    messages = [codec.decode(frame) for frames in recording.frames() for frame in frames]
    n_traces = 0
    for new in messages:
        if isinstance(new, Definitions) and new.traces:
            assert new.traces_base == n_traces
            n_traces += len(new.traces)
    spans = [batch.columns["run_id"] for batch in messages if isinstance(batch, SpanBatch)]
    return numbers(np.concatenate(spans).tolist() if spans else []), recording.status()


def cut(whole: bytes, n_bytes: int, path: Path) -> Path:
    path.write_bytes(whole[:n_bytes])
    return path


def places(whole: bytes, path: Path, column: str, table: str) -> dict[int, tuple[int, int]]:
    """Where the blob of each row lies in the file."""
    path.write_bytes(whole)
    with contextlib.closing(sqlite3.connect(path)) as db:
        blobs = dict(db.execute(f"SELECT id, {column} FROM {table}").fetchall())
    begins = {number: whole.find(blob) for number, blob in blobs.items()}
    # One that is long lies in pieces, at the end.
    return {number: (at, at + len(blobs[number])) for number, at in begins.items() if at >= 0}


def sealed(whole: bytes, path: Path, n_bytes: int) -> int:
    """The last request of all chunks that lie before a place."""
    found = places(whole, path, "frame", "chunks")
    with contextlib.closing(sqlite3.connect(path)) as db:
        last = dict(db.execute("SELECT id, last_request FROM chunks").fetchall())
    return max((last[number] for number, (_, end) in found.items() if end <= n_bytes), default=0)


@pytest.mark.parametrize("is_ended", [True, False])
@pytest.mark.parametrize("share", [0.08, 0.2, 0.35, 0.5, 0.6, 0.7, 0.8])
def test_what_lies_before_the_cut_is_read_and_what_is_missing_is_counted(
    whole: bytes, unended: bytes, tmp_path: Path, share: float, *, is_ended: bool
) -> None:
    data = whole if is_ended else unended
    place_of = places(data, tmp_path / "whole.dscope", "body", "requests")
    for n_bytes in (int(share * len(data)), int(share * len(data)) // PAGE_BYTES * PAGE_BYTES):
        path = cut(data, n_bytes, tmp_path / f"{n_bytes}.dscope")
        found, status = read(path)
        # Of the page that is cut some may be there, and of its rows some may not.
        n_whole = n_bytes // PAGE_BYTES * PAGE_BYTES
        surely = {number for number, (_, end) in place_of.items() if end <= n_whole}
        perhaps = {number for number, (_, end) in place_of.items() if end <= n_bytes}
        perhaps |= set(range(1, sealed(data, tmp_path / "whole.dscope", n_bytes) + 1))
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


def test_of_a_file_that_lacks_only_the_last_chunks_nothing_is_missing(
    whole: bytes, tmp_path: Path
) -> None:
    last = max(end for _, end in places(whole, tmp_path / "w", "body", "requests").values())
    n_bytes = (last // PAGE_BYTES + 1) * PAGE_BYTES
    assert n_bytes < len(whole)
    found, status = read(cut(whole, n_bytes, tmp_path / "cut.dscope"))
    assert found == [number for number in range(1, N_REQUESTS + 1) if number % 4]
    assert (status.problem, status.progress) == ("", 1.0)


def test_chunks_are_taken_where_requests_are_gone(whole: bytes, tmp_path: Path) -> None:
    """And of the last chunks that are there some may be missing: these requests are looked up."""
    begin, end = places(whole, tmp_path / "w", "body", "requests")[3]
    n_bytes = len(whole) // 2
    data = whole[:begin] + bytes(end - begin) + whole[end:n_bytes]
    before, before_status = read(cut(whole, n_bytes, tmp_path / "before.dscope"))
    found, status = read(cut(data, n_bytes, tmp_path / "cut.dscope"))
    assert found == before
    assert 3 in found
    missing, missing_before = (one.problem.split(" is ")[1] for one in (status, before_status))
    assert missing == missing_before


@pytest.mark.parametrize("n_bytes", [4_097, PAGE_BYTES, 2 * PAGE_BYTES - 100])
def test_where_nothing_can_be_read_that_is_said(whole: bytes, tmp_path: Path, n_bytes: int) -> None:
    path = cut(whole, n_bytes, tmp_path / "cut.dscope")
    with pytest.raises(RecordingError, match=r"cut\.dscope is cut short, and nothing in it can be"):
        open_recording(path)
    assert recordings(tmp_path) == []


def test_a_request_of_which_a_part_was_overwritten_is_missing(whole: bytes, tmp_path: Path) -> None:
    """A copy that was cut may have been filled up with zeros to a page, or beyond."""
    begin, end = places(whole, tmp_path / "w", "body", "requests")[58]  # 55 are in chunks by then
    n_bytes = (end // PAGE_BYTES + 1) * PAGE_BYTES
    before, _ = read(cut(whole, n_bytes, tmp_path / "before.dscope"))
    middle = (begin + end) // 2
    data = whole[:middle] + bytes(end - middle) + whole[end:n_bytes]
    found, _ = read(cut(data, n_bytes, tmp_path / "cut.dscope"))
    assert set(before) - set(found) == {58}


def test_what_is_left_is_exported_and_what_is_missing_is_said(whole: bytes, tmp_path: Path) -> None:
    path = cut(whole, len(whole) // 2, tmp_path / "cut.dscope")
    found, status = read(path)
    output = tmp_path / "out.jsonl"
    with pytest.raises(RecordingError, match="missing; what is there has been written") as raised:
        export(path, output, "traces", lambda _: None)
    assert status.problem in str(raised.value)
    assert 0 < len(output.read_bytes().splitlines()) <= len(found)


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
