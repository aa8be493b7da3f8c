"""Log records and metrics through OpenTelemetry's SDK, encoded on demand instead of on its timers.

Providers belong to one scheduler or worker and are never made global: several live in one process.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk._logs import (
    LoggerProvider,
    LogRecordProcessor,
    ReadableLogRecord,
    ReadWriteLogRecord,
)
from opentelemetry.sdk.metrics import MeterProvider, ObservableCounter, ObservableGauge
from opentelemetry.sdk.metrics.export import MetricReader, MetricsData
from opentelemetry.sdk.resources import (
    OTELResourceDetector,
    Resource,
    get_aggregated_resources,
)
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    set_span_in_context,
)

from dask_otel import conventions as names
from dask_otel.compat import sdk as otel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opentelemetry.context import Context
    from opentelemetry.util.types import AttributeValue

    from dask_otel.correlate import Place
    from dask_otel.points import Points
    from dask_otel.record.logs import Log

#: OpenTelemetry's severities for Python's levels.
SEVERITIES: Final = {
    logging.DEBUG: SeverityNumber.DEBUG,
    logging.INFO: SeverityNumber.INFO,
    logging.WARNING: SeverityNumber.WARN,
    logging.ERROR: SeverityNumber.ERROR,
    logging.CRITICAL: SeverityNumber.FATAL,
}
#: The SDK's default of 2,000 attribute sets is 250 prefixes in 8 states.
_MAX_POINTS = 1_000_000


def resource(attributes: Mapping[str, str | int]) -> Resource:
    """`attributes` and what detectors find; may take seconds where a detector asks a server.

    The detectors of `OTEL_EXPERIMENTAL_RESOURCE_DETECTORS` win over `attributes`, and
    `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` over all.
    """
    found: dict[str, AttributeValue] = {**attributes}
    for detector in (*otel.configured_detectors(), OTELResourceDetector()):
        # One by one, because resources of different schemas refuse to be merged.
        found |= get_aggregated_resources([detector], Resource.get_empty()).attributes
    return Resource(found, names.SCHEMA_URL)


class LogBatch(LogRecordProcessor):
    """Makes log records and encodes them as one request."""

    def __init__(self, resource: Resource, version: str) -> None:
        self._records: list[ReadableLogRecord] = []
        provider = LoggerProvider(resource, shutdown_on_exit=False)
        provider.add_log_record_processor(self)
        self._logger = provider.get_logger(names.SCOPE_NAME, version, names.SCHEMA_URL)

    def encode(self, logs: Iterable[Log]) -> bytes:
        """`ExportLogsServiceRequest` with `logs`."""
        for log in logs:
            self._logger.emit(
                LogRecord(
                    timestamp=log.time_ns,
                    observed_timestamp=log.time_ns,
                    context=_context(log.place),
                    severity_number=SEVERITIES[log.severity],
                    severity_text=logging.getLevelName(log.severity),
                    body=log.body,
                    attributes=log.attributes,
                    event_name=log.event_name,
                )
            )
        records, self._records = self._records, []
        return encode_logs(records).SerializeToString()

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Take a record that the SDK has made."""
        self._records.append(
            ReadableLogRecord(
                log_record=log_record.log_record,
                resource=log_record.resource or Resource.get_empty(),
                instrumentation_scope=log_record.instrumentation_scope,
                limits=log_record.limits,
            )
        )

    def shutdown(self) -> None:
        """Nothing to do: nothing waits."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing waits."""
        return True


def _context(place: Place | None) -> Context | None:
    """The context that makes a log record part of a graph."""
    if place is None:
        return None
    span = SpanContext(
        int.from_bytes(place.trace_id, "big"),
        int.from_bytes(place.graph_id, "big"),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
    return set_span_in_context(NonRecordingSpan(span))


class MetricBatch(MetricReader):
    """Reads instruments and encodes what they observe as one request."""

    def __init__(self, resource: Resource, version: str) -> None:
        super().__init__(
            cardinality_limits={ObservableGauge: _MAX_POINTS, ObservableCounter: _MAX_POINTS}
        )
        self._observed: dict[names.Metric, list[Observation]] = {}
        self._encoded = b""
        provider = MeterProvider([self], resource, shutdown_on_exit=False)
        meter = provider.get_meter(names.SCOPE_NAME, version, names.SCHEMA_URL)
        for metric in names.METRICS:
            create = (
                meter.create_observable_counter
                if metric.kind == "counter"
                else meter.create_observable_gauge
            )
            create(metric.name, [self._callback(metric)], metric.unit, metric.description)

    def encode(self, points: Points) -> bytes:
        """`ExportMetricsServiceRequest` with `points` and no others."""
        observed: dict[names.Metric, list[Observation]] = {}
        for (metric, attributes), value in points.items():
            observed.setdefault(metric, []).append(Observation(value, dict(attributes)))
        self._observed = observed
        self.collect()
        return self._encoded

    def _callback(self, metric: names.Metric) -> Callable[[CallbackOptions], Iterable[Observation]]:
        return lambda _options: self._observed.get(metric, ())

    def _receive_metrics(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: object
    ) -> None:
        self._encoded = encode_metrics(metrics_data).SerializeToString()

    def shutdown(self, timeout_millis: float = 30_000, **_: object) -> None:
        """Nothing to do: nothing waits."""
