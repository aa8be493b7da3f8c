from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.resources import Resource

from dask_otel import compat, emit, events
from dask_otel import conventions as names
from dask_otel.config import Settings, Target
from dask_otel.record import SpanEncoder
from tests.sinks import HttpSink
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

ATTEMPT = events.Attempt("k", "k", 0, None, 1.0, 2.0, 1, 1, int, (0,), None, ())
TRANSFER = events.Transfer(1.0, 2.0, "tcp://a:1", 1, ("x",), 1, 1.0, None)


def emitter(endpoint: str, n_held: int = 100) -> emit.Emitter:
    def target(signal: str) -> Target:
        return Target("http/protobuf", f"{endpoint}/v1/{signal}")

    settings = Settings(
        target("traces"), target("metrics"), target("logs"), export_interval_s=0.01, n_held=n_held
    )
    return emit.Emitter(settings, Resource({}), SpanEncoder("tcp://w:1", "tcp://s:1"))


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    with HttpSink() as found:
        yield found


def test_spool_drops_the_oldest_by_number_and_by_size() -> None:
    spool = emit.Spool(3, max_bytes=10)
    for span in (b"a", b"b", b"c", b"d"):
        spool.append(span)
    assert (spool.oldest(), spool.n_dropped) == ([b"b", b"c", b"d"], 1)
    spool.append(b"e" * 9)
    assert (spool.oldest(), spool.n_dropped) == ([b"d", b"e" * 9], 3)
    spool.remove(1)
    assert (spool.oldest(), len(spool)) == ([b"e" * 9], 1)


def test_batches_stay_below_what_grpc_servers_take() -> None:
    spool = emit.Spool(100_000)
    for _ in range(5):
        spool.append(b"x" * (emit.MAX_BATCH_BYTES // 2))
    assert len(spool.oldest()) == 2
    spool.remove(5)
    spool.append(b"x" * (2 * emit.MAX_BATCH_BYTES))
    assert len(spool.oldest()) == 1  # one that is too large is for the endpoint to refuse
    spool.remove(1)
    for _ in range(emit.MAX_BATCH_SPANS + 1):
        spool.append(b"x")
    assert len(spool.oldest()) == emit.MAX_BATCH_SPANS


def test_what_is_recorded_arrives_and_is_counted(sink: HttpSink) -> None:
    tested = emitter(sink.endpoint)
    tested.start()
    tested.record(ATTEMPT._replace(transfers=(TRANSFER, TRANSFER._replace(start_s=1.5))), 3)
    tested.record(TRANSFER._replace(start_s=1.7))
    wait_for(lambda: tested.n_exported == 4)
    tested.stop()
    assert (tested.n_recorded, tested.n_exported, tested.n_dropped) == (4, 4, 0)
    assert len(sink.spans()) == 4


def test_overrun_is_counted_exactly_while_both_threads_work(sink: HttpSink) -> None:
    tested = emitter(sink.endpoint, n_held=50)
    tested.start()
    for run_id in range(20_000):
        transfers = (TRANSFER,) * (run_id % 3)
        attempt = ATTEMPT._replace(run_id=run_id, transfers=transfers)
        tested.record(attempt, events.span_count(attempt))
    tested.stop()
    assert tested.n_dropped > 0
    assert tested.n_recorded == tested.n_exported + tested.n_dropped
    assert tested.n_exported == len(sink.spans())


def test_held_spans_survive_until_the_endpoint_answers(
    sink: HttpSink, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emit, "PAUSE_S", 0.05)
    caplog.set_level(logging.INFO, "dask_otel.emit")
    sink.answer = lambda _signal: 503
    tested = emitter(sink.endpoint)
    tested.start()
    tested.record(ATTEMPT)
    tested.log(events.WorkerAdded(1.0, "tcp://w:1", "w", 1))
    tested.log(events.Running(1.0, ()))
    tested.measure({(names.CLIENTS, ()): 1})
    wait_for(lambda: len(sink.headers) > 9)
    sink.answer = lambda _signal: 200
    wait_for(lambda: tested.n_exported == 1 and sink.points() and sink.logs())
    tested.stop()
    assert [log.event_name for log in sink.logs()] == [names.EVENT_WORKER_ADDED]
    assert {point.value for point in sink.points() if point.metric == "dask.clients"} == {1}
    lines = sorted(record.getMessage() for record in caplog.records)
    assert [line.partition(":")[0] for line in lines] == [
        "Logs are kept until it answers",
        "Logs are sent again",
        "Metrics are kept until it answers",
        "Metrics are sent again",
        "Traces are kept until it answers",
        "Traces are sent again",
    ]


def test_what_the_endpoint_rejects_is_dropped(
    sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    partial = ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(rejected_spans=2)
    ).SerializeToString()

    def send(self: emit.Link, payload: bytes, timeout_s: float | None = None) -> compat.Reply:
        return compat.Reply(accepted=True, body=partial)

    monkeypatch.setattr(emit.Link, "send", send)
    tested = emitter(sink.endpoint)
    for _ in range(5):
        tested.record(ATTEMPT)
    tested.start()
    tested.stop()
    assert (tested.n_recorded, tested.n_exported, tested.n_dropped) == (5, 3, 2)


def test_an_event_that_cannot_be_encoded_is_dropped_alone(
    sink: HttpSink, caplog: pytest.LogCaptureFixture
) -> None:
    class Secret:
        def __str__(self) -> str:
            raise RuntimeError("not telling")

        __repr__ = __str__

    tested = emitter(sink.endpoint)
    tested.record(ATTEMPT._replace(key=Secret()))
    tested.record(ATTEMPT)
    tested.record(ATTEMPT._replace(key=Secret()))
    tested.start()
    tested.stop()
    assert (tested.n_recorded, tested.n_exported, tested.n_dropped) == (3, 1, 2)
    assert [record.message for record in caplog.records] == [
        "Encoding a span failed; further failures are not logged"
    ]


def test_stopping_takes_no_longer_than_it_may(sink: HttpSink) -> None:
    released = threading.Event()

    def hang(_signal: str) -> int:
        released.wait(20)
        return 200

    sink.answer = hang
    tested = emitter(sink.endpoint)
    tested.record(ATTEMPT)
    tested.start()
    wait_for(lambda: sink.headers)
    stopper = threading.Thread(target=tested.stop)
    stopper.start()
    stopper.join(emit.STOP_S + 1)
    assert not stopper.is_alive()
    released.set()


def test_a_guarded_hook_raises_nothing(sink: HttpSink, caplog: pytest.LogCaptureFixture) -> None:
    class Watcher:
        def __init__(self) -> None:
            self.emitter = emitter(sink.endpoint)

        @emit.guarded("Looking")
        def look(self, where: str) -> None:
            raise LookupError(where)

    watcher = Watcher()
    for _ in range(3):
        watcher.look("here")
    assert (watcher.emitter.n_recorded, watcher.emitter.n_dropped) == (0, 0)
    watcher.emitter.failed("Recording", ValueError(), n_spans=2)
    assert (watcher.emitter.n_recorded, watcher.emitter.n_dropped) == (2, 2)
    assert [record.message for record in caplog.records] == [
        "Looking failed; further failures are not logged"
    ]
