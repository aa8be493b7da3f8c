"""The attempts that have begun on a worker, and with which correction of its clock.

How far that is from the scheduler's is measured anew with each heartbeat. To the times of an
attempt Dask adds what it knew when its run began, and so does all that is done for it: else a part
of it would seem to lie outside of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distributed import Worker
    from distributed.worker_state_machine import TaskState


class Start(NamedTuple):
    """What is known of an attempt when its function is called.

    Attributes
    ----------
    run_id, origin, otel
        Dask overwrites these when a task that was given up is wanted again while it still runs.
    start_s
        On the worker's clock, as all the times that follow.
    delay_s
        What Dask adds to have the scheduler's.
    """

    run_id: int
    origin: str | None
    otel: Mapping[str, Any] | None
    task: TaskState
    start_s: float | None
    waited_s: float | None
    ready_s: float | None
    delay_s: float


class Starts:
    """Those of one worker's attempts that have begun and not ended.

    Parameters
    ----------
    worker
        The worker.

    Attributes
    ----------
    by_key
        They themselves; what runs in another process is not among them.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self.by_key: dict[Any, Start] = {}

    def delay_s(self, key: Any) -> float:
        """What is added to times of the attempt of `key`, be it running or about to begin."""
        start = self.by_key.get(key)
        delay_s: float = self._worker.scheduler_delay if start is None else start.delay_s
        return delay_s

    def attempt(self, ts: TaskState) -> tuple[Any, int]:
        """Key and run id of the attempt that runs, or is about to begin."""
        start = self.by_key.get(ts.key)
        return ts.key, ts.run_id if start is None else start.run_id
