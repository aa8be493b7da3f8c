from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dask_otel import config, emit, events
from dask_otel import conventions as names
from dask_otel.compat import clock
from dask_otel.config import Settings, Target
from dask_otel.outputs import Providers, link
from dask_otel.record.spans import SpanMaker
from tests.endpoints import ENDPOINTS, dripping, endless
from tests.sinks import GrpcSink, HttpSink
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

ATTEMPT = events.Attempt("k", "k", 0, None, None, 1.0, 2.0, 1, 1, int, (0,), names.OUTCOME_FINISHED)
TRANSFER = events.Transfer(1.0, 2.0, "tcp://a:1", 1, ("x",), 1, 1.0, None)
FAILURE = events.Failure(b"", "ValueError('a secret')", "  a secret\n")


def emitter(
    endpoint: str, n_held: int = 100, protocol: config.Protocol = "http/protobuf", **chosen: Any
) -> emit.Emitter:
    def target(signal: str) -> Target:
        path = f"/v1/{signal}" if protocol == "http/protobuf" else ""
        return Target(protocol, f"{endpoint}{path}")

    settings = Settings(
        target("traces"),
        target("metrics"),
        target("logs"),
        export_interval_s=0.01,
        n_held=n_held,
        **chosen,
    )
    return emit.Emitter(settings, {}, SpanMaker("tcp://w:1", "tcp://s:1"))


def counts(tested: emit.Emitter) -> tuple[int, int, int]:
    return tested.n_recorded, tested.n_exported, tested.n_dropped


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
        for _ in range(emit.MAX_LOGS // 4):
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
    assert kinds.count(names.EVENT_WORKER_ADDED) == emit.MAX_LOGS - n_more
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
    lines = sorted(record.getMessage() for record in caplog.records)
    host = sink.endpoint.partition("//")[2]
    assert [line.partition(": ")[0] for line in lines] == [
        f"{signal} for {host} {what}"
        for signal in ("Logs", "Metrics", "Traces")
        for what in ("are kept until it answers", "are sent again")
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


def test_it_sleeps_until_there_is_something_to_send(
    sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emit, "IDLE_INTERVALS", 1_000_000)
    tested = emitter(sink.endpoint)
    tested.start()
    hand_over: tuple[Callable[[], None], ...] = (
        lambda: tested.record(ATTEMPT),
        lambda: tested.log(events.Event(1.0, names.EVENT_WORKER_ADDED, "", {})),
        lambda: tested.measure({(names.CLIENTS, ()): 1}),
    )
    for n_before, hand in enumerate(hand_over):
        hand()
        wait_for(lambda: len(sink.headers) > n_before)  # noqa: B023
        time.sleep(0.05)  # the round in which it was sent is over
        before_s = tested.acknowledged_s
        time.sleep(0.1)
        assert tested.acknowledged_s == before_s
    tested.stop()
    assert len(sink.spans()) == len(sink.logs()) == 1


def test_many_spans_are_encoded_before_it_is_time_to_send() -> None:
    provider, exporter = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    settings = Settings(Target("http/protobuf", None), None, None, export_interval_s=3_600.0)
    maker = SpanMaker("tcp://w:1", "tcp://s:1")
    tested = emit.Emitter(settings, {}, maker, Providers(tracer_provider=provider))
    tested.start()
    for n_rounds in (1, 2):
        for run_id in range(emit.N_MANY):
            tested.record(ATTEMPT._replace(run_id=run_id))
        wait_for(lambda: len(exporter.get_finished_spans()) == n_rounds * emit.N_MANY)  # noqa: B023
    tested.record(ATTEMPT)
    tested.stop()
    assert len(exporter.get_finished_spans()) == 2 * emit.N_MANY + 1


def test_however_many_spans_come_they_are_sent(
    sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emit, "N_MANY", 1)
    tested = emitter(sink.endpoint)
    tested.start()
    stopping = threading.Event()

    def work() -> None:
        while not stopping.is_set():
            tested.record(ATTEMPT)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        wait_for(sink.spans)
    finally:
        stopping.set()
        thread.join()
        tested.stop()


def test_a_clock_that_jumps_back_stops_nothing(
    sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "PAUSE_S", 0.05)
    jump_s = [0.0]
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - jump_s[0])
    monkeypatch.setattr(time, "time_ns", lambda: int((real() - jump_s[0]) * 1e9))
    monkeypatch.setattr(clock, "now_s", time.time)
    sink.answer = lambda _signal: 503
    tested = emitter(sink.endpoint)
    tested.start()
    tested.record(ATTEMPT)
    wait_for(lambda: len(sink.headers) > 2)
    jump_s[0] = 86_400.0
    sink.answer = lambda _signal: 200
    tested.record(ATTEMPT._replace(run_id=1))
    wait_for(lambda: tested.n_exported == 2)
    tested.stop()


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("serve", [*ENDPOINTS.values(), dripping, endless])
def test_stopping_takes_no_longer_than_it_may(
    serve: Callable[[], AbstractContextManager[str]],
    protocol: config.Protocol,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serve() as endpoint:
        tested = emitter(endpoint, protocol=protocol)
        for run_id in range(50):
            tested.record(ATTEMPT._replace(run_id=run_id))
        tested.log(events.Event(1.0, "e", "", {}))
        tested.measure({(names.CLIENTS, ()): 1})
        tested.start()
        time.sleep(0.2)  # a request is under way
        began_s = time.monotonic()
        tested.stop()
        assert time.monotonic() - began_s < emit.STOP_S + 0.5
        assert tested.n_recorded == 50
        tested.stop()  # once is enough
    lines = [record for record in caplog.records if record.name.startswith("dask_otel")]
    assert len(lines) <= 4  # one for each signal, and what was left unsent


def test_what_cannot_even_begin_costs_one_line(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")
    tested = emitter("http://127.0.0.1:1", protocol="grpc")
    tested.record(ATTEMPT)
    tested.start()
    wait_for(lambda: tested.n_dropped == 1)
    tested.record(ATTEMPT)
    tested.stop()
    assert tested.n_held == 0
    lines = [record for record in caplog.records if record.name == "dask_otel.emit"]
    assert [line.message for line in lines] == [
        "Preparing to send failed; further failures are not logged"
    ]


def test_stopping_before_the_start_does_no_harm(sink: HttpSink) -> None:
    tested = emitter(sink.endpoint)
    tested.stop()
    tested.record(ATTEMPT)
    assert counts(tested) == (0, 0, 0)


@pytest.mark.parametrize("make_sink", [HttpSink, GrpcSink])
def test_a_child_sends_nothing(make_sink: type[HttpSink] | type[GrpcSink]) -> None:
    with make_sink() as sink:
        protocol: config.Protocol = "grpc" if make_sink is GrpcSink else "http/protobuf"
        tested = emitter(sink.endpoint, protocol=protocol)
        tested.start()
        tested.record(ATTEMPT)
        wait_for(lambda: tested.n_exported == 1)
        tested.record(ATTEMPT._replace(run_id=1))  # held as the child is made
        child = os.fork()
        if child == 0:
            _child(tested)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        wait_for(lambda: tested.n_exported == 2)
        tested.stop()
        assert counts(tested) == (2, 2, 0)
        assert len(sink.spans()) == 2
        assert not sink.logs()
        assert {point.value for point in sink.points() if point.metric == "dask.clients"} == set()


def _child(tested: emit.Emitter) -> None:
    """What code in a forked task may do; ends the process, with 0 when all is well."""
    try:
        for run_id in range(2, 1_000):
            tested.record(ATTEMPT._replace(run_id=run_id))
            tested.log(events.Event(1.0, "child", "", {}))
            tested.measure({(names.CLIENTS, ()): 1})
        tested.failed("Trying", ValueError(), 1)
        began_s = time.monotonic()
        tested.stop()
        quick = time.monotonic() - began_s < 1.5
        os._exit(0 if quick and tested.n_held == 0 else 1)
    finally:
        os._exit(2)


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
        tested = emit.Emitter(settings, {}, SpanMaker("tcp://w:1", "tcp://s:1"))
        assert tested.measures  # as long as it does not know
        tested.start()
        tested.stop()
        assert tested.measures is (target is not None)


def test_a_signal_that_is_switched_off_costs_no_memory(sink: HttpSink) -> None:
    made = emitter(sink.endpoint)
    settings = replace(made._settings, traces=None, logs=None)
    tested = emit.Emitter(settings, {}, SpanMaker("tcp://w:1", "tcp://s:1"))
    tested.start()
    tested.record(ATTEMPT)
    tested.log(events.Event(1.0, "e", "", {}))
    tested.measure({(names.CLIENTS, ()): 1})
    wait_for(sink.points)
    wait_for(lambda: tested.n_held == 0)
    tested.stop()
    assert {signal for signal, _ in sink.requests} == {"metrics"}
