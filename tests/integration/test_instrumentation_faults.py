"""What must not happen to a cluster because it is watched, and the ways to start watching it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import dask
import pytest
from distributed import Client, wait

from dask_otel import conventions as names
from dask_otel.emit import patience
from dask_otel.outputs import outages
from dask_otel.worker.attempts import Attempts
from tests.clusters import dask_command, instrumented
from tests.endpoints import dead
from tests.sinks import GrpcSink, HttpSink, Sink
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from tests.sinks import SeenSpan

pytestmark = pytest.mark.cluster

SCRIPT = """
from distributed import Client, LocalCluster

if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        with Client(cluster) as client:
            assert sum(client.gather(client.map(lambda i: i + 1, range(20)))) == 210
"""


def _is_attempt(seen: SeenSpan) -> bool:
    return bool(seen.attributes[names.ACTION] == names.ACTION_COMPUTE)


def computed(sink: Sink) -> list[str]:
    return sorted(seen.attributes[names.TASK_KEY] for seen in sink.spans() if _is_attempt(seen))


def test_a_late_listener_gets_what_was_held(
    monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]
) -> None:
    sink = HttpSink(endpoint=f"http://127.0.0.1:{free_port()}")
    with instrumented(monkeypatch, sink.endpoint) as client:
        futures = client.map(lambda i: i, range(50), key=[f"held-{i:02}" for i in range(50)])
        assert client.gather(futures) == list(range(50))
        with sink:
            wait_for(lambda: computed(sink) == [f"held-{i:02}" for i in range(50)])


def test_only_the_newest_are_held_and_the_rest_is_counted(
    monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]
) -> None:
    sink = HttpSink(endpoint=f"http://127.0.0.1:{free_port()}")
    with (
        dask.config.set({"dask-otel.held-spans": 10}),
        instrumented(monkeypatch, sink.endpoint, threads_per_worker=1) as client,
    ):
        for i in range(30):
            wait(client.submit(lambda i: i, i, key=f"held-{i:02}"))
        with sink:
            wait_for(lambda: len(computed(sink)) == 10)

            def counters() -> dict[str, float]:
                return {
                    point.metric: point.value
                    for point in sink.points()
                    if point.resource[names.SERVICE_NAME] == names.SERVICE_WORKER
                }

            wait_for(lambda: counters().get(names.SPANS_EXPORTED.name) == 10)
            assert counters()[names.SPANS_RECORDED.name] == 30
            assert counters()[names.SPANS_DROPPED.name] == 20
    assert computed(sink) == [f"held-{i:02}" for i in range(20, 30)]


@pytest.mark.parametrize(
    ("make_sink", "protocol"), [(HttpSink, "http/protobuf"), (GrpcSink, "grpc")]
)
def test_a_hanging_endpoint_delays_neither_tasks_nor_the_end(
    monkeypatch: pytest.MonkeyPatch, make_sink: type[HttpSink] | type[GrpcSink], protocol: str
) -> None:
    released = threading.Event()

    def hang(_signal: str) -> int:
        released.wait(30)
        return 200

    with ExitStack() as stack:
        sink = stack.enter_context(make_sink(answer=hang))
        stack.callback(released.set)  # before the sink waits for its handlers
        began_s = time.monotonic()
        with instrumented(monkeypatch, sink.endpoint, protocol=protocol) as client:
            assert client.gather(client.map(lambda i: i, range(50))) == list(range(50))
            worked_s = time.monotonic() - began_s
        closed_s = time.monotonic() - began_s - worked_s
    assert worked_s < 5
    # The worker stops before the scheduler; what one has waited, the other need not wait again.
    assert closed_s < patience.LAST_S + 2


def test_a_scheduler_hears_what_the_workers_have_waited_that_it_closes_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits_s = []
    real = patience.spend

    def spend(waited_s: float) -> None:
        waits_s.append(waited_s)
        real(waited_s)

    monkeypatch.setattr(patience, "spend", spend)
    with HttpSink() as sink, instrumented(monkeypatch, sink.endpoint, processes=True) as client:
        client.submit(lambda: 1).result()
    assert len(waits_s) == 2  # the worker's, of which it has said, and its own
    assert all(0 < waited_s < patience.LAST_S for waited_s in waits_s)


def test_an_endpoint_that_refuses_costs_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        HttpSink(answer=lambda _signal: 400) as sink,
        instrumented(monkeypatch, sink.endpoint) as client,
    ):
        for i in range(5):
            client.submit(lambda i: i, i).result()
            n_requests = len(sink.headers)
            wait_for(lambda seen=n_requests: len(sink.headers) > seen)  # type: ignore[misc]
    refused = [record for record in caplog.records if "HTTP 400" in record.getMessage()]
    # One for each signal, not for each of those of the worker and of the scheduler.
    assert 1 <= len(refused) <= 3
    assert sink.requests == []


def test_an_endpoint_that_is_dead_costs_one_line_and_the_end_another(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        dead() as endpoint,
        instrumented(monkeypatch, endpoint, n_workers=3, threads_per_worker=1) as client,
    ):
        client.gather(client.map(lambda i: i, range(50)))
        n_parts = len(client.run(lambda dask_worker: None)) + 1
        wait_for(lambda: len(links_that_fail(endpoint)) >= 2 * n_parts)  # traces and metrics
    lines = [record.getMessage() for record in caplog.records if "dask_otel" in record.name]
    assert len(lines) == 2
    assert "are kept until it answers" in lines[0]
    # Attempts, their graph, and what each worker has taken to unpickle them.
    assert re.fullmatch("Stopped with 5[1-4] spans unsent", lines[1])


def links_that_fail(endpoint: str) -> Collection[object]:
    outage = outages._outages._found.get((endpoint.partition("//")[2],))
    return outage.links if outage else ()


def test_a_broken_hook_fails_no_task_and_is_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the hook is broken")

    monkeypatch.setattr(Attempts, "_ended", broken)
    with HttpSink() as sink, instrumented(monkeypatch, sink.endpoint) as client:
        assert client.gather(client.map(lambda i: i, range(10))) == list(range(10))
    dropped = [point for point in sink.points() if point.metric == names.SPANS_DROPPED.name]
    assert max(point.value for point in dropped) == 10
    lines = [record for record in caplog.records if record.name.startswith("dask_otel.emit")]
    assert ["Recording a task failed" in record.getMessage() for record in lines] == [True]


def test_a_disabled_sdk_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    before = set(threading.enumerate())  # a thread of another test's dead endpoint may still end
    with HttpSink() as sink, instrumented(monkeypatch, sink.endpoint) as client:
        assert client.submit(lambda: 1).result() == 1
        new = set(threading.enumerate()) - before
        assert not [thread for thread in new if thread.name == "dask_otel"]
    assert sink.headers == []


def test_a_bad_setting_leaves_dask_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with instrumented(monkeypatch, "http://127.0.0.1:1", protocol="carrier-pigeon") as client:
        assert client.submit(lambda: 1).result() == 1
    assert "'carrier-pigeon': must be grpc or http/protobuf" in caplog.text


def test_a_signal_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-team=blue")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")
    with HttpSink() as sink, instrumented(monkeypatch, sink.endpoint) as client:
        client.submit(lambda: 1, key="one").result()
    assert computed(sink) == ["one"]
    assert {signal for signal, _ in sink.requests} == {"traces", "logs"}
    assert {headers["x-team"] for headers in sink.headers} == {"blue"}
    assert {headers["content-encoding"] for headers in sink.headers} == {"gzip"}
    for seen in sink.spans():
        assert seen.resource["deployment.environment.name"] == "test"
        assert seen.resource[names.SERVICE_NAME] == "mine"


def test_an_unmodified_script_needs_the_environment_only(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    with HttpSink() as sink:
        environment = {
            **os.environ,
            "DASK_DISTRIBUTED__SCHEDULER__PRELOAD": "dask_otel",
            "DASK_DISTRIBUTED__WORKER__PRELOAD": "dask_otel",
            "DASK_DISTRIBUTED__CLIENT__PRELOAD": "[]",
            "OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        }
        subprocess.run([sys.executable, script], env=environment, check=True, timeout=60)
        assert len(computed(sink)) == 20
        services = {seen.resource[names.SERVICE_NAME] for seen in sink.spans()}
        assert services == {names.SERVICE_SCHEDULER, names.SERVICE_WORKER}


def test_preload_on_the_command_line(tmp_path: Path, free_port: Callable[[], int]) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    with HttpSink() as sink, ExitStack() as stack:

        def start(*words: str) -> subprocess.Popen[bytes]:
            return stack.enter_context(dask_command(tmp_path, sink.endpoint, *words))

        start("scheduler", "--host", address)
        worker = start("worker", address, "--nthreads", "1", "--no-nanny")
        with Client(address, timeout=30) as client:
            client.wait_for_workers(1, timeout=30)
            # Kept: of a worker without a nanny that still says that it has let go of a result when
            # it is terminated, Dask waits for half a minute.
            future = client.submit(lambda: 1, key="last words")
            assert future.result() == 1
            worker.terminate()
            worker.wait(20)
            # The worker was asked to end at once: its last span was sent on the way out. The
            # scheduler may have sent it as well, under the same id.
            wait_for(lambda: "last words" in computed(sink))
            assert len({seen.span.span_id for seen in sink.spans() if _is_attempt(seen)}) == 1
