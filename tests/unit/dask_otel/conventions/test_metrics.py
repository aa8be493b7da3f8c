"""What has a name of OpenTelemetry's conventions is what they say."""

from __future__ import annotations

from inspect import signature
from unittest.mock import MagicMock

import pytest
from opentelemetry.semconv._incubating.metrics import process_metrics

from dask_otel import conventions as names

KINDS = {
    "create_counter": "counter",
    "create_up_down_counter": "updowncounter",
    "create_observable_gauge": "gauge",
}


@pytest.mark.parametrize(
    "metric",
    [metric for metric in names.METRICS if metric.name.startswith("process.")],
    ids=lambda metric: str(metric.name),
)
def test_metrics_of_the_process_have_the_unit_and_the_kind_of_the_conventions(
    metric: names.Metric,
) -> None:
    create = getattr(process_metrics, f"create_{metric.name.replace('.', '_')}")
    meter = MagicMock()
    create(meter, *[[] for _ in range(len(signature(create).parameters) - 1)])
    ((method, _, said),) = meter.method_calls
    assert (metric.name, metric.unit) == (said["name"], said["unit"])
    assert metric.kind == KINDS[method]
