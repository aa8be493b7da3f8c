"""What is handed over, and what becomes of it."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from dask_otel import conventions as names
from dask_otel import events
from dask_otel.compat import clock
from dask_otel.emit import Emitter, guarded
from dask_otel.emit.emitter import MAX_LOGS
from dask_otel.outputs import link
from dask_otel.record.spans import SpanMaker
from tests.emitters import ATTEMPT, counts, emitter
from tests.sinks import GrpcSink, HttpSink
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dask_otel.config import Protocol
    from tests.sinks import Sink

TRANSFER = events.Transfer(1.0, 2.0, "tcp://a:1", 1, ("x",), 1, 1.0, None)
FAILURE = events.Failure(b"", "ValueError('a secret')", "  a secret\n")


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    with HttpSink() as found:
        yield found


def test_what_is_recorded_arrives_and_is_counted(sink: HttpSink) -> None:
    tested = emitter(sink.endpoint)
    tested.record(ATTEMPT._replace(transfers=(TRANSFER, TRANSFER._replace(start_s=1.5))))
    tested.record(TRANSFER._replace(start_s=1.7))
    assert (tested.n_recorded, tested.n_held) == (4, 4)
    tested.start()
    wait_for(lambda: tested.n_exported == 4)
    tested.stop()
    assert (counts(tested), tested.n_held) == ((4, 4, 0), 0)
    assert len(sink.spans()) == 4


def test_what_nobody_takes_over_falls_out_oldest_first_and_is_counted(sink: HttpSink) -> None:
    tested = emitter(sink.endpoint, n_held=10)
    for run_id in range(30):
        tested.record(ATTEMPT._replace(run_id=run_id))
    assert (counts(tested), tested.n_held) == ((30, 0, 20), 10)
    tested.start()
    tested.stop()
    assert counts(tested) == (30, 10, 20)
    assert [seen.attributes[names.TASK_RUN_ID] for seen in sink.spans()] == list(range(20, 30))


def test_overrun_is_counted_exactly_while_many_threads_work(sink: HttpSink) -> None:
    tested = emitter(sink.endpoint, n_held=50)
    tested.start()

    def work(first: int) -> None:
        for run_id in range(first, first + 5_000):
            tested.record(ATTEMPT._replace(run_id=run_id, transfers=(TRANSFER,) * (run_id % 3)))

    threads = [threading.Thread(target=work, args=(number * 5_000,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tested.stop()
    n_recorded = sum(1 + run_id % 3 for run_id in range(20_000))
    assert tested.n_dropped > 0
    assert tested.n_held == 0
    assert counts(tested) == (n_recorded, len(sink.spans()), n_recorded - len(sink.spans()))


def test_log_records_that_fall_out_are_counted(sink: HttpSink) -> None:
    tested = emitter(sink.endpoint)
    n_more = 7

    def work() -> None:
        for _ in range(MAX_LOGS // 4):
            tested.log(events.Event(1.0, names.EVENT_WORKER_ADDED, "", {}))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(n_more):
        tested.log(events.Event(1.0, names.EVENT_WORKER_REMOVED, "", {}))
    tested.start()
    tested.stop()
    kinds = [log.event_name for log in sink.logs()]
    assert kinds.count(names.EVENT_WORKER_ADDED) == MAX_LOGS - n_more
    assert kinds.count(names.EVENT_WORKER_REMOVED) == n_more
    newest = {point.metric: point.value for point in sink.points()}
    assert newest[names.LOGS_DROPPED.name] == tested.n_logs_dropped == n_more


def test_held_spans_survive_until_the_endpoint_answers(
    sink: HttpSink, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "PAUSE_S", 0.05)
    caplog.set_level(logging.INFO, "dask_otel")
    sink.answer = lambda _signal: 503
    tested = emitter(sink.endpoint)
    tested.start()
    tested.record(ATTEMPT)
    tested.log(events.Event(1.0, names.EVENT_WORKER_ADDED, "", {}))
    tested.log(events.Running(1.0, ()))
    tested.measure({(names.CLIENTS, ()): 1})
    wait_for(lambda: len(sink.headers) > 9)
    assert counts(tested) == (1, 0, 0)
    sink.answer = lambda _signal: 200
    wait_for(lambda: tested.n_exported == 1 and sink.points() and sink.logs())
    tested.stop()
    assert [log.event_name for log in sink.logs()] == [names.EVENT_WORKER_ADDED]
    assert {point.value for point in sink.points() if point.metric == "dask.clients"} == {1}
    host = sink.endpoint.partition("//")[2]
    assert [record.getMessage().partition(": ")[0] for record in caplog.records] == [
        f"Traces for {host} are kept until it answers",
        f"{host} takes all again",
    ]


def test_an_event_that_cannot_be_encoded_is_dropped_alone(
    sink: HttpSink, caplog: pytest.LogCaptureFixture
) -> None:
    class Secret:
        def __str__(self) -> str:
            raise RuntimeError("not telling")

        __repr__ = __str__

    tested = emitter(sink.endpoint)
    tested.record(ATTEMPT._replace(key=Secret(), transfers=(TRANSFER,)))
    tested.record(ATTEMPT)
    tested.record(ATTEMPT._replace(key=Secret()))
    tested.start()
    tested.stop()
    assert counts(tested) == (4, 1, 3)
    assert [record.message for record in caplog.records] == [
        "Encoding a span failed; further failures are not logged"
    ]


def test_what_is_left_out_is_counted_apart(sink: HttpSink) -> None:
    tested = emitter(sink.endpoint, least_duration_s=0.5, sampling={"never": 0.0})
    for run_id in range(10):
        tested.record(ATTEMPT._replace(run_id=run_id, transfers=(TRANSFER,), stop_s=1.1))
        tested.record(ATTEMPT._replace(run_id=run_id, prefix="never"))
        tested.record(ATTEMPT._replace(run_id=run_id, prefix="other", origin=UNSAMPLED))
    tested.record(ATTEMPT._replace(prefix="never", outcome=names.OUTCOME_FAILED, failure=FAILURE))
    tested.record(ATTEMPT)
    tested.start()
    tested.stop()
    assert (counts(tested), tested.n_sampled_out) == ((2, 2, 0), 40)
    newest = {point.metric: point.value for point in sink.points()}
    assert newest[names.SPANS_RECORDED.name] == 2
    assert newest[names.SPANS_EXPORTED.name] == 2
    assert newest[names.SPANS_DROPPED.name] == 0
    assert newest[names.SPANS_SAMPLED_OUT.name] == 40


UNSAMPLED = f"00-{'ab' * 16}-{'cd' * 8}-00"


def test_the_environment_names_the_sampler(sink: HttpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    tested = emitter(sink.endpoint)
    tested.record(ATTEMPT)
    tested.record(ATTEMPT._replace(origin=f"{UNSAMPLED[:-1]}1"))
    tested.start()
    tested.stop()
    assert (counts(tested), tested.n_sampled_out) == ((1, 1, 0), 1)


def test_neither_code_nor_tracebacks_leave_where_they_may_not(sink: HttpSink) -> None:
    tested = emitter(sink.endpoint, code=False, tracebacks=False)
    tested.record(ATTEMPT._replace(outcome=names.OUTCOME_FAILED, failure=FAILURE))
    tested.record(TRANSFER._replace(failure=FAILURE))
    tested.record(events.Graph("o", 0, 1.0, 2.0, "c", 1, 0, (), 0, code="a secret"))
    tested.start()
    tested.stop()
    assert len(sink.spans()) == 3
    sent = b"".join(request.SerializeToString() for _, request in sink.requests)
    assert b"ValueError" in sent
    assert b"secret" not in sent


def test_it_says_until_when_all_is_acknowledged(
    sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "PAUSE_S", 0.05)
    sink.answer = lambda _signal: 503
    tested = emitter(sink.endpoint)
    assert tested.acknowledged_s == 0.0
    tested.record(ATTEMPT)
    began_s = clock.now_s()
    tested.start()
    wait_for(lambda: len(sink.headers) > 2)
    assert tested.acknowledged_s < began_s
    sink.answer = lambda _signal: 200
    wait_for(lambda: tested.acknowledged_s > began_s)
    assert tested.n_exported == 1
    before_s = tested.acknowledged_s
    wait_for(lambda: tested.acknowledged_s > before_s)  # goes on where nothing happens
    tested.stop()


def test_a_guarded_hook_raises_nothing(sink: HttpSink, caplog: pytest.LogCaptureFixture) -> None:
    class Watcher:
        def __init__(self) -> None:
            self.emitter = emitter(sink.endpoint)

        @guarded("Looking")
        def look(self, where: str) -> None:
            raise LookupError(where)

    watcher = Watcher()
    for _ in range(3):
        watcher.look("here")
    assert counts(watcher.emitter) == (0, 0, 0)
    watcher.emitter.failed("Recording", ValueError(), n_spans=2)
    assert counts(watcher.emitter) == (2, 0, 2)
    assert [record.message for record in caplog.records] == [
        "Looking failed; further failures are not logged"
    ]


def test_it_says_whether_somebody_wants_metrics(sink: HttpSink) -> None:
    made = emitter(sink.endpoint)
    assert made.measures
    for target in (made._settings.metrics, None):
        settings = replace(made._settings, metrics=target)
        tested = Emitter(settings, {}, SpanMaker("tcp://w:1", "tcp://s:1"))
        assert tested.measures  # as long as it does not know
        tested.start()
        tested.stop()
        assert tested.measures is (target is not None)


@pytest.mark.parametrize(
    ("make_sink", "protocol"), [(HttpSink, "http/protobuf"), (GrpcSink, "grpc")]
)
def test_the_environment_says_whether_counters_are_sent_as_differences(
    make_sink: type[HttpSink] | type[GrpcSink],
    protocol: Protocol,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta")
    with make_sink() as sink:
        tested = emitter(sink.endpoint, protocol=protocol)
        tested.start()
        for value in (5, 12):
            tested.measure({(names.EVENT_LOOP_TICKS, ()): value})
            wait_for(partial(is_told, sink, value))
        tested.stop()
        assert told(sink) == [5, 7]


def told(sink: Sink) -> list[float]:
    return [point.value for point in sink.points() if point.metric == names.EVENT_LOOP_TICKS.name]


def is_told(sink: Sink, value: float) -> bool:
    return sum(told(sink)) == value


def test_a_signal_that_is_switched_off_costs_no_memory(sink: HttpSink) -> None:
    made = emitter(sink.endpoint)
    settings = replace(made._settings, traces=None, logs=None)
    tested = Emitter(settings, {}, SpanMaker("tcp://w:1", "tcp://s:1"))
    tested.start()
    tested.record(ATTEMPT)
    tested.log(events.Event(1.0, "e", "", {}))
    tested.measure({(names.CLIENTS, ()): 1})
    wait_for(sink.points)
    wait_for(lambda: tested.n_held == 0)
    tested.stop()
    assert {signal for signal, _ in sink.requests} == {"metrics"}
