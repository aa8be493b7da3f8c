"""What OpenTelemetry's standard variables say counts in every process of a real cluster."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from dask_otel import conventions as names
from tests.certificates import Authority, ServerTls
from tests.clusters import instrumented
from tests.seen import NANNIES, spans
from tests.sinks import GrpcSink, HttpSink
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from distributed import Client, Worker

    from tests.sinks import Sink

pytestmark = pytest.mark.cluster

SERVICES = {names.SERVICE_SCHEDULER, names.SERVICE_WORKER}


def compute(client: Client) -> None:
    assert client.gather(client.map(abs, range(-5, 0))) == [5, 4, 3, 2, 1]


def measured(sink: Sink) -> set[str]:
    """Services whose metrics have come."""
    return {point.resource[names.SERVICE_NAME] for point in sink.points()}


@pytest.mark.parametrize(
    ("protocol", "make_sink"), [("http/protobuf", HttpSink), ("grpc", GrpcSink)]
)
def test_an_endpoint_that_asks_who_is_there_and_for_a_token(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    protocol: str,
    make_sink: type[HttpSink] | type[GrpcSink],
) -> None:
    authority = Authority(tmp_path)
    server, mine = authority.signed("server"), authority.signed("client")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(authority.own.certificate))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", str(mine.key))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", str(mine.certificate))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20token")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "authorization=another")
    with make_sink(tls=ServerTls(server, clients_of=authority)) as sink:
        with instrumented(monkeypatch, sink.endpoint, protocol, **NANNIES) as client:
            compute(client)
            wait_for(lambda: measured(sink) == SERVICES)
        assert {seen.resource[names.SERVICE_NAME] for seen in sink.spans()} == SERVICES
        assert len(spans(sink, names.ACTION_COMPUTE)) == 5
        said = {headers["authorization"] for headers in sink.headers}
        assert said == {"Bearer token", "another"}


@pytest.mark.parametrize("sampler", ["always_off", "parentbased_traceidratio"])
def test_a_sampler_that_takes_nothing(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, sampler: str
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    with instrumented(monkeypatch, sink.endpoint, **NANNIES) as client:
        compute(client)
        wait_for(lambda: measured(sink) == SERVICES)
    assert sink.spans() == []
    newest = {
        (point.resource[names.SERVICE_NAME], point.metric): point.value for point in sink.points()
    }
    assert newest[names.SERVICE_WORKER, names.SPANS_SAMPLED_OUT.name] >= 5
    assert newest[names.SERVICE_WORKER, names.SPANS_DROPPED.name] == 0


def test_resource_detectors_and_attributes(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    monkeypatch.setenv("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "process,os")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    with instrumented(monkeypatch, sink.endpoint, **NANNIES) as client:
        compute(client)
        wait_for(lambda: measured(sink) == SERVICES)
    spans_of, points_of, logs_of = sink.spans(), sink.points(), sink.logs()
    assert spans_of
    for resource in (
        *(seen.resource for seen in spans_of),
        *(seen.resource for seen in points_of),
        *(seen.resource for seen in logs_of),
    ):
        assert resource["deployment.environment.name"] == "test"
        assert resource["process.runtime.name"] == "cpython"
        assert resource["os.type"]


def test_a_disabled_sdk_sends_nothing_from_any_process(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with instrumented(monkeypatch, sink.endpoint, n_workers=2, **NANNIES) as client:
        compute(client)
        found = client.run(what_watches)
        assert len(found) == 2
        assert set(found.values()) == {(True, False, ())}
    assert sink.headers == []


def what_watches(dask_worker: Worker) -> tuple[bool, bool, tuple[str, ...]]:
    """Whether the preload was read, whether it has begun, and its threads."""
    ours = (thread.name for thread in threading.enumerate() if thread.name == "dask_otel")
    return (
        [preload.name for preload in dask_worker.preloads] == ["dask_otel"],
        "dask-otel" in dask_worker.plugins,
        tuple(ours),
    )
