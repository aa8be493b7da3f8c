"""Which way out each signal takes."""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeVar

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from dask_otel import config, sdk
from dask_otel import conventions as names
from dask_otel.compat import sdk as otel
from dask_otel.compat.otel_logs import SdkLoggerProvider, global_provider
from dask_otel.outputs.direct import DirectLogs, DirectPoints, DirectSpans
from dask_otel.outputs.link import Link
from dask_otel.outputs.provided import ProvidedLogs, ProvidedPoints, ProvidedSpans
from dask_otel.outputs.values import Outputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dask_otel.compat.otel_logs import LoggerProvider
    from dask_otel.config import Settings
    from dask_otel.outputs.values import LogOutput, PointOutput, Providers, SpanOutput
    from dask_otel.record.spans import SpanMaker

P = TypeVar("P")

logger = logging.getLogger(__name__)


def choose(
    settings: Settings,
    attributes: Mapping[str, str | int],
    maker: SpanMaker,
    providers: Providers,
) -> Outputs:
    """The ways out of one scheduler, worker or client; takes time, and may fail.

    Parameters
    ----------
    settings
        What the user chose.
    attributes
        Of the resource.
    maker
        Says what the spans are.
    providers
        What somebody has brought.
    """
    resource = sdk.resource(attributes)
    outputs = Outputs(
        _spans(settings, resource, maker, providers.tracer_provider),
        _logs_output(settings, resource, providers.logger_provider),
        _points(settings, resource, providers.meter_provider),
    )
    _say_what_is_not_sent("traces", outputs.spans)
    _say_what_is_not_sent("logs", outputs.logs)
    _say_what_is_not_sent("metrics", outputs.points)
    return outputs


def _spans(
    settings: Settings, resource: Resource, maker: SpanMaker, brought: trace.TracerProvider | None
) -> SpanOutput | None:
    provider = brought or _of_sdk(trace.get_tracer_provider(), TracerProvider)
    if provider is not None:
        return ProvidedSpans(provider, resource, _version(), maker)
    if settings.traces is None:
        return None
    sampler = sdk.TraceSampler(otel.configured_sampler())
    link = Link("traces", settings.traces)
    return DirectSpans(link, _signed(resource), _version(), maker, sampler, settings.n_held)


def _logs_output(
    settings: Settings, resource: Resource, brought: LoggerProvider | None
) -> LogOutput | None:
    provider = brought or _of_sdk(global_provider(), SdkLoggerProvider)
    if provider is not None:
        return ProvidedLogs(provider, resource, _version())
    if settings.logs is None:
        return None
    return DirectLogs(Link("logs", settings.logs), _signed(resource), _version())


def _points(
    settings: Settings, resource: Resource, brought: metrics.MeterProvider | None
) -> PointOutput | None:
    provider = brought or _of_sdk(metrics.get_meter_provider(), MeterProvider)
    if provider is not None:
        return ProvidedPoints(provider, resource, _version())
    if settings.metrics is None:
        return None
    return DirectPoints(Link("metrics", settings.metrics), _signed(resource), _version())


def _signed(resource: Resource) -> Resource:
    """`resource` with the SDK that has made what goes straight to OTLP: this one.

    Source: semantic conventions 1.44, `telemetry.sdk.name`: `opentelemetry` is reserved for
    OpenTelemetry's SDKs, and who does their work must give the name of a module.
    """
    ours = {
        names.TELEMETRY_SDK_NAME: names.SCOPE_NAME,
        names.TELEMETRY_SDK_LANGUAGE: "python",
        names.TELEMETRY_SDK_VERSION: _version(),
    }
    return Resource({**ours, **resource.attributes}, resource.schema_url)


def _of_sdk(provider: object, kind: type[P]) -> P | None:
    """The global provider if somebody has set one of the SDK."""
    return provider if isinstance(provider, kind) else None


def _say_what_is_not_sent(signal: config.Signal, output: object) -> None:
    """Warn of exporters that only the SDK's own providers have."""
    exporters = config.exporters(signal)
    if output is None and not {"none", "otlp"} & {*exporters.split(",")}:
        logger.warning("dask_otel sends OTLP only; no %s are sent (%s)", signal, exporters)


def _version() -> str:
    return version("daskscope")
