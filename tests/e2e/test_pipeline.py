"""A user's script through the real Collector: the same data in the desktop, in files, in Jaeger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dask_otel import conventions
from tests.e2e.programs import recorder, run_script
from tests.e2e.telemetry import Recorded, events_of, lasting, points_of, spans_of
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.services import Collector, Jaeger

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]

#: What the Collector counts of each signal, and to whom it sends that on.
SENT_ON = {
    "spans": ("otlp_http/desktop", "otlp_grpc/jaeger"),
    "metric_points": ("otlp_http/desktop",),
    "log_records": ("otlp_http/desktop",),
}


def is_delivered(collector: Collector) -> bool:
    """Whether the Collector has sent on all that it accepted; no more comes from the script."""
    for counted, exporters in SENT_ON.items():
        n_accepted = collector.count(f"otelcol_receiver_accepted_{counted}")
        for exporter in exporters:
            n_sent = collector.count(f"otelcol_exporter_sent_{counted}", exporter=exporter)
            if not 0 < n_accepted == n_sent:
                return False
    return True


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_a_run_is_whole_in_the_desktop_in_files_and_in_jaeger(
    collector: Collector,
    jaeger: Jaeger,
    tmp_path: Path,
    free_port: Callable[[], int],
    protocol: str,
) -> None:
    path = tmp_path / "run.dscope"
    endpoint = {"grpc": collector.grpc, "http": collector.http}[protocol]
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
    if protocol == "http":
        settings["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf"
    with recorder(path, collector.desktop, free_port()):
        account = run_script(tmp_path, settings)
        wait_for(lambda: is_delivered(collector))
    recorded = Recorded(path)

    account.check(recorded.spans)
    spans = sorted(recorded.spans)
    everywhere = {metric.name for metric in conventions.METRICS if not metric.when}
    assert everywhere <= {point.name for point in recorded.points}
    assert {event.name for event in recorded.events} >= {
        conventions.EVENT_WORKER_ADDED,
        conventions.EVENT_WORKER_REMOVED,
        conventions.EVENT_GRAPH_SUBMITTED,
    }
    # The file is flushed once a second.
    wait_for(lambda: spans_of(collector.recorded("traces")) == spans)
    wait_for(lambda: points_of(collector.recorded("metrics")) == sorted(recorded.points))
    wait_for(lambda: events_of(collector.recorded("logs")) == lasting(recorded.events))

    assert {conventions.SERVICE_SCHEDULER, conventions.SERVICE_WORKER} <= set(jaeger.services())
    in_jaeger = [
        (span["traceId"], span["spanId"], span["name"], span.get("parentSpanId", ""))
        for trace_id in {span.trace_id for span in spans}
        for span in jaeger.trace(int(trace_id, 16))
    ]
    assert sorted(in_jaeger) == sorted(
        (span.trace_id, span.span_id, span.name, span.parent_id) for span in spans
    )
