"""The events and metrics of a real cluster, and Dask's own account of what happened."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from dask_otel import conventions as names
from tests.clusters import CLOCK_ERROR_NS, ROUNDED_NS

if TYPE_CHECKING:
    from tests.accounts import Account

pytestmark = pytest.mark.cluster


def test_progress_is_the_schedulers(run: Account) -> None:
    # The fixture has waited until it was; what came after is the release of everything.
    assert run.counts["sum-aggregate"]
    assert set(run.last_counts()) == set(run.counts)


def test_running_tasks_are_named_until_they_end(run: Account) -> None:
    (slow,) = (seen for seen in run.actions(names.ACTION_COMPUTE) if seen.span.name == "sleep")
    worker = slow.resource[names.WORKER_ADDRESS]
    reports = [
        log
        for log in run.sink.logs()
        if log.event_name == names.EVENT_RUNNING
        and log.resource.get(names.WORKER_ADDRESS) == worker
    ]
    named = [
        (run_id, thread, start)
        for log in reports
        for key, run_id, thread, start in zip(
            log.attributes[names.RUNNING_KEYS],
            log.attributes[names.RUNNING_RUN_IDS],
            log.attributes[names.RUNNING_THREADS],
            log.attributes[names.RUNNING_STARTS],
            strict=True,
        )
        if key == slow.attributes[names.TASK_KEY]
    ]
    assert len(named) >= 2
    assert len(set(named)) == 1
    run_id, thread, start_ns = named[0]
    assert run_id == slow.attributes[names.TASK_RUN_ID]
    assert thread == slow.attributes[names.THREAD_ID]
    # It was named from when it was given to its thread, by the clock that its span has.
    assert 0 <= slow.span.start_time_unix_nano + ROUNDED_NS - start_ns < CLOCK_ERROR_NS
    assert reports[-1].attributes[names.RUNNING_KEYS] == []


def test_events_of_the_cluster_are_logged(run: Account) -> None:
    logs = run.sink.logs()
    workers = set(run.transfers)
    for event_name in (names.EVENT_WORKER_ADDED, names.EVENT_WORKER_REMOVED):
        found = [log for log in logs if log.event_name == event_name]
        assert {log.attributes[names.WORKER_ADDRESS] for log in found} == workers
        assert all(log.attributes[names.WORKER_ADDRESS] in log.body for log in found)
    submitted = [log for log in logs if log.event_name == names.EVENT_GRAPH_SUBMITTED]
    assert len(submitted) == 9
    assert "sum-aggregate" in submitted[0].attributes[names.GRAPH_PREFIXES]
    assert {log.trace_id for log in submitted} == {
        seen.span.trace_id for seen in run.actions(names.ACTION_GRAPH)
    }


def test_every_metric_is_sent_and_the_memory_adds_up(run: Account) -> None:
    points = run.sink.points()
    sent = {(point.metric, point.unit) for point in points}
    everywhere = {(metric.name, metric.unit) for metric in names.METRICS if not metric.when}
    assert everywhere <= sent <= {(metric.name, metric.unit) for metric in names.METRICS}
    for metric in names.METRICS:
        kinds = {tuple(sorted(point.attributes)) for point in points if point.metric == metric.name}
        assert kinds <= {tuple(sorted(metric.attributes))}
    memory: dict[tuple[str, int], int] = {}
    process: dict[tuple[str, int], int] = {}
    for point in points:
        where = str(point.resource.get(names.WORKER_ADDRESS)), point.time_ns
        if point.metric == names.WORKER_MEMORY.name:
            if point.attributes[names.MEMORY_TYPE] != names.MEMORY_SPILLED:
                memory[where] = memory.get(where, 0) + int(point.value)
        elif point.metric == names.PROCESS_MEMORY.name:
            process[where] = int(point.value)
    assert memory
    assert memory == {where: process[where] for where in memory}


def test_own_counters_are_exact(run: Account) -> None:
    newest = {
        (point.resource[names.SERVICE_INSTANCE_ID], point.metric): point.value
        for point in run.sink.points()
        if point.metric.startswith("dask_otel.")
    }
    sent = Counter(seen.resource[names.SERVICE_INSTANCE_ID] for seen in run.sink.spans())
    assert len(sent) == 3
    for instance, n_spans in sent.items():
        assert newest[instance, names.SPANS_RECORDED.name] == n_spans
        assert newest[instance, names.SPANS_EXPORTED.name] == n_spans
        assert newest[instance, names.SPANS_DROPPED.name] == 0


def test_each_worker_has_its_own_resource(run: Account) -> None:
    resources = {
        seen.resource[names.SERVICE_INSTANCE_ID]: seen.resource for seen in run.sink.spans()
    }
    workers = [
        found for found in resources.values() if found[names.SERVICE_NAME] == names.SERVICE_WORKER
    ]
    assert {found[names.WORKER_ADDRESS] for found in workers} == set(run.transfers)
    assert {found[names.WORKER_NTHREADS] for found in workers} == {2}
    assert len({found[names.SERVICE_NAMESPACE] for found in resources.values()}) == 1
    assert len({found[names.SCHEDULER_ADDRESS] for found in resources.values()}) == 1
