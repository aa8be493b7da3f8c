"""Metrics of the scheduler."""

from __future__ import annotations

from typing import Final

from dask_otel.conventions.attributes import (
    ACTION,
    LEASE_STATE,
    SEMAPHORE_NAME,
    STEAL_COST_MULTIPLIER,
    TASK_PREFIX,
    TASK_STATE,
    TASK_TYPE,
    TRANSFER_DESTINATION,
    TRANSFER_SOURCE,
    WORKER_ADDRESS,
    WORKER_LOAD,
    WORKER_STATE,
)
from dask_otel.conventions.metric import Metric

_ONCE_THERE_ARE_TASKS: Final = "once there are tasks"

#: Every prefix with a changed count is sent again; counts include what the scheduler has forgotten.
TASKS: Final = Metric(
    "dask.tasks",
    "{task}",
    "gauge",
    "Tasks by prefix and state.",
    (TASK_PREFIX, TASK_STATE),
    _ONCE_THERE_ARE_TASKS,
)
TASK_TRANSITIONS: Final = Metric(
    "dask.tasks.transitions",
    "{transition}",
    "counter",
    "How often tasks of a prefix have come into a state.",
    (TASK_PREFIX, TASK_STATE),
    _ONCE_THERE_ARE_TASKS,
)
TASK_DURATION: Final = Metric(
    "dask.tasks.duration",
    "s",
    "counter",
    "Time that workers spent on tasks of a prefix, by action.",
    (TASK_PREFIX, ACTION),
    _ONCE_THERE_ARE_TASKS,
)
TASK_OUTPUT: Final = Metric(
    "dask.tasks.output",
    "By",
    "gauge",
    "Size of all results of a prefix that are in memory, copies not counted.",
    (TASK_PREFIX,),
    _ONCE_THERE_ARE_TASKS,
)
TASKS_SUSPICIOUS: Final = Metric(
    "dask.tasks.suspicious",
    "{task}",
    "counter",
    "How often a task was on a worker that died.",
    (TASK_PREFIX,),
    _ONCE_THERE_ARE_TASKS,
)
TASK_GROUPS: Final = Metric("dask.task_groups", "{group}", "gauge", "Task groups.")

WORKERS: Final = Metric("dask.workers", "{worker}", "gauge", "Workers by state.", (WORKER_STATE,))
WORKERS_BY_LOAD: Final = Metric(
    "dask.workers.load",
    "{worker}",
    "gauge",
    "Running workers by how much work they have.",
    (WORKER_LOAD,),
)
WORKERS_DESIRED: Final = Metric(
    "dask.workers.desired", "{worker}", "gauge", "Workers that the work in hand would keep busy."
)
WORKERS_ADDED: Final = Metric(
    "dask.workers.added", "{worker}", "counter", "Workers that have joined."
)
WORKERS_REMOVED: Final = Metric(
    "dask.workers.removed", "{worker}", "counter", "Workers that have left."
)
SCHEDULER_THREADS: Final = Metric(
    "dask.scheduler.threads", "{thread}", "gauge", "Threads of all workers."
)
WORKER_PROCESSING: Final = Metric(
    "dask.scheduler.worker.processing",
    "{task}",
    "gauge",
    "Tasks that the scheduler has assigned to a worker.",
    (WORKER_ADDRESS,),
    "once there are workers",
)
WORKER_OCCUPANCY: Final = Metric(
    "dask.scheduler.worker.occupancy",
    "s",
    "gauge",
    "Time that the scheduler expects the tasks of a worker to take.",
    (WORKER_ADDRESS,),
    "once there are workers",
)

CLIENTS: Final = Metric("dask.clients", "{client}", "gauge", "Connected clients.")
CLIENTS_ADDED: Final = Metric(
    "dask.clients.added", "{client}", "counter", "Clients that have connected."
)
CLIENTS_REMOVED: Final = Metric(
    "dask.clients.removed", "{client}", "counter", "Clients that have gone."
)

OCCUPANCY: Final = Metric("dask.scheduler.occupancy", "s", "gauge", "Expected work in hand.")
UPDATE_GRAPH_TIME: Final = Metric(
    "dask.scheduler.update_graph.time", "s", "counter", "Time spent on taking in graphs."
)
#: Dask's averages are too high where several batches came between two heartbeats: it adds up what
#: it should average. The spans of transfers tell the truth.
BANDWIDTH: Final = Metric(
    "dask.scheduler.bandwidth", "By/s", "gauge", "Bandwidth between workers, as Dask expects it."
)
_AFTER_A_TRANSFER: Final = "after a transfer of more than 1 MB"
BANDWIDTH_BY_TYPE: Final = Metric(
    "dask.scheduler.bandwidth.type",
    "By/s",
    "gauge",
    "Bandwidth by type of what is moved.",
    (TASK_TYPE,),
    _AFTER_A_TRANSFER,
)
BANDWIDTH_BY_WORKERS: Final = Metric(
    "dask.scheduler.bandwidth.workers",
    "By/s",
    "gauge",
    "Bandwidth from one worker to another, for 1,024 pairs at most.",
    (TRANSFER_SOURCE, TRANSFER_DESTINATION),
    _AFTER_A_TRANSFER,
)

_WITH_SEMAPHORES: Final = "once there is a `distributed.Semaphore`"
SEMAPHORE_LIMIT: Final = Metric(
    "dask.semaphore.leases.limit",
    "{lease}",
    "gauge",
    "Leases that a semaphore can give.",
    (SEMAPHORE_NAME,),
    _WITH_SEMAPHORES,
)
SEMAPHORE_LEASES: Final = Metric(
    "dask.semaphore.leases",
    "{lease}",
    "gauge",
    "Leases held and waited for.",
    (SEMAPHORE_NAME, LEASE_STATE),
    _WITH_SEMAPHORES,
)
SEMAPHORE_ACQUIRED: Final = Metric(
    "dask.semaphore.acquired",
    "{lease}",
    "counter",
    "Leases given.",
    (SEMAPHORE_NAME,),
    _WITH_SEMAPHORES,
)
SEMAPHORE_RELEASED: Final = Metric(
    "dask.semaphore.released",
    "{lease}",
    "counter",
    "Leases given back.",
    (SEMAPHORE_NAME,),
    _WITH_SEMAPHORES,
)
SEMAPHORE_WAIT: Final = Metric(
    "dask.semaphore.wait",
    "s",
    "gauge",
    "Moving average of the time until a lease is given.",
    (SEMAPHORE_NAME,),
    _WITH_SEMAPHORES,
)

_AFTER_STEALING: Final = "once a task was to be stolen"
STEAL_REQUESTS: Final = Metric(
    "dask.steal.requests",
    "{request}",
    "counter",
    "Tasks asked back from a busy worker.",
    (STEAL_COST_MULTIPLIER,),
    _AFTER_STEALING,
)
STEAL_COST: Final = Metric(
    "dask.steal.cost",
    "s",
    "counter",
    "Expected time to compute and move the tasks that were asked back.",
    (STEAL_COST_MULTIPLIER,),
    _AFTER_STEALING,
)

SCHEDULER_METRICS: Final = (
    TASKS,
    TASK_TRANSITIONS,
    TASK_DURATION,
    TASK_OUTPUT,
    TASKS_SUSPICIOUS,
    TASK_GROUPS,
    WORKERS,
    WORKERS_BY_LOAD,
    WORKERS_DESIRED,
    WORKERS_ADDED,
    WORKERS_REMOVED,
    SCHEDULER_THREADS,
    WORKER_PROCESSING,
    WORKER_OCCUPANCY,
    CLIENTS,
    CLIENTS_ADDED,
    CLIENTS_REMOVED,
    OCCUPANCY,
    UPDATE_GRAPH_TIME,
    BANDWIDTH,
    BANDWIDTH_BY_TYPE,
    BANDWIDTH_BY_WORKERS,
    SEMAPHORE_LIMIT,
    SEMAPHORE_LEASES,
    SEMAPHORE_ACQUIRED,
    SEMAPHORE_RELEASED,
    SEMAPHORE_WAIT,
    STEAL_REQUESTS,
    STEAL_COST,
)
