from __future__ import annotations

from dataclasses import replace

import numpy as np

from daskscope.ingest import tail
from daskscope.ingest.decoder import Decoder, Group, Numbered
from daskscope.ingest.envelope import Encoding, Signal
from daskscope.ingest.otlp import parse
from daskscope.store.schema import EventBatch, PointBatch, RunningWords, SpanBatch
from tests.telemetry import gauge, record, tasks


def groups(n_spans: int, n_groups: int) -> list[Group]:
    decoder = Decoder()
    found = []
    number = 0
    for index in range(n_groups):
        requests = []
        for signal, message in (
            (Signal.TRACES, tasks(n_spans, first=index * n_spans)),
            (Signal.METRICS, gauge("m", index)),
            (Signal.LOGS, record("e", {"n": index})),
            (Signal.LOGS, record("dask.worker.running", {})),
        ):
            number += 1
            parsed = parse(signal, Encoding.PROTOBUF, message.SerializeToString())
            requests.append(Numbered(number, 0, parsed))
        found.append(decoder.decode(requests))
    return found


def test_chunks_say_the_same_in_fewer_messages() -> None:
    batches = [batch for group in groups(30_000, 5) for batch in group.batches]
    chunks = list(tail.chunks(batches))
    kinds = [RunningWords, SpanBatch, SpanBatch, SpanBatch, PointBatch, EventBatch]
    assert [type(chunk) for chunk in chunks] == kinds
    spans = [chunk for chunk in chunks if isinstance(chunk, SpanBatch)]
    assert [len(chunk) for chunk in spans] == [65_536, 65_536, 150_000 - 2 * 65_536]
    runs = np.concatenate([chunk.columns["run_id"] for chunk in spans])
    np.testing.assert_array_equal(runs, np.arange(150_000))
    keys = [chunk.keys[row] for chunk in spans for row in (0, len(chunk) - 1)]
    assert [key.split(", ")[1] for key in keys] == [
        str(n) for n in (0, 65_535, 65_536, 131_071, 131_072, 149_999)
    ]
    assert isinstance(chunks[0], RunningWords)
    assert chunks[0].words["request"].tolist() == [20]  # its last word


def test_what_came_after_a_request() -> None:
    chunks = list(tail.chunks([batch for group in groups(10, 3) for batch in group.batches]))
    running, spans, points, events = chunks
    assert tail.after(spans, 0) is spans
    rest = tail.after(spans, 1)
    assert isinstance(rest, SpanBatch)
    assert rest.columns["run_id"].tolist() == list(range(10, 30))
    assert [rest.keys[row] for row in range(20)] == [spans.keys[row] for row in range(10, 30)]  # type: ignore[union-attr]
    assert tail.after(spans, 12) is None
    rest = tail.after(running, 11)
    assert isinstance(rest, RunningWords)
    assert rest.words["request"].tolist() == [12]
    assert tail.after(running, 12) is None
    rest = tail.after(points, 2)
    assert isinstance(rest, PointBatch)
    assert rest.columns["value"].tolist() == [1, 2]
    rest = tail.after(events, 7)
    assert isinstance(rest, EventBatch)
    assert [rest.attributes[row] for row in range(len(rest))] == ['{"n":2}']


def test_a_view_stays_as_it_was() -> None:
    first, second, third = groups(10, 3)
    store = tail.Tail()
    store.append(first)
    view = store.view()
    store.append(second)
    assert [piece.last_request for piece in store.begin_seal().pieces] == [4, 8]
    store.append(third)
    assert [piece.last_request for piece in store.view().pieces] == [4, 8, 12]
    store.sealed(7)
    assert [piece.last_request for piece in view.pieces] == [4]
    after = store.view()
    assert [piece.last_request for piece in after.pieces] == [12]
    assert (after.last_chunk, after.sealed_request) == (7, 8)
    assert after.sealed_mark == second.mark


def test_it_is_full_by_rows_by_groups_or_by_bytes() -> None:
    (group,) = groups(10, 1)
    store = tail.Tail()
    for _ in range(tail.MAX_GROUPS):
        assert not store.is_full()
        store.append(replace(group, spans=None))
    assert store.is_full()
    store.begin_seal()
    assert not store.is_full()
    (big,) = groups(tail.CHUNK_ROWS, 1)
    store.append(big)
    assert store.is_full()


def test_long_texts_make_it_full() -> None:
    (group,) = groups(10, 1)
    assert group.n_bytes > 1_000
    long = replace(group, n_bytes=tail.MAX_BYTES // 2)
    store = tail.Tail()
    store.append(long)
    assert not store.is_full()
    store.append(long)
    assert store.is_full()
    store.begin_seal()
    store.append(long)
    assert not store.is_full()
