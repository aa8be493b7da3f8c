"""Each private name of OpenTelemetry's SDK that is used: a release that moves one is noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk._logs import LoggerProvider, LogRecordLimits
from opentelemetry.sdk.resources import OTELResourceDetector, ProcessResourceDetector, Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider, sampling
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from dask_otel.compat import sdk

if TYPE_CHECKING:
    import pytest

RESOURCE = Resource({"a": "b"})


def test_detectors_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [type(found) for found in sdk.configured_detectors()] == [OTELResourceDetector]
    monkeypatch.setenv("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "process,service_instance")
    assert [type(found) for found in sdk.configured_detectors()] == [
        ProcessResourceDetector,
        OTELResourceDetector,
    ]


def test_the_sampler_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sdk.configured_sampler() is sampling.DEFAULT_ON
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.25")
    found = sdk.configured_sampler()
    assert isinstance(found, sampling.TraceIdRatioBased)
    assert found.rate == 0.25


def test_a_derived_tracer_provider_has_all_but_resource_ids_and_sampler() -> None:
    limits, ids = SpanLimits(max_links=3), RandomIdGenerator()
    theirs = TracerProvider(sampling.ALWAYS_OFF, span_limits=limits, shutdown_on_exit=False)
    derived = sdk.derived_tracer_provider(theirs, RESOURCE, ids, sampling.ALWAYS_ON)
    assert (derived.resource, derived.id_generator) == (RESOURCE, ids)
    assert derived.sampler is sampling.ALWAYS_ON
    assert derived._span_limits is limits
    later = SpanProcessor()
    theirs.add_span_processor(later)
    assert derived._active_span_processor._span_processors == (later,)
    assert derived._tracer_configurator is theirs._tracer_configurator
    assert derived._atexit_handler is None


def test_a_derived_logger_provider_has_all_but_the_resource() -> None:
    limits = LogRecordLimits(max_attributes=3)
    theirs = LoggerProvider(shutdown_on_exit=False, log_record_limits=limits)
    derived = sdk.derived_logger_provider(theirs, RESOURCE)
    assert derived.resource == RESOURCE
    assert derived._multi_log_record_processor is theirs._multi_log_record_processor
    assert derived._log_record_limits is limits
