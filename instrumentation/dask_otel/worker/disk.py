"""Watches what a worker spills to disk and loads from it, whoever made it do so.

Values are written and read on the event loop while something else is done: a result is stored, a
task's data are collected, a peer is answered, the memory monitor makes room. Which of them it is
can be told from the asyncio task at hand, because Dask names those of attempts and of the memory
monitor, and stores results in none at all.
"""

from __future__ import annotations

import asyncio
from threading import get_ident
from typing import TYPE_CHECKING, NamedTuple

from dask.utils import format_bytes

from dask_otel import conventions as names
from dask_otel import events
from dask_otel.compat import clock, spill, unpickle
from dask_otel.emit import guarded
from dask_otel.worker import reading
from dask_otel.worker.probe import attempt_in_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Worker
    from distributed.worker_state_machine import TaskState

    from dask_otel.emit import Emitter
    from dask_otel.worker.starts import Starts


class _Purpose(NamedTuple):
    """What an access was made for: its cause, and its attempt where there is one."""

    cause: str | None
    attempt: TaskState | None = None


class DiskProbe:
    """Watches the `SpillBuffer` of one worker; does nothing where the worker has other `data`.

    Parameters
    ----------
    worker
        The worker.
    emitter
        Takes what happens.
    starts
        The attempts that have begun.
    """

    def __init__(self, worker: Worker, emitter: Emitter, starts: Starts) -> None:
        self.emitter = emitter
        self._starts = starts
        self._worker = worker
        self._unwatch: Callable[[], None] | None = None
        self._n_written = 0
        self._n_bytes_written = 0

    def begin(self) -> None:
        """Start to watch."""
        data = self._worker.data
        if spill.spills(data):
            self._unwatch = spill.watch(data, self._accessed)

    def end(self) -> None:
        """Leave the buffer as it was."""
        if self._unwatch is not None:
            self._unwatch()

    @guarded("Recording an access to the disk")
    def _accessed(self, access: spill.Access) -> None:
        worker, tasks = self._worker, self._worker.state.tasks
        purpose = self._purpose()
        if access.written and purpose.cause == names.DISK_CAUSE_MEMORY_MONITOR:
            self._written_in_round(access)
        ts = purpose.attempt or tasks.get(access.key)
        attempt, delay_s = None, worker.scheduler_delay
        if purpose.attempt is not None:
            attempt = self._starts.attempt(purpose.attempt)
            delay_s = self._starts.delay_s(purpose.attempt.key)
        unpickle_s = access.unpickle_s if access.unpickle_s > unpickle.LEAST_S else 0.0
        found = events.Disk(
            names.ACTION_DISK_WRITE if access.written else names.ACTION_DISK_READ,
            access.key,
            access.start_s + delay_s,
            max(access.start_s, access.stop_s - unpickle_s) + delay_s,
            access.n_bytes,
            purpose.cause,
            reading.origin(ts) if ts is not None else None,
            get_ident(),
            attempt,
            failure=_failure(access.error),
        )
        self.emitter.record(found)
        if unpickle_s:
            unpickled = found._replace(
                action=names.ACTION_DESERIALIZE,
                start_s=found.stop_s,
                stop_s=access.stop_s + delay_s,
                cause=None,
                failure=None,
            )
            self.emitter.record(unpickled)

    def _purpose(self) -> _Purpose:
        state = self._worker.state
        if get_ident() != self._worker.thread_id:  # user code that asks for spilled values
            found = attempt_in_thread(self._worker)
            return _Purpose(names.DISK_CAUSE_TASK if found is not None else None, found)
        task = asyncio.current_task()
        if task is None:
            return self._stored()
        name = task.get_name()
        if name == spill.MEMORY_MONITOR_TASK:
            return _Purpose(names.DISK_CAUSE_MEMORY_MONITOR)
        for ts in (*state.executing, *state.long_running):
            if spill.attempt_task(ts.key) == name:
                return _Purpose(names.DISK_CAUSE_TASK, ts)
        return _Purpose(names.DISK_CAUSE_TRANSFER)

    def _stored(self) -> _Purpose:
        """A value is being stored: an attempt's result, or what was fetched from a peer."""
        ts = self._worker.state.tasks.get(spill.newest(self._worker.data))
        if ts is None or ts.state == "memory":
            return _Purpose(None)
        if ts.state in reading.RUNNING_STATES and ts.run_id >= 0:
            return _Purpose(names.DISK_CAUSE_TASK, ts)
        return _Purpose(names.DISK_CAUSE_TRANSFER)

    def _written_in_round(self, access: spill.Access) -> None:
        """Count what a round of the memory monitor writes; Dask makes a task for each round."""
        if self._n_written == 0:
            round_ = asyncio.current_task()
            assert round_ is not None
            round_.add_done_callback(self._round_ended)
        if access.error is None:
            self._n_written += 1
            self._n_bytes_written += access.n_bytes or 0

    @guarded("Recording a spill")
    def _round_ended(self, _: asyncio.Task[None]) -> None:
        n, n_bytes = self._n_written, self._n_bytes_written
        self._n_written = self._n_bytes_written = 0
        if n:
            values = "1 value" if n == 1 else f"{n} values"
            self.emitter.log(
                events.Event(
                    clock.now_s() + self._worker.scheduler_delay,
                    names.EVENT_SPILL,
                    f"Spilled {values}, {format_bytes(n_bytes)} on disk, because memory is short",
                    {names.EVENT_TASK_COUNT: n, names.DISK_BYTES: n_bytes},
                )
            )


def _failure(error: BaseException | None) -> events.Failure | None:
    """Dask wraps what a value that cannot be pickled has raised in an exception of its own."""
    return None if error is None else reading.failure(error.__cause__ or error)
