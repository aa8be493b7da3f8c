"""Both ends of every batch, what failed of them, and a worker that is left as it was."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

import dask
import distributed.worker
import pytest
from distributed import Client, LocalCluster, Nanny, Worker, span
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from dask_otel import conventions as names
from dask_otel import preload
from dask_otel.compat import worker as dasks
from dask_otel.worker import reading
from dask_otel.worker.adapter import WorkerAdapter
from dask_otel.worker.attempts import Attempts
from dask_otel.worker.context import ContextProbe
from dask_otel.worker.heartbeat import HeartbeatProbe
from dask_otel.worker.pending import Pending
from dask_otel.worker.transfers import TransferProbe
from tests.clusters import held, instrumented, is_given_up
from tests.sinks import HttpSink, SeenSpan, Sink
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

pytestmark = pytest.mark.cluster

MIB = 1 << 20


def spans(sink: Sink, action: str) -> list[SeenSpan]:
    return [seen for seen in sink.spans() if seen.attributes[names.ACTION] == action]


def make(size: int) -> bytes:
    return bytes(size)


class Unreadable:
    def __reduce__(self) -> Any:
        return _raise, ()


def _raise() -> None:
    raise ValueError("not to be read")


class Stuck:
    """A value that its worker needs a while to write."""

    def __init__(self, after_s: float) -> None:
        self.after_s = after_s

    def __reduce__(self) -> Any:
        time.sleep(self.after_s)
        return bytes, (5,)


@pytest.mark.parametrize("options", [{}, {"processes": True}], ids=["threads", "nannies"])
def test_both_ends_tell_the_same_of_a_batch(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, options: dict[str, Any]
) -> None:
    with instrumented(monkeypatch, sink.endpoint, n_workers=2, **options) as client:
        first, second = client.scheduler_info()["workers"]
        parts = client.map(make, [MIB, 2 * MIB], key=["a", "b"], workers=[first])
        client.gather([client.submit(len, part, key=f"n-{part.key}") for part in parts])
        used = client.submit(lambda x, y: len(x + y), *parts, key="used", workers=[second])
        assert used.result() == 3 * MIB
    received = [
        seen
        for seen in spans(sink, names.ACTION_TRANSFER)
        if seen.resource[names.WORKER_ADDRESS] == second
    ]
    sent = {
        seen.attributes[names.TRANSFER_ID]: seen
        for seen in spans(sink, names.ACTION_SEND)
        if seen.attributes[names.TRANSFER_PEER] == second
    }
    assert len(received) == len(sent) > 0
    for seen in received:
        other = sent[seen.attributes[names.TRANSFER_ID]]
        assert other.resource[names.WORKER_ADDRESS] == first
        assert seen.attributes[names.TRANSFER_PEER] == first
        for name in (names.TRANSFER_BYTES, names.TRANSFER_KEYS, names.TRANSFER_KEY_COUNT):
            assert other.attributes[name] == seen.attributes[name]
    assert sum(seen.attributes[names.TRANSFER_BYTES] for seen in received) >= 3 * MIB
    # What was fetched for the task is under its attempt.
    (attempt,) = (seen for seen in sink.spans() if seen.span.name == "used")
    assert attempt.span.span_id in {seen.span.parent_span_id for seen in received}


def test_workers_that_keep_no_logs_tell_of_their_batches_too(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    no_logs = {"distributed.admin.low-level-log-length": 0}
    with dask.config.set(no_logs), instrumented(monkeypatch, sink.endpoint, n_workers=2) as client:
        assert isinstance(client.cluster, LocalCluster)
        workers = list(client.cluster.workers.values())
        first, second = client.scheduler_info()["workers"]
        part = client.submit(make, MIB, key="a", workers=[first])
        assert client.submit(len, part, key="n", workers=[second]).result() == MIB
    for action in (names.ACTION_TRANSFER, names.ACTION_SEND):
        (seen,) = (
            seen for seen in spans(sink, action) if seen.attributes[names.TRANSFER_KEYS] == ["a"]
        )
        assert seen.attributes[names.TRANSFER_BYTES] >= MIB
    for worker in workers:  # as Dask has made them
        assert worker.transfer_incoming_log.maxlen == worker.transfer_outgoing_log.maxlen == 0


def test_what_a_client_gathers_is_sent(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    with instrumented(monkeypatch, sink.endpoint) as client:
        future = client.submit(make, MIB, key="gathered")
        assert len(future.result()) == MIB
    (seen,) = spans(sink, names.ACTION_SEND)
    assert seen.attributes[names.TRANSFER_KEYS] == ["gathered"]
    assert seen.attributes[names.TRANSFER_BYTES] >= MIB
    (attempt,) = spans(sink, names.ACTION_COMPUTE)
    assert seen.span.trace_id == attempt.span.trace_id
    assert spans(sink, names.ACTION_TRANSFER) == []


def test_a_batch_whose_keys_are_forgotten_meanwhile_is_in_its_trace(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    """As where a task is released while its value is on its way."""
    get_data, gather_dep = Worker.get_data, Worker.gather_dep

    def forget(worker: Worker, keys: Iterable[Any]) -> None:
        known = {key: worker.state.tasks.pop(key) for key in keys}
        worker.loop.asyncio_loop.call_soon(worker.state.tasks.update, known)  # type: ignore[attr-defined]

    async def send(worker: Worker, comm: Any, keys: list[Any], **more: Any) -> Any:
        status = await get_data(worker, comm, keys, **more)
        forget(worker, keys)
        return status

    async def receive(worker: Worker, *args: Any, **more: Any) -> Any:
        event = await gather_dep(worker, *args, **more)
        forget(worker, args[1])
        return event

    monkeypatch.setattr(Worker, "get_data", send)
    monkeypatch.setattr(Worker, "gather_dep", receive)
    with instrumented(monkeypatch, sink.endpoint, n_workers=2) as client, span("moved"):
        first, second = client.scheduler_info()["workers"]
        part = client.submit(make, MIB, key="part", workers=[first])
        assert client.submit(len, part, key="used", workers=[second]).result() == MIB
    attempt, _ = spans(sink, names.ACTION_COMPUTE)
    moved = [*spans(sink, names.ACTION_TRANSFER), *spans(sink, names.ACTION_SEND)]
    assert len(moved) >= 2
    assert {seen.span.trace_id for seen in moved} == {attempt.span.trace_id}


def test_a_peer_that_dies_leaves_a_failed_transfer(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    with instrumented(monkeypatch, sink.endpoint, **options) as client:
        first, second = client.scheduler_info()["workers"]
        stuck = client.submit(Stuck, 1.0, key="stuck", workers=[first], allow_other_workers=True)
        wait_for(stuck.done)
        used = client.submit(type, stuck, key="used", workers=[second], allow_other_workers=True)

        def sending(dask_worker: Worker) -> int:
            return int(dask_worker.state.transfer_incoming_count)

        wait_for(lambda: client.run(sending, workers=[second])[second])
        nannies = client.cluster.workers.values()  # type: ignore[union-attr]
        (nanny,) = (
            found for found in nannies if isinstance(found, Nanny) and found.worker_address == first
        )
        assert nanny.pid is not None
        _kill(nanny.pid)
        assert used.result(timeout=30) is not None
    failed = [seen for seen in spans(sink, names.ACTION_TRANSFER) if seen.span.status.code]
    (seen,) = failed
    assert seen.span.status.code == Status.STATUS_CODE_ERROR
    assert seen.attributes[names.ERROR_TYPE].endswith("CommClosedError")
    assert seen.attributes[names.TRANSFER_PEER] == first
    assert seen.attributes[names.TRANSFER_KEYS] == ["stuck"]
    assert seen.attributes[names.TRANSFER_BYTES] == 0
    assert seen.span.end_time_unix_nano > seen.span.start_time_unix_nano
    points = [
        point.value
        for point in sink.points()
        if point.metric == names.TRANSFER_COUNT.name
        and point.attributes[names.NETWORK_IO_DIRECTION] == names.RECEIVE
    ]
    assert max(points) <= 1  # what failed has not been received


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def test_a_value_that_cannot_be_read_fails_at_the_receiving_end(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    with instrumented(monkeypatch, sink.endpoint, **options) as client:
        first, second = client.scheduler_info()["workers"]
        bad = client.submit(Unreadable, key="bad", workers=[first])
        wait_for(bad.done)
        used = client.submit(type, bad, key="used", workers=[second])
        wait_for(lambda: spans(sink, names.ACTION_TRANSFER))
        del used, bad
    seen = spans(sink, names.ACTION_TRANSFER)[0]
    assert seen.span.status.code == Status.STATUS_CODE_ERROR
    assert seen.attributes[names.ERROR_TYPE] == "ValueError"
    assert "not to be read" in seen.span.status.message


def state(worker: Worker) -> dict[str, Any]:
    """All that is replaced on a worker, and in its module."""
    return {
        "worker": {name: id(value) for name, value in vars(worker).items() if callable(value)},
        "handlers": {
            # Bound methods are made anew each time they are asked for, but not in this dict.
            name: id(handler)
            for name, handler in worker.handlers.items()
        },
        "metrics": {name: id(metric) for name, metric in worker.metrics.items()},
        "plugins": list(worker.plugins),
        "module": {
            name: id(value) for name, value in vars(distributed.worker).items() if callable(value)
        },
    }


def test_it_takes_itself_out_of_a_busy_worker(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.endpoint)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        workers: list[Worker] = list(cluster.workers.values())
        before = [state(worker) for worker in workers]
        for _ in range(3):
            futures = client.map(_busy, range(100), pure=False)
            total = client.submit(sum, futures, pure=False)
            for worker in workers:
                assert client.sync(preload.instrument, worker)
            assert [state(worker) for worker in workers] != before
            time.sleep(0.05)
            for worker in workers:
                assert client.sync(preload.uninstrument, worker)
            assert [state(worker) for worker in workers] == before
            assert total.result() == sum(range(100))
    assert spans(sink, names.ACTION_COMPUTE)


def _busy(number: int) -> int:
    time.sleep(0.002)
    return number


@pytest.mark.parametrize(
    ("of", "name"),
    [
        (Attempts, "started"),
        (Attempts, "ran"),
        (Attempts, "_ended"),
        (Attempts, "_gave_up"),
        (ContextProbe, "begin"),
        (ContextProbe, "end"),
        (ContextProbe, "context"),
        (TransferProbe, "begin"),
        (TransferProbe, "end"),
        (Pending, "add"),
        (Pending, "take"),
        (dasks, "cause"),
        (reading, "origin"),
        (HeartbeatProbe, "begin"),
        (HeartbeatProbe, "_metric"),
        (WorkerAdapter, "_now_s"),
        (reading, "transfer"),
        (reading, "running"),
        (reading, "otel"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_part_that_is_broken_harms_no_task(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    of: Any,
    name: str,
) -> None:
    running = tmp_path / "running"
    calls: list[tuple[Any, ...]] = []

    def broken(*args: Any, **_: object) -> None:
        calls.append(args)
        raise RuntimeError("broken")

    with monkeypatch.context() as patch, HttpSink() as sink:
        patch.setattr(of, name, broken)
        with instrumented(patch, sink.endpoint, n_workers=2, threads_per_worker=1) as client:
            first, second = client.scheduler_info()["workers"]
            unwanted = client.submit(held, str(running), key="unwanted")
            wait_for(running.exists)
            unwanted.cancel()
            wait_for(lambda: is_given_up(client, "unwanted"))
            running.unlink()
            parts = client.map(make, range(20), workers=[first])
            used = client.submit(len, parts, key="used", workers=[second])
            moved = client.submit(len, parts[7], key="moved", workers=[second])
            long = client.submit(time.sleep, 1.0, key="long")  # told of by a tick
            failed = client.submit(_raise, key="failed")
            assert (used.result(), moved.result()) == (20, 7)
            assert isinstance(failed.exception(), ValueError)
            assert long.result() is None
    assert calls
    if name == "end":  # what it has replaced in this process would stay so
        for (part,) in calls:
            part.end()
    assert not hasattr(dasks.functions()[dasks.RUN_TASK], "__wrapped__")
    complaints = [
        record for record in caplog.records if record.exc_info and "broken" in str(record.exc_info)
    ]
    # One line a worker, and one for what happens in threads; none where Dask swallows it.
    assert len(complaints) <= 3
