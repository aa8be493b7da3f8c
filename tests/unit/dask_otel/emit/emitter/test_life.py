"""How an emitter starts, sleeps and stops."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dask_otel import config, events
from dask_otel import conventions as names
from dask_otel.compat import clock
from dask_otel.config import Settings, Target
from dask_otel.emit import Emitter, patience, process
from dask_otel.emit import emitter as life
from dask_otel.outputs import Providers, link
from dask_otel.record.spans import SpanMaker
from tests.emitters import ATTEMPT, counts, emitter
from tests.endpoints import ENDPOINTS, GRPC_ENDPOINTS, dead, dripping, endless, hanging
from tests.sinks import GrpcSink, HttpSink
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    with HttpSink() as found:
        yield found


def test_it_sleeps_until_there_is_something_to_send(
    sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "IDLE_INTERVALS", 1_000_000)
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
    tested = Emitter(settings, {}, maker, Providers(tracer_provider=provider))
    tested.start()
    for n_rounds in (1, 2):
        for run_id in range(life.N_MANY):
            tested.record(ATTEMPT._replace(run_id=run_id))
        wait_for(lambda: len(exporter.get_finished_spans()) == n_rounds * life.N_MANY)  # noqa: B023
    tested.record(ATTEMPT)
    tested.stop()
    assert len(exporter.get_finished_spans()) == 2 * life.N_MANY + 1


class _Following(SpanProcessor):
    """Records as many again while the first span is made of those that wait."""

    def __init__(self) -> None:
        self.follow: Callable[[], None] | None = None

    def on_end(self, span: ReadableSpan) -> None:
        follow, self.follow = self.follow, None
        if follow is not None:
            follow()


def test_many_that_come_while_others_are_encoded_do_not_wait_either() -> None:
    provider, exporter, following = TracerProvider(), InMemorySpanExporter(), _Following()
    provider.add_span_processor(following)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    settings = Settings(Target("http/protobuf", None), None, None, export_interval_s=3_600.0)
    maker = SpanMaker("tcp://w:1", "tcp://s:1")
    tested = Emitter(settings, {}, maker, Providers(tracer_provider=provider))

    def record(n_spans: int) -> None:
        for run_id in range(n_spans):
            tested.record(ATTEMPT._replace(run_id=run_id))

    following.follow = partial(record, life.N_MANY)
    record(2 * life.N_MANY)
    tested.start()
    wait_for(lambda: len(exporter.get_finished_spans()) == 3 * life.N_MANY)
    tested.stop()


def test_however_many_spans_come_they_are_sent(
    sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "N_MANY", 1)
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


@pytest.mark.parametrize(
    ("protocol", "serve"),
    [
        *(("http/protobuf", serve) for serve in (*ENDPOINTS.values(), dripping, endless)),
        *(("grpc", serve) for serve in (*GRPC_ENDPOINTS.values(), dripping, endless)),
    ],
)
def test_stopping_takes_no_longer_than_it_may(
    protocol: config.Protocol,
    serve: Callable[[], AbstractContextManager[str]],
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
        assert time.monotonic() - began_s < patience.LAST_S + life.GIVE_UP_S + 0.5
        assert tested.n_recorded == 50
        tested.stop()  # once is enough
    lines = [record for record in caplog.records if record.name.startswith("dask_otel")]
    assert len(lines) <= 4  # what is not wanted is one for each signal; what was left unsent


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_an_endpoint_that_has_not_answered_for_long_is_not_waited_for_again(
    protocol: config.Protocol,
) -> None:
    with hanging() as endpoint:
        tested = emitter(endpoint, protocol=protocol)
        tested.record(ATTEMPT)
        tested.start()
        wait_for(lambda: tested._waited_s > patience.LAST_S)
        began_s = time.monotonic()
        tested.stop()
        assert time.monotonic() - began_s < patience.LAST_S / 2
        assert tested.n_held == 1


def test_the_last_time_spans_go_first(sink: HttpSink) -> None:
    asked = threading.Event()
    release = threading.Event()
    signals = []

    def answer(signal: str) -> int:
        signals.append(signal)
        asked.set()
        release.wait(10)
        return 200

    sink.answer = answer
    tested = emitter(sink.endpoint)
    tested.record(ATTEMPT)
    tested.log(events.Event(1.0, "e", "", {}))
    tested.start()
    assert asked.wait(10)
    tested.record(ATTEMPT._replace(run_id=1))
    stopping = threading.Thread(target=tested.stop)
    stopping.start()
    wait_for(tested._stopping.is_set)
    release.set()
    stopping.join()
    assert signals == ["traces", "traces", "logs", "metrics"]


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
    lines = [record for record in caplog.records if record.name == life.__name__]
    assert [line.message for line in lines] == [
        "Preparing to send failed; further failures are not logged"
    ]
    assert tested not in process._process._running  # nobody waits for what it leaves unsent


def test_what_all_of_a_process_have_left_unsent_is_one_line(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "LAST_S", 0.2)
    with dead() as endpoint:
        for _ in range(2):  # a cluster, and another one after it
            parts = [emitter(endpoint) for _ in range(3)]
            for n_spans, part in enumerate(parts):
                part.start()
                for _ in range(n_spans):
                    part.record(ATTEMPT)
            unwanted = emitter(endpoint, is_default=True)
            unwanted.start()
            unwanted.record(ATTEMPT)
            for part in (*parts, unwanted):
                assert said(caplog) == []
                part.stop()
            assert said(caplog) == ["Stopped with 3 spans unsent"]
            caplog.clear()


def test_what_is_unsent_is_said_at_the_end_though_one_never_stops(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from tests.emitters import ATTEMPT, emitter\n"
        "first, second = (emitter('http://127.0.0.1:1') for _ in range(2))\n"
        "for each in (first, second):\n"
        "    each.start()\n"
        "    each.record(ATTEMPT)\n"
        "first.stop()\n"
    )
    found = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    assert found.stderr.splitlines()[-1] == "Stopped with 1 spans unsent"


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == process.__name__]


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


def _child(tested: Emitter) -> None:
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
