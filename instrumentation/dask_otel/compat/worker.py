"""What Dask's workers keep to themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import distributed.worker

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping

    from distributed import Worker
    from distributed.worker_state_machine import TaskState

#: Runs a task in its thread: `(task, data, execution_state, key, active_threads,
#: active_threads_lock, time_delay)`, and returns a mapping with `op`, `start`, `stop`, `thread`
#: and, on failure, `actual_exception`.
RUN_TASK: Final = "_run_task"
#: The same for a coroutine, on the event loop: `(task, data, time_delay)`.
RUN_TASK_ASYNC: Final = "_run_task_async"
#: Asks another worker for keys: `(rpc, keys, worker, ...)`.
GET_DATA: Final = "get_data_from_worker"

#: Where the handler of signals is made that `dask worker` and `dask scheduler` set.
_SIGNALS: Final = "distributed._signals"


def functions() -> MutableMapping[str, Any]:
    """Where workers find the functions above when they call them."""
    return vars(distributed.worker)


def cause(worker: Worker, keys: Iterable[Any]) -> TaskState | None:
    """The task to which Dask charges a batch of `keys`; None when the worker has forgotten them.

    Dask charges the first dependent that it finds, and one of the keys itself when there is none.
    """
    asked = [key for key in keys if key in worker.state.tasks]
    return worker._get_cause(asked) if asked else None


def is_of_command(handler: object) -> bool:
    """Whether a handler of signals is that of Dask's commands: such a process runs nothing else."""
    return getattr(handler, "__module__", "") == _SIGNALS
