from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest
from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

from dask_otel import config
from dask_otel.outputs import Outputs, Providers, choice, choose, direct, provided
from dask_otel.record.spans import SpanMaker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.resources import Resource

DIRECT = (direct.DirectSpans, direct.DirectLogs, direct.DirectPoints)
PROVIDED = (provided.ProvidedSpans, provided.ProvidedLogs, provided.ProvidedPoints)


def chosen(providers: Providers | None = None) -> Outputs:
    settings = config.read()
    assert settings is not None
    found = choose(settings, {}, SpanMaker("tcp://w:1", "tcp://s:1"), providers or Providers())
    for output in (found.spans, found.logs, found.points):
        if output is not None:
            output.close()
    return found


def kinds(outputs: Outputs) -> tuple[type | None, ...]:
    return tuple(
        None if output is None else type(output)
        for output in (outputs.spans, outputs.logs, outputs.points)
    )


@pytest.fixture
def set_globally(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The application has providers of its own."""
    brought = (
        TracerProvider(shutdown_on_exit=False),
        MeterProvider(shutdown_on_exit=False),
        LoggerProvider(shutdown_on_exit=False),
    )
    tracers, meters, loggers = brought
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: tracers)
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: meters)
    monkeypatch.setattr(_logs, "get_logger_provider", lambda: loggers)
    yield
    for provider in brought:
        provider.shutdown()


def test_it_goes_straight_to_otlp_where_nobody_brings_a_provider() -> None:
    assert kinds(chosen()) == DIRECT


def test_what_goes_straight_to_otlp_says_what_has_made_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[Resource] = []
    for kind in DIRECT:
        monkeypatch.setattr(
            choice, kind.__name__, lambda _link, resource, *_: given.append(resource)
        )
    chosen()
    said = {
        "telemetry.sdk.name": "dask_otel",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.version": version("daskscope"),
    }
    assert [resource.attributes for resource in given] == [said] * len(DIRECT)
    given.clear()
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "telemetry.sdk.name=mine")
    chosen()
    assert given[0].attributes["telemetry.sdk.name"] == "mine"


@pytest.mark.usefixtures("set_globally")
def test_the_applications_providers_are_used() -> None:
    assert kinds(chosen()) == PROVIDED


@pytest.mark.usefixtures("set_globally")
def test_they_are_used_whatever_exporters_they_have(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    assert kinds(chosen()) == PROVIDED
    assert caplog.records == []


def test_a_provider_that_is_handed_in_counts_for_its_signal_alone() -> None:
    found = kinds(chosen(Providers(tracer_provider=trace.NoOpTracerProvider())))
    assert found == (provided.ProvidedSpans, direct.DirectLogs, direct.DirectPoints)
    found = kinds(chosen(Providers(meter_provider=metrics.NoOpMeterProvider())))
    assert found == (direct.DirectSpans, direct.DirectLogs, provided.ProvidedPoints)
    found = kinds(chosen(Providers(logger_provider=_logs.NoOpLoggerProvider())))
    assert found == (direct.DirectSpans, provided.ProvidedLogs, direct.DirectPoints)


def test_what_is_switched_off_has_no_way_out_and_other_exporters_are_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "console, prometheus")
    assert kinds(chosen()) == (None, direct.DirectLogs, None)
    assert [record.message for record in caplog.records] == [
        "dask_otel sends OTLP only; no metrics are sent (console,prometheus)"
    ]
