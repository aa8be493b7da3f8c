"""Log records: what happens to workers and graphs, and what runs now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from dask_otel import conventions as names
from daskscope.simulate.graph import Ending
from daskscope.simulate.layout import constant, field
from daskscope.simulate.requests import attribute
from daskscope.simulate.span_layouts import FAILURES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from daskscope.simulate.cluster import Cluster
    from daskscope.simulate.graph import Graph, Scheduled
    from daskscope.simulate.loss import Loss
    from daskscope.simulate.model import Pause, Tick
    from daskscope.simulate.requests import Value

INFO: Final = 9
WARN: Final = 13
ERROR: Final = 17
#: Steals told of one layer.
_MOST_STEALS: Final = 20


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the scheduler tells, `time` nanoseconds after the model began."""

    time: int
    name: str
    body: str
    attributes: Mapping[str, Value]
    severity: int = INFO


def events(tick: Tick, cluster: Cluster) -> Iterator[Event]:
    """What the scheduler will tell of what was submitted in a tick: some of it later."""
    for graph in tick.submitted:
        prefixes = sorted({one.layer.step.name for one in graph.layers})
        yield Event(
            graph.submit,
            names.EVENT_GRAPH_SUBMITTED,
            f"{cluster.client_id} submitted {graph.n_tasks} tasks",
            {
                names.GRAPH_CLIENT: cluster.client_id,
                names.GRAPH_TASKS: graph.n_tasks,
                names.GRAPH_PREFIXES: prefixes,
                names.GRAPH_PREFIX_COUNT: len(prefixes),
            },
        )
        for one in graph.layers:
            yield from _steals(graph, one, cluster)
            yield from _failures(graph, one, cluster)
    for loss in tick.losses:
        yield from _loss(loss, cluster)
    for pause in tick.pauses:
        yield from _pause(pause, cluster)


def added(process: int, time: int, cluster: Cluster) -> Event:
    """A worker has joined."""
    said = {**_worker(process, cluster), names.WORKER_NTHREADS: cluster.n_threads}
    one = cluster.processes[process]
    body = f"Worker {one.name} added at {one.address}"
    return Event(time, names.EVENT_WORKER_ADDED, body, said)


def _worker(process: int, cluster: Cluster) -> dict[str, Value]:
    one = cluster.processes[process]
    return {names.WORKER_ADDRESS: one.address, names.WORKER_NAME: one.name}


def _loss(loss: Loss, cluster: Cluster) -> Iterator[Event]:
    one = cluster.processes[loss.process]
    reason = "handle-worker-cleanup"
    said = {
        **_worker(loss.process, cluster),
        names.REMOVAL_REASON: reason,
        names.REMOVAL_EXPECTED: False,
    }
    body = f"Worker {one.name} removed unexpectedly from {one.address}: {reason}"
    yield Event(loss.time, names.EVENT_WORKER_REMOVED, body, said, WARN)
    body = f"Worker {one.name} at {one.address} was lost: {reason}"
    yield Event(loss.time, names.EVENT_WORKER_LOST, body, said, ERROR)
    again = added(loss.successor, loss.back, cluster)
    yield again
    address = cluster.processes[loss.successor].address
    body = f"Worker {one.name} was restarted by its nanny at {address}"
    yield Event(loss.back, names.EVENT_WORKER_RESTARTED, body, again.attributes)


def _pause(pause: Pause, cluster: Cluster) -> Iterator[Event]:
    one = cluster.processes[pause.process]
    for time, name, after, before, severity in (
        (pause.start, names.EVENT_WORKER_PAUSED, "paused", "running", WARN),
        (pause.end, names.EVENT_WORKER_RESUMED, "running", "paused", INFO),
    ):
        said = {
            **_worker(pause.process, cluster),
            names.WORKER_STATE: after,
            names.WORKER_STATE_BEFORE: before,
        }
        yield Event(time, name, f"Worker {one.name} is {after}; it was {before}", said, severity)


def _steals(graph: Graph, one: Scheduled, cluster: Cluster) -> Iterator[Event]:
    for task in one.stolen[:_MOST_STEALS].tolist():
        taken = int(one.layer.dependencies[task - one.layer.first, 0])
        rows = np.flatnonzero(one.attempts.task == task)
        victim = cluster.processes[int(graph.values.process[taken])].address
        thief = cluster.processes[int(one.attempts.process[rows[0]])].address
        said: dict[str, Value] = {
            names.STEAL_VICTIM: victim,
            names.STEAL_THIEF: thief,
            names.STEAL_OUTCOME: "confirm",
            names.EVENT_TASK_COUNT: 1,
            names.EVENT_KEYS: [_key(one, task)],
        }
        body = f"Steal of 1 task from {victim} by {thief}: confirm"
        yield Event(int(one.attempts.assigned[rows[0]]), names.EVENT_STEAL, body, said)


def _failures(graph: Graph, one: Scheduled, cluster: Cluster) -> Iterator[Event]:
    """The first task of a group that failed for good."""
    erred = np.flatnonzero(one.attempts.ending == Ending.ERRED.value)
    if not len(erred):
        return
    row = int(erred[0])
    kind, message, _ = FAILURES[Ending.ERRED]
    step = one.layer.step.name
    said: dict[str, Value] = {
        names.TASK_KEY: _key(one, int(one.attempts.task[row])),
        names.TASK_PREFIX: step,
        names.TASK_GROUP: step,
        names.EVENT_TASK_COUNT: one.layer.n,
        names.WORKER_ADDRESS: cluster.processes[int(one.attempts.process[row])].address,
    }
    body = f"{step} failed: {kind}({message!r})"
    yield Event(int(one.attempts.end[row]), names.EVENT_GROUP_ERRED, body, said, ERROR)


def _key(one: Scheduled, task: int) -> str:
    return str(one.keys[task - one.layer.first].tobytes(), "ascii")


def event_record(event: Event, origin_ns: int) -> bytes:
    """An event, framed as an element of its scope."""
    return _record(origin_ns + event.time, event.name, event.body, event.attributes, event.severity)


class Run(NamedTuple):
    """An attempt that has not ended; `start` since the model began."""

    key: str
    prefix: str
    run_id: int
    thread: int
    start: int


def running(
    graphs: Sequence[Graph], cluster: Cluster, turns: Sequence[int], time: int, tick_ns: int
) -> dict[int, list[Run]]:
    """What processes run at a time and have run for longer than a tick, by process."""
    is_asked = np.zeros(len(cluster.processes), np.bool_)
    is_asked[turns] = True
    found: dict[int, list[Run]] = {}
    for graph in graphs:
        for one in graph.layers:
            rows = one.attempts
            left = rows.rows(slice(int(rows.end.searchsorted(time, "right")), None))
            is_now = (left.start <= time - tick_ns) & is_asked[left.process]
            now = left.rows(is_now & (left.ending != Ending.LOST_WAITING.value))
            threads = cluster.threads(now.process, now.lane)
            columns = (now.process, now.task, now.run_id, threads, now.start)
            for process, task, *rest in zip(*(column.tolist() for column in columns), strict=True):
                run = Run(_key(one, task), one.layer.step.name, *rest)
                found.setdefault(process, []).append(run)
    return found


def running_record(runs: Sequence[Run], time_ns: int, origin_ns: int) -> bytes:
    """What one worker runs, framed as an element of its scope."""
    said: dict[str, Value] = {
        names.RUNNING_KEYS: [run.key for run in runs],
        names.RUNNING_PREFIXES: [run.prefix for run in runs],
        names.RUNNING_RUN_IDS: [run.run_id for run in runs],
        names.RUNNING_THREADS: [run.thread for run in runs],
        names.RUNNING_STARTS: [origin_ns + run.start // 1_000 * 1_000 for run in runs],
    }
    return _record(time_ns, names.EVENT_RUNNING, f"{len(runs)} running", said, INFO)


def _record(
    time_ns: int, name: str, body: str, attributes: Mapping[str, Value], severity: int
) -> bytes:
    record = LogRecord(
        time_unix_nano=time_ns,
        observed_time_unix_nano=time_ns,
        severity_number=severity,  # type: ignore[arg-type]  # an enumeration's number
        severity_text={INFO: "INFO", WARN: "WARNING", ERROR: "ERROR"}[severity],
        body=AnyValue(string_value=body),
        attributes=[attribute(*item) for item in attributes.items()],
        event_name=name,
    )
    return constant(field(0x12, record.SerializeToString()))
