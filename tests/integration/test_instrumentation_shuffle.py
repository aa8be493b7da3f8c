"""Network and disk of P2P shuffles and rechunks, on real clusters, against Dask's own counters."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import dask
import numpy as np
import pytest
from dask.base import annotate
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from dask_otel import conventions as names
from dask_otel import correlate
from dask_otel.compat import shuffle
from tests.clusters import instrumented

if TYPE_CHECKING:
    from distributed import Client, Worker

    from tests.sinks import SeenSpan, Sink

pytestmark = pytest.mark.cluster

N_ROWS = 20_000
SIDE = 600
P2P = {
    "dataframe.shuffle.method": "p2p",
    "array.rechunk.method": "p2p",
    "array.chunk-size": "512 KiB",  # or all of the array is merged into one chunk before
}
#: Two workers, each with a thread, in this process or each with a nanny in its own.
PLACES = [{"processes": False}, {"processes": True}]


def shuffled(sink: Sink, action: str) -> list[SeenSpan]:
    return [
        seen
        for seen in sink.spans()
        if seen.attributes[names.ACTION] == action and names.SHUFFLE_ID in seen.attributes
    ]


def part_of_frame(number: int) -> Any:
    import pandas as pd

    values = np.arange(number, N_ROWS, 8)
    return pd.DataFrame({"key": values % 97, "value": values.astype(float)})


def shuffle_a_dataframe() -> None:
    import pandas as pd
    from dask import dataframe as dd

    shuffle = dd.from_map(part_of_frame, range(8)).shuffle("key", npartitions=6)
    found = shuffle.compute().sort_values("value").reset_index(drop=True)
    expected = pd.concat(map(part_of_frame, range(8))).sort_values("value").reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected)


def rechunk_an_array() -> None:
    from dask import array as da

    array = da.random.default_rng(0).random((SIDE, SIDE), chunks=(SIDE // 6, SIDE))
    found = array.rechunk((SIDE, SIDE // 5)).compute()
    np.testing.assert_array_equal(found, array.compute(scheduler="synchronous"))


def counters(client: Client) -> Counter[tuple[str, ...]]:
    """Dask's own counters of P2P, without the Dask span that they are counted under."""

    def read(dask_worker: Worker) -> dict[tuple[str, ...], float]:
        found: Counter[tuple[str, ...]] = Counter()
        for name, value in dask_worker.digests_total.items():
            if isinstance(name, tuple) and name[0] == "p2p":
                found[tuple(map(str, name[2:]))] += value  # type: ignore[assignment]
        return dict(found)

    total: Counter[tuple[str, ...]] = Counter()
    for one in client.run(read).values():
        total.update(one)
    return total


def duration_ns(seen: SeenSpan) -> int:
    return seen.span.end_time_unix_nano - seen.span.start_time_unix_nano


def assert_both_ends_agree(sink: Sink) -> None:
    """Each batch sent has arrived, whole, at the worker to which it was sent."""
    sent = {seen.attributes[names.TRANSFER_ID]: seen for seen in shuffled(sink, names.ACTION_SEND)}
    received = {
        seen.attributes[names.TRANSFER_ID]: seen for seen in shuffled(sink, names.ACTION_TRANSFER)
    }
    assert len(sent) == len(shuffled(sink, names.ACTION_SEND)) > 0
    assert len(received) == len(shuffled(sink, names.ACTION_TRANSFER))
    assert sent.keys() == received.keys()
    by_pair: Counter[tuple[str, str]] = Counter()
    for transfer_id, one in sent.items():
        other = received[transfer_id]
        assert one.attributes[names.TRANSFER_PEER] == other.resource[names.WORKER_ADDRESS]
        assert one.attributes[names.TRANSFER_BYTES] == other.attributes[names.TRANSFER_BYTES] > 0
        assert one.attributes[names.SHUFFLE_ID] == other.attributes[names.SHUFFLE_ID]
        # Workers only estimate how far their clocks are from the scheduler's: no times.
        assert 0 <= duration_ns(other) <= duration_ns(one) + 2_000
        assert (one.span.kind, other.span.kind) == (Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT)
        by_pair[one.resource[names.WORKER_ADDRESS], one.attributes[names.TRANSFER_PEER]] += 1
    assert len(by_pair) == 4  # each of the two sends to both


@pytest.mark.parametrize("place", PLACES, ids=["threads", "nannies"])
@pytest.mark.parametrize("work", [shuffle_a_dataframe, rechunk_an_array])
def test_what_is_sent_is_received_written_and_read(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, place: dict[str, Any], work: Any
) -> None:
    options = {"n_workers": 2, "threads_per_worker": 1, **place}
    with dask.config.set(P2P), instrumented(monkeypatch, sink.endpoint, **options) as client:
        work()
        counted = counters(client)
    assert_both_ends_agree(sink)
    sends = shuffled(sink, names.ACTION_SEND)
    assert len(sends) == counted["background-comms", "process", "count"]

    writes = shuffled(sink, names.ACTION_DISK_WRITE)
    assert len(writes) == counted["background-disk", "disk-write", "count"]
    reads = shuffled(sink, names.ACTION_DISK_READ)
    assert len(reads) == counted["foreground", "disk-read", "count"] > 0
    n_bytes = sum(seen.attributes[names.DISK_BYTES] for seen in reads)
    assert n_bytes == counted["foreground", "disk-read", "bytes"]
    assert n_bytes == sum(seen.attributes[names.DISK_BYTES] for seen in writes)
    if work is shuffle_a_dataframe:  # Dask counts no bytes for arrays
        assert n_bytes == counted["background-disk", "disk-write", "bytes"]
    causes = {seen.attributes[names.DISK_CAUSE] for seen in (*reads, *writes)}
    assert causes == {names.DISK_CAUSE_SHUFFLE}

    attempts = {
        seen.span.span_id: seen
        for seen in sink.spans()
        if seen.attributes[names.ACTION] == names.ACTION_COMPUTE
    }
    for read in reads:
        attempt = attempts[read.span.parent_span_id]
        assert read.attributes[names.THREAD_ID] == attempt.attributes[names.THREAD_ID]
        assert attempt.span.start_time_unix_nano <= read.span.start_time_unix_nano
        assert read.span.end_time_unix_nano <= attempt.span.end_time_unix_nano
    traces = {attempt.span.trace_id for attempt in attempts.values()}
    graphs = {seen.span.parent_span_id for seen in attempts.values()}
    for seen in (*sends, *shuffled(sink, names.ACTION_TRANSFER), *writes):
        assert seen.span.trace_id in traces
        assert seen.span.parent_span_id in graphs
    ids = [seen.span.span_id for seen in sink.spans()]
    assert len(ids) == len(set(ids))


def test_what_is_kept_in_memory_touches_no_disk(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1}
    with (
        dask.config.set({**P2P, "distributed.p2p.storage.disk": False}),
        instrumented(monkeypatch, sink.endpoint, **options),
    ):
        rechunk_an_array()
    assert_both_ends_agree(sink)
    assert shuffled(sink, names.ACTION_DISK_WRITE) == []
    assert shuffled(sink, names.ACTION_DISK_READ) == []


def test_a_disk_that_fails_fails_the_shuffle_and_is_seen(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    """The worker's directory is full: Dask's own way to write is made to say so."""
    from distributed.shuffle._disk import DiskShardsBuffer

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(DiskShardsBuffer, "_write_frames", full)
    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1}
    with (
        dask.config.set(P2P),
        instrumented(monkeypatch, sink.endpoint, **options),
        pytest.raises(Exception, match=r"P2P|space"),
    ):
        rechunk_an_array()
    failed = shuffled(sink, names.ACTION_DISK_WRITE)
    assert failed
    assert {seen.attributes[names.ERROR_TYPE] for seen in failed} == {"OSError"}


def test_a_worker_alone_on_its_host_is_named() -> None:
    addresses = ["tcp://10.0.0.1:4000", "tcp://10.0.0.2:4000", "tcp://10.0.0.2:4001"]
    run = SimpleNamespace(partitions_of={address: [0] for address in addresses})
    assert shuffle._peers(run) == {"10.0.0.1": "tcp://10.0.0.1:4000"}


def test_a_shuffle_is_in_the_trace_of_whoever_submitted_it(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    trace = b"\x17" * 16
    said = {"traceparent": correlate.traceparent(trace, b"\x23" * 8)}
    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1}
    with (
        dask.config.set(P2P),
        instrumented(monkeypatch, sink.endpoint, **options),
        annotate(otel=said),
    ):
        rechunk_an_array()
    assert_both_ends_agree(sink)
    spans = [seen for seen in sink.spans() if names.SHUFFLE_ID in seen.attributes]
    assert {seen.span.trace_id for seen in spans} == {trace}
