"""The trace of one computation as Jaeger shows it: client, graphs, tasks, transfers, nested."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dask_otel import conventions as names
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.e2e.services import Jaeger

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]

SCRIPT = Path(__file__).with_name("traced_script.py")
#: Each span of the script's trace under its parents.
TREE = Counter(
    {
        "analysis": 1,
        "analysis / dask.client.submit": 2,
        "analysis / dask.client.submit / dask.graph": 2,
        "analysis / dask.client.submit / dask.graph / part": 2,
        "analysis / dask.client.submit / dask.graph / part / fill": 2,
        "analysis / dask.client.compute": 1,
        "analysis / dask.client.compute / dask.graph": 1,
        "analysis / dask.client.compute / dask.graph / total": 1,
        "analysis / dask.client.compute / dask.graph / total / transfer": 1,
        "analysis / dask.client.compute / dask.graph / total / dask.client.submit": 1,
        "analysis / dask.client.compute / dask.graph / total / dask.client.submit / dask.graph": 1,
        "analysis / dask.client.compute / dask.graph / total / dask.client.submit / dask.graph"
        " / inner": 1,
        "analysis / dask.client.gather": 1,
    }
)
#: How many there are depends on where Dask puts the tasks, and on how long they took to load.
BESIDE = {names.SPAN_SEND, names.SPAN_DESERIALIZE}


def tree(spans: list[dict[str, Any]]) -> Counter[str]:
    """How often each path of names occurs, from the root down."""
    by_id = {span["spanId"]: span for span in spans}

    def path(span: dict[str, Any]) -> str:
        parent = span.get("parentSpanId")
        return f"{path(by_id[parent])} / {span['name']}" if parent else span["name"]

    return Counter(map(path, spans))


def n_certain(spans: list[dict[str, Any]]) -> int:
    """How many spans are of those that must be there."""
    return sum(span["name"] not in BESIDE for span in spans)


def warnings(spans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What Jaeger says of spans with parents or clocks that it does not understand."""
    return [
        attribute["value"]
        for span in spans
        for attribute in span.get("attributes", ())
        if attribute["key"] == "@jaeger@warnings"
    ]


def test_one_trace_holds_a_computation_from_the_users_span_to_nested_tasks(
    jaeger: Jaeger, tmp_path: Path
) -> None:
    preload = {
        f"DASK_DISTRIBUTED__{role}__PRELOAD": "dask_otel"
        for role in ("SCHEDULER", "WORKER", "CLIENT")
    }
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{jaeger.otlp}"}
    found = subprocess.run(
        [sys.executable, SCRIPT],
        env={**os.environ, **preload, **settings, "DASK_CONFIG": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    trace_id = int(found.stdout, 16)
    wait_for(lambda: n_certain(jaeger.trace(trace_id)) >= TREE.total())
    spans = jaeger.trace(trace_id)
    seen = tree(spans)
    beside = {path: n for path, n in seen.items() if path.rpartition(" / ")[2] in BESIDE}
    assert seen - Counter(beside) == TREE
    assert warnings(spans) == []
    assert set(jaeger.services()) >= {names.SERVICE_SCHEDULER, names.SERVICE_WORKER}
