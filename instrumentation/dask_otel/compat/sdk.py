"""What OpenTelemetry's SDK keeps to itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk import resources
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.trace import TracerProvider, sampling

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource, ResourceDetector
    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.sdk.trace.sampling import Sampler


def configured_detectors() -> list[ResourceDetector]:
    """The detectors of `OTEL_EXPERIMENTAL_RESOURCE_DETECTORS`, in its order.

    Not the one that makes up a `service.instance.id` for the whole process, in which there may be
    several schedulers and workers.
    """
    made_up = resources.ServiceInstanceIdResourceDetector
    found = resources._build_resource_detectors()
    return [detector for detector in found if not isinstance(detector, made_up)]


def configured_sampler() -> Sampler:
    """The sampler of `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`."""
    return sampling._get_from_env_or_default()


def derived_tracer_provider(
    provider: TracerProvider, resource: Resource, ids: IdGenerator, sampler: Sampler
) -> TracerProvider:
    """A provider with the limits and processors of `provider`, and nothing to shut down.

    Processors that are added to `provider` later are its own, too.
    """
    return TracerProvider(
        sampler=sampler,
        resource=resource,
        shutdown_on_exit=False,
        active_span_processor=provider._active_span_processor,
        id_generator=ids,
        span_limits=provider._span_limits,
        meter_provider=provider._meter_provider,
        _tracer_configurator=provider._tracer_configurator,
    )


def derived_logger_provider(provider: LoggerProvider, resource: Resource) -> LoggerProvider:
    """A provider with the processors and limits of `provider`, and nothing to shut down."""
    return LoggerProvider(
        resource,
        shutdown_on_exit=False,
        multi_log_record_processor=provider._multi_log_record_processor,
        log_record_limits=provider._log_record_limits,
        _logger_configurator=provider._logger_configurator,
    )
