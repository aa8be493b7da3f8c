"""What stands for each part of Dask's own page and of its Prometheus endpoint."""

from __future__ import annotations

from typing import Final, NamedTuple

from dask_otel import conventions as c


class Counterpart(NamedTuple):
    """What of Dask's, and what of ours.

    Attributes
    ----------
    dask
        Name of a family of Prometheus metrics, or routes of Dask's page, separated by spaces.
    ours
        Metrics, or names of spans and events.
    note
        Where it is more, less, or lies elsewhere.
    """

    dask: str
    ours: tuple[c.Metric | str, ...]
    note: str = ""


_SPANS: Final = "spans of attempts"
_CRICK: Final = "Dask needs crick for it"
_TICK_BUG: Final = (
    "Dask reads `tick_duration`, which nobody writes, and so reports the current tick alone"
)

#: Every family, with `dask_` in front on Dask's endpoint.
PROMETHEUS: Final = (
    Counterpart("scheduler_clients", (c.CLIENTS,)),
    Counterpart("scheduler_client_connections_added", (c.CLIENTS_ADDED,)),
    Counterpart("scheduler_client_connections_removed", (c.CLIENTS_REMOVED,)),
    Counterpart("scheduler_desired_workers", (c.WORKERS_DESIRED,)),
    Counterpart(
        "scheduler_workers",
        (c.WORKERS_BY_LOAD, c.WORKERS),
        "`idle`, `partially_saturated`, `saturated` by load; `paused` and `retiring` "
        "(`closing_gracefully`) by state",
    ),
    Counterpart("scheduler_workers_added", (c.WORKERS_ADDED,)),
    Counterpart("scheduler_workers_removed", (c.WORKERS_REMOVED,)),
    Counterpart("scheduler_gil_contention", (c.GIL_TIME, c.GIL_CONTENTION)),
    Counterpart("scheduler_gc_collection", (c.GC_TIME,)),
    Counterpart("scheduler_last_time", (c.PROCESS_UPTIME,), "serves Dask as a divisor only"),
    Counterpart("scheduler_tasks", (c.TASKS,), "summed over prefixes"),
    Counterpart("scheduler_tasks_suspicious", (c.TASKS_SUSPICIOUS,)),
    Counterpart(
        "scheduler_tasks_forgotten",
        (c.TASKS,),
        "state `forgotten`; ours keeps those of groups that are gone, too",
    ),
    Counterpart("scheduler_task_groups", (c.TASK_GROUPS,)),
    Counterpart("scheduler_tasks_compute", (c.TASK_DURATION,), "action `compute`"),
    Counterpart("scheduler_tasks_transfer", (c.TASK_DURATION,), "action `transfer`"),
    Counterpart("scheduler_tasks_output", (c.TASK_OUTPUT,)),
    Counterpart("scheduler_prefix_state_totals", (c.TASK_TRANSITIONS,)),
    Counterpart("scheduler_tick_duration_maximum_seconds", (c.EVENT_LOOP_TICK_MAX,), _TICK_BUG),
    Counterpart("scheduler_tick_count_total", (c.EVENT_LOOP_TICKS,)),
    Counterpart("semaphore_max_leases", (c.SEMAPHORE_LIMIT,)),
    Counterpart("semaphore_active_leases", (c.SEMAPHORE_LEASES,), "state `active`"),
    Counterpart("semaphore_pending_leases", (c.SEMAPHORE_LEASES,), "state `pending`"),
    Counterpart("semaphore_acquire_total", (c.SEMAPHORE_ACQUIRED,)),
    Counterpart("semaphore_release_total", (c.SEMAPHORE_RELEASED,)),
    Counterpart("semaphore_average_pending_lease_time", (c.SEMAPHORE_WAIT,)),
    Counterpart("stealing_request_count_total", (c.STEAL_REQUESTS,)),
    Counterpart("stealing_request_cost_total", (c.STEAL_COST,)),
    Counterpart("worker_tasks", (c.WORKER_TASKS,)),
    Counterpart("worker_gil_contention", (c.GIL_TIME, c.GIL_CONTENTION)),
    Counterpart("worker_gc_collection", (c.GC_TIME,)),
    Counterpart("worker_threads", (c.WORKER_THREADS,)),
    Counterpart("worker_latency", (c.WORKER_LATENCY,)),
    Counterpart("worker_memory_bytes", (c.WORKER_MEMORY,), "ours splits `unmanaged` in two"),
    Counterpart("worker_transfer_incoming_bytes", (c.OPEN_TRANSFER_SIZE,), "`receive`"),
    Counterpart("worker_transfer_incoming_count", (c.OPEN_TRANSFERS,), "`receive`"),
    Counterpart("worker_transfer_incoming_count_total", (c.TRANSFER_COUNT,), "`receive`"),
    Counterpart("worker_transfer_outgoing_bytes", (c.OPEN_TRANSFER_SIZE,), "`transmit`"),
    Counterpart("worker_transfer_outgoing_count", (c.OPEN_TRANSFERS,), "`transmit`"),
    Counterpart("worker_transfer_outgoing_bytes_total", (c.TRANSFER_IO,), "`transmit`"),
    Counterpart("worker_transfer_outgoing_count_total", (c.TRANSFER_COUNT,), "`transmit`"),
    Counterpart("worker_tick_duration_maximum", (c.EVENT_LOOP_TICK_MAX,), _TICK_BUG),
    Counterpart("worker_tick_count", (c.EVENT_LOOP_TICKS,)),
    Counterpart("worker_tick_duration_median", (c.EVENT_LOOP_LAG,), f"the mean; {_CRICK}"),
    Counterpart("worker_task_duration_median", (_SPANS,), f"every one; {_CRICK}"),
    Counterpart(
        "worker_transfer_bandwidth_median",
        (c.SPAN_TRANSFER, c.WORKER_BANDWIDTH),
        f"every one, and a mean; {_CRICK}",
    ),
    Counterpart("worker_spill_bytes", (c.SPILL_IO,)),
    Counterpart("worker_spill_count", (c.SPILL_COUNT,)),
    Counterpart("worker_spill_time", (c.SPILL_TIME,)),
)

_HOST: Final = (c.HOST_NETWORK_RATE, c.HOST_DISK_RATE)
_NOT_HERE: Final = "not recorded: stacks of threads are no part of OpenTelemetry's signals"

#: Every page and plot, by its routes; `worker:` is a page of each worker's own server.
DASHBOARD: Final = (
    Counterpart(
        "/status",
        (c.WORKER_MEMORY, c.TASKS, _SPANS),
        "cluster memory, task stream, progress; the rest stands below",
    ),
    Counterpart(
        "/tasks /individual-task-stream",
        (_SPANS, c.SPAN_TRANSFER, c.SPAN_DISK_READ, c.SPAN_DISK_WRITE, c.SPAN_DESERIALIZE),
        "and what runs: `dask.worker.running`; nothing is forgotten",
    ),
    Counterpart("/individual-progress", (c.TASKS,)),
    Counterpart("/individual-group-progress", (_SPANS,), "by `dask.task.group`"),
    Counterpart("/graph /individual-graph", (_SPANS,), "links lead to dependencies"),
    Counterpart(
        "/groups /individual-groups",
        (_SPANS, c.TASK_GROUPS),
        "by `dask.task.group`, with links",
    ),
    Counterpart(
        "/individual-workers-memory /individual-cluster-memory "
        "/individual-workers-memory-timeseries",
        (c.WORKER_MEMORY, c.WORKER_LIMIT, c.WORKER_MEMORY_THRESHOLD, c.WORKER_STATUS),
        "the last two give the colours",
    ),
    Counterpart("/individual-workers-transfer-bytes", (c.OPEN_TRANSFER_SIZE, c.OPEN_TRANSFERS)),
    Counterpart("/individual-memory-by-key", (c.TASK_OUTPUT, c.TASKS), "state `memory`"),
    Counterpart(
        "/individual-cpu /individual-workers-cpu-timeseries", (c.CPU_USAGE, c.WORKER_THREADS)
    ),
    Counterpart("/individual-nprocessing", (c.WORKER_PROCESSING, c.WORKERS_BY_LOAD)),
    Counterpart("/individual-occupancy", (c.WORKER_OCCUPANCY, c.OCCUPANCY, c.SCHEDULER_THREADS)),
    Counterpart(
        "/workers /individual-workers",
        (
            c.CPU_USAGE,
            c.WORKER_MEMORY,
            c.WORKER_LIMIT,
            c.WORKER_THREADS,
            c.OPEN_FILES,
            *_HOST,
            c.USER_METRICS,
        ),
        "name and address are in the resource",
    ),
    Counterpart("/individual-bandwidth-types", (c.BANDWIDTH_BY_TYPE, c.BANDWIDTH)),
    Counterpart(
        "/individual-bandwidth-workers",
        (c.BANDWIDTH_BY_WORKERS, c.SPAN_TRANSFER),
        "Dask's means are too high; the spans are exact",
    ),
    Counterpart(
        "/individual-workers-network /individual-workers-network-timeseries",
        (c.HOST_NETWORK_RATE, c.TRANSFER_IO),
    ),
    Counterpart(
        "/individual-workers-disk /individual-workers-disk-timeseries",
        (c.HOST_DISK_RATE, c.PROCESS_DISK_IO, c.SPILL_IO),
    ),
    Counterpart(
        "/system /individual-scheduler-system worker:/system",
        (c.CPU_USAGE, c.PROCESS_MEMORY, c.OPEN_FILES, *_HOST, c.HOST_CPU),
    ),
    Counterpart(
        "/individual-contention", (c.EVENT_LOOP_LAG, c.EVENT_LOOP_TICK_MAX, c.GIL_CONTENTION)
    ),
    Counterpart(
        "/hardware", (), "not measured: opening that page runs a benchmark on every worker"
    ),
    Counterpart(
        "/shuffle",
        (
            c.SHUFFLES,
            c.SHUFFLE_BUFFER,
            c.SHUFFLE_BUFFER_LIMIT,
            c.SHUFFLE_NETWORK_IO,
            c.SHUFFLE_DISK_IO,
        ),
        "and each batch and file: spans with `dask.shuffle.id`",
    ),
    Counterpart(
        "/gpu /individual-gpu-memory /individual-gpu-utilization",
        (c.GPU_UTILIZATION, c.GPU_MEMORY, c.GPU_MEMORY_LIMIT),
    ),
    Counterpart("/individual-rmm-memory", (c.RMM_USED, c.RMM_TOTAL, c.CUDF_SPILLED)),
    Counterpart(
        "/individual-compute-time-per-key /individual-aggregate-time-per-action",
        (c.TASK_DURATION,),
    ),
    Counterpart(
        "/individual-fine-performance-metrics",
        (c.ACTIVITY_TIME, c.ACTIVITY_IO, c.ACTIVITY_COUNT, c.ACTIVITY_CUSTOM),
        "those of gather-dep, memory-monitor and p2p as well, which the page leaves out",
    ),
    Counterpart("/stealing", (c.EVENT_STEAL, c.STEAL_REQUESTS, c.STEAL_COST, c.WORKERS_BY_LOAD)),
    Counterpart(
        "/events",
        tuple(name for name in (c.EVENT_WORKER_ADDED, c.EVENT_WORKER_REMOVED, c.EVENT_LOGGED)),
        "and all other events above",
    ),
    Counterpart(
        "/exceptions /individual-exceptions",
        (_SPANS, c.EVENT_GROUP_ERRED),
        "each failed attempt, with type, message and traceback",
    ),
    Counterpart(
        "/counters worker:/counters",
        (c.EVENT_LOOP_LAG, c.WORKER_LATENCY, c.SPAN_TRANSFER, c.UPDATE_GRAPH_TIME),
        "Dask needs crick for most of it",
    ),
    Counterpart(
        "/profile /profile-server /individual-profile /individual-profile-server "
        "worker:/profile worker:/profile-server",
        (),
        _NOT_HERE,
    ),
    Counterpart(
        "worker:/status",
        (
            c.WORKER_TASKS,
            c.OPEN_TRANSFERS,
            c.WORKER_CONNECTIONS,
            c.SPAN_TRANSFER,
            c.SPAN_SEND,
        ),
    ),
    Counterpart(
        "/info/main/workers.html /info/worker/...",
        (c.WORKER_TASKS, c.WORKER_OCCUPANCY, c.WORKER_PROCESSING),
        "last seen: time of the newest point",
    ),
    Counterpart("/info/main/logs.html /info/logs/...", (c.EVENT_LOG,), "WARNING or worse"),
    Counterpart(
        "/info/task/...",
        (_SPANS, c.TASK_TRANSITIONS),
    ),
)
