"""`DaskInstrumentor`, plugins and what else is called, on real clusters."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import dask
import pytest
from distributed import Client, LocalCluster
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import dask_otel
from dask_otel import preload
from dask_otel.instrumentor import DaskInstrumentor
from tests.clusters import instrumented
from tests.starting import all_once, attempts, compute, senders
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sinks import HttpSink

pytestmark = pytest.mark.cluster


@pytest.fixture
def to_sink(sink: HttpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.endpoint)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")


@pytest.fixture
def instrumentor() -> Iterator[DaskInstrumentor]:
    instrumentor = DaskInstrumentor()
    yield instrumentor
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()


@pytest.mark.usefixtures("to_sink")
@pytest.mark.parametrize("processes", [False, True])
def test_the_instrumentor_before_a_cluster(
    sink: HttpSink, instrumentor: DaskInstrumentor, processes: bool
) -> None:
    before = {role: dask.config.get(f"distributed.{role}.preload") for role in ("worker", "client")}
    instrumentor.instrument()
    with (
        LocalCluster(n_workers=2, processes=processes, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        compute(client)
        wait_for(lambda: all_once(sink))
        assert preload.is_instrumented(cluster.scheduler)
        instrumentor.uninstrument()
        assert not preload.is_instrumented(cluster.scheduler)
        assert not preload.is_instrumented(client)
    for role, value in before.items():
        assert dask.config.get(f"distributed.{role}.preload") is value


@pytest.mark.usefixtures("to_sink")
def test_the_instrumentor_on_a_cluster_that_runs(
    sink: HttpSink, instrumentor: DaskInstrumentor
) -> None:
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        (worker,) = cluster.workers.values()
        before = [dict(vars(server)) for server in (cluster.scheduler, worker, client)]
        plugins = dict(worker.plugins), dict(cluster.scheduler.plugins)
        handlers = [dict(server.stream_handlers) for server in (cluster.scheduler, worker)]
        instrumentor.instrument()
        compute(client)
        wait_for(lambda: all_once(sink))
        instrumentor.uninstrument()
        for server, old in zip((cluster.scheduler, worker, client), before, strict=True):
            assert vars(server).keys() == old.keys()
            methods = {name for name, value in old.items() if callable(value)}
            assert all(vars(server)[name] is old[name] for name in methods)
        assert (worker.plugins, cluster.scheduler.plugins) == plugins
        for server, old in zip((cluster.scheduler, worker), handlers, strict=True):
            assert server.stream_handlers == old
        sink.requests.clear()
        compute(client)
    assert sink.spans() == []


def test_spans_go_through_a_provider_that_is_handed_in(instrumentor: DaskInstrumentor) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor.instrument(tracer_provider=provider)
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        compute(client)
        wait_for(lambda: [span.name for span in exporter.get_finished_spans()].count("abs") == 6)


@pytest.mark.usefixtures("to_sink")
def test_plugins_on_a_cluster_that_runs_and_grows(sink: HttpSink) -> None:
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        compute(client)
        client.register_plugin(dask_otel.SchedulerInstrumentation())
        client.register_plugin(dask_otel.WorkerInstrumentation())
        cluster.scale(2)
        client.wait_for_workers(2, timeout=30)
        wait_for(lambda: len(senders(sink, "dask-worker")) == 2)
        client.restart()
        wait_for(lambda: len(senders(sink, "dask-worker")) == 4)
        compute(client)
        wait_for(lambda: all_once(sink))
        client.unregister_worker_plugin(dask_otel.WorkerInstrumentation.name)
        client.unregister_scheduler_plugin(dask_otel.SchedulerInstrumentation.name)
        assert set(client.run(is_worker_instrumented).values()) == {False}
        wait_for(lambda: not preload.is_instrumented(cluster.scheduler))
        sink.requests.clear()
        compute(client)
        assert attempts(sink) == {}


def is_worker_instrumented(dask_worker: Any) -> bool:
    from dask_otel import preload

    return preload.is_instrumented(dask_worker)


def test_two_ways_instrument_once(sink: HttpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    with instrumented(monkeypatch, sink.endpoint) as client:
        client.register_plugin(dask_otel.SchedulerInstrumentation())
        client.register_plugin(dask_otel.WorkerInstrumentation())
        compute(client)
        wait_for(lambda: all_once(sink))
        client.unregister_worker_plugin(dask_otel.WorkerInstrumentation.name)
        assert set(client.run(is_worker_instrumented).values()) == {True}


def test_several_threads_start_the_same_servers_at_once(
    sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    with instrumented(monkeypatch, sink.endpoint) as client:
        assert isinstance(client.cluster, LocalCluster)
        (worker,) = client.cluster.workers.values()

        async def race() -> list[bool]:
            await preload.uninstrument(worker)
            return list(await asyncio.gather(*(preload.instrument(worker) for _ in range(5))))

        assert client.sync(race) == [True, False, False, False, False]
