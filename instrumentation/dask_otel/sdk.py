"""OpenTelemetry's SDK: resources, samplers, log records, and metrics encoded on demand.

Providers belong to one scheduler or worker and are never made global: several live in one process.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider, ObservableCounter, ObservableGauge
from opentelemetry.sdk.metrics.export import MetricReader, MetricsData
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    set_span_in_context,
)

from dask_otel import conventions as names
from dask_otel import wire
from dask_otel.compat import sdk as otel
from dask_otel.compat.otel_logs import LogRecord, SeverityNumber
from dask_otel.record.logs import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opentelemetry.metrics import Meter
    from opentelemetry.sdk.metrics.export import AggregationTemporality
    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.util.types import AttributeValue

    from dask_otel.correlate import Place
    from dask_otel.points import Points
    from dask_otel.record.logs import Log

logger = logging.getLogger(__name__)

#: Traces whose fate is remembered.
_N_DECIDED: Final = 16_384
#: What the SDK calls a service that has no name.
_UNKNOWN: Final = "unknown_service"
#: The SDK's default of 2,000 attribute sets is 250 prefixes in 8 states.
_MAX_POINTS = 1_000_000


def resource(attributes: Mapping[str, AttributeValue]) -> Resource:
    """`attributes` and what detectors find; may take seconds where a detector asks a server.

    The detectors of `OTEL_EXPERIMENTAL_RESOURCE_DETECTORS` win over `attributes`, and
    `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` over all.
    """
    found = {**attributes}
    for detector in (*otel.configured_detectors(), OTELResourceDetector()):
        try:
            # Not `Resource.merge`, which refuses resources of different schemas.
            found |= detector.detect().attributes
        except Exception as error:  # noqa: BLE001 - a detector can be anybody's
            logger.warning("%s found nothing: %s", type(detector).__name__, error)
    return Resource(found, names.SCHEMA_URL)


def merged(ours: Resource, theirs: Resource) -> Resource:
    """`ours` with what the user's provider says, which wins where it has been said by somebody.

    The SDK makes up a name for a service that has none, and one id for the whole process.
    """
    said = {**theirs.attributes}
    said.pop(names.SERVICE_INSTANCE_ID, None)
    if str(said.get(names.SERVICE_NAME)).startswith(_UNKNOWN):
        del said[names.SERVICE_NAME]
    return Resource({**ours.attributes, **said}, names.SCHEMA_URL)


class TraceSampler:
    """Asks a sampler about each trace, once.

    Parameters
    ----------
    sampler
        The user's.
    """

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self._decided: dict[tuple[bytes, bool], bool] = {}

    def keeps(self, place: Place) -> bool:
        """Whether the trace of `place` is sent."""
        trace = place.trace_id, place.sampled
        decided = self._decided.get(trace)
        if decided is None:
            if len(self._decided) >= _N_DECIDED:
                self._decided.clear()
            decided = self._decided[trace] = self._ask(place)
        return decided

    def _ask(self, place: Place) -> bool:
        parent = parent_context(place.trace_id, place.parent_id, place.sampled)
        trace_id = int.from_bytes(place.trace_id, "big")
        result = self._sampler.should_sample(parent, trace_id, names.SPAN_GRAPH, SpanKind.INTERNAL)
        return result.decision is Decision.RECORD_AND_SAMPLE


def parent_context(
    trace_id: bytes, span_id: bytes | None, sampled: bool = True, remote: bool = True
) -> Context:
    """A context, otherwise empty, in which a span of another place is the current one."""
    if not span_id:
        return Context()
    span = SpanContext(
        int.from_bytes(trace_id, "big"),
        int.from_bytes(span_id, "big"),
        is_remote=remote,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT),
    )
    return set_span_in_context(NonRecordingSpan(span), Context())


def readable(attributes: Iterable[tuple[str, wire.Value]]) -> dict[str, AttributeValue]:
    """`attributes` as the SDK can encode them: at what UTF-8 cannot hold it loses a whole batch."""
    return {name: wire.readable(value) for name, value in attributes}


def log_record(log: Log) -> LogRecord:
    """`log` as OpenTelemetry's API takes it."""
    place = log.place
    return LogRecord(
        timestamp=log.time_ns,
        observed_timestamp=log.time_ns,
        context=parent_context(place.trace_id, place.graph_id) if place else Context(),
        severity_number=SeverityNumber(SEVERITIES.get(log.severity, 0)),
        severity_text=logging.getLevelName(log.severity),
        body=wire.readable(log.body),
        attributes=readable(log.attributes.items()),
        event_name=log.event_name,
    )


def create_instruments(
    meter: Meter, observe: Callable[[names.Metric], Iterable[Observation]]
) -> None:
    """Give `meter` an instrument for each metric, which reads what `observe` says of it."""

    def callback(metric: names.Metric) -> Callable[[CallbackOptions], Iterable[Observation]]:
        return lambda _options: observe(metric)

    create = {
        "counter": meter.create_observable_counter,
        "updowncounter": meter.create_observable_up_down_counter,
        "gauge": meter.create_observable_gauge,
    }
    for metric in names.METRICS:
        create[metric.kind](metric.name, [callback(metric)], metric.unit, metric.description)


class MetricBatch(MetricReader):
    """Reads instruments and encodes what they observe as one request.

    Parameters
    ----------
    temporality
        By class of instrument, as the exporter wants it; cumulative where it says nothing.
    """

    def __init__(
        self,
        resource: Resource,
        version: str,
        temporality: Mapping[type, AggregationTemporality] | None = None,
    ) -> None:
        super().__init__(
            preferred_temporality=dict(temporality or {}),
            cardinality_limits={ObservableGauge: _MAX_POINTS, ObservableCounter: _MAX_POINTS},
        )
        self._observed: dict[names.Metric, list[Observation]] = {}
        self._encoded = b""
        provider = MeterProvider([self], resource, shutdown_on_exit=False)
        meter = provider.get_meter(names.SCOPE_NAME, version, names.SCHEMA_URL)
        create_instruments(meter, lambda metric: self._observed.get(metric, ()))

    def encode(self, points: Points) -> bytes:
        """`ExportMetricsServiceRequest` with `points` and no others."""
        observed: dict[names.Metric, list[Observation]] = {}
        for (metric, attributes), value in points.items():
            observed.setdefault(metric, []).append(Observation(value, readable(attributes)))
        self._observed = observed
        self.collect()
        return self._encoded

    def _receive_metrics(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: object
    ) -> None:
        self._encoded = encode_metrics(metrics_data).SerializeToString()

    def shutdown(self, timeout_millis: float = 30_000, **_: object) -> None:
        """Nothing to do: nothing waits."""
