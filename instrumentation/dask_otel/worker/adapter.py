"""Adapter to a Dask worker: its plugin hook and a tick on its event loop; events out, nothing else.

A transfer is handed over together with the attempt that waited for it, which is when its parent and
its thread are known. Until then it waits here, as long as that task is still to come; a transfer
that no task waits for any more goes out alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distributed.diagnostics.plugin import WorkerPlugin
from tornado.ioloop import PeriodicCallback

from dask_otel import events
from dask_otel.compat import clock
from dask_otel.emit import guarded
from dask_otel.points import WorkerPoints, process
from dask_otel.worker import reading
from dask_otel.worker.disk import DiskProbe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distributed import Worker
    from distributed.worker_state_machine import TaskState

    from dask_otel.emit import Emitter
    from dask_otel.worker.probe import Probe

PLUGIN_NAME = "dask-otel"
#: Time between two looks at the transfers; Dask keeps the newest 1,000 of them.
TICK_S = 0.1
POINTS_S = 0.5


class WorkerAdapter(WorkerPlugin):
    """Watches one worker.

    Parameters
    ----------
    worker
        The worker.
    emitter
        Takes what happens.
    tick_s
        Time between two reports of running tasks.
    """

    name = PLUGIN_NAME

    def __init__(self, worker: Worker, emitter: Emitter, tick_s: float) -> None:
        self._worker = worker
        self.emitter = emitter
        self._points = WorkerPoints(worker)
        self._last_transfer: Mapping[str, Any] | None = None
        self._waiting: dict[Any, tuple[events.Transfer, TaskState]] = {}
        self._cancelled_threads: dict[Any, int] = {}
        self._running = events.Running(0.0, ())
        self._tick_s = tick_s
        self._probes: tuple[Probe, ...] = (DiskProbe(worker, emitter),)
        self._callbacks = (
            PeriodicCallback(self._take_transfers, TICK_S * 1e3),
            PeriodicCallback(self._report_running, tick_s * 1e3),
            PeriodicCallback(self._measure, POINTS_S * 1e3),
        )

    def begin(self) -> None:
        """Start to look at regular times."""
        for probe in self._probes:
            self._begin(probe)
        for callback in self._callbacks:
            callback.start()

    @guarded("Reading the worker")
    def end(self) -> None:
        """Hand over all that still waits, and leave Dask as it was."""
        for probe in self._probes:
            self._end(probe)
        for callback in self._callbacks:
            callback.stop()
        self._take_transfers()
        for transfer, _ in self._waiting.values():
            self.emitter.record(transfer)
        self._waiting.clear()
        if self._running.tasks:
            self.emitter.log(events.Running(clock.now_s() + self._worker.scheduler_delay, ()))
        self._measure()

    @guarded("Starting to watch a worker")
    def _begin(self, probe: Probe) -> None:
        probe.begin()

    @guarded("Ceasing to watch a worker")
    def _end(self, probe: Probe) -> None:
        probe.end()

    def transition(self, key: Any, start: str, finish: str, **_: Any) -> None:
        """Record an attempt that ends; called by Dask for every change of a task's state."""
        if start in reading.RUNNING_STATES:
            if finish == "memory" or finish == "error":
                try:  # not `guarded`, which would be a fifth of the time that this takes
                    self._attempt_ended(key, start, finish == "error")
                except Exception as error:  # noqa: BLE001 - nothing here can fail a task
                    self.emitter.failed("Recording a task", error, 1)
            elif finish == "released":
                self._cancelled(key)

    def _attempt_ended(self, key: Any, start: str, failed: bool) -> None:
        worker = self._worker
        ts = worker.state.tasks[key]
        if ts.state == start:  # it has not: the result could not be stored, `error` follows
            return
        thread = worker.state.threads.get(key)
        if self._cancelled_threads:
            thread = self._cancelled_threads.pop(key, None) or thread
        transfers = self._transfers_of(ts) if len(ts.startstops) > 1 else ()
        attempt = reading.attempt(worker, ts, thread, failed, transfers)
        if attempt is not None:
            self.emitter.record(attempt, 1 + len(transfers))

    @guarded("Recording a cancelled task")
    def _cancelled(self, key: Any) -> None:
        """Remember the thread of an attempt that nobody waits for any more but that still runs.

        Dask has forgotten the thread when it ends.
        """
        ts = self._worker.state.tasks.get(key)
        if ts is not None and ts.state == "cancelled":
            thread = reading.threads(self._worker).get(key)
            if thread is not None:
                self._cancelled_threads[key] = thread

    def _transfers_of(self, ts: TaskState) -> tuple[events.Transfer, ...]:
        self._read_log()
        found = []
        for startstop in ts.startstops:
            if startstop["action"] == "transfer":
                waiting = self._waiting.pop(reading.transfer_id(startstop), None)
                if waiting is not None:
                    found.append(waiting[0])
        return tuple(found)

    def _read_log(self) -> None:
        """Take the new transfers; those that nobody waits for go out."""
        worker = self._worker
        log = worker.transfer_incoming_log
        if not log or log[-1] is self._last_transfer:
            return
        for entry in reading.transfers_since(log, self._last_transfer):
            ts = reading.beneficiary(worker, entry)
            transfer = reading.transfer(entry, ts.span_id if ts is not None else None)
            self._points.n_received += 1
            self._points.n_bytes_received += transfer.n_bytes
            if ts is None:
                self.emitter.record(transfer)
            else:
                self._waiting[reading.transfer_id(entry)] = (transfer, ts)
        self._last_transfer = log[-1]

    @guarded("Recording a transfer")
    def _take_transfers(self) -> None:
        self._read_log()
        tasks = self._worker.state.tasks
        if not self._worker.state.executing and not self._worker.state.long_running:
            self._cancelled_threads.clear()
        for found, (transfer, ts) in list(self._waiting.items()):
            if ts.state not in reading.UNFINISHED_STATES or tasks.get(ts.key) is not ts:
                del self._waiting[found]
                self.emitter.record(transfer)

    @guarded("Reading running tasks")
    def _report_running(self) -> None:
        before = self._running
        self._running = reading.running(self._worker, before, clock.now_s(), self._tick_s)
        if self._running.tasks or before.tasks:
            self.emitter.log(self._running)

    @guarded("Measuring a worker")
    def _measure(self) -> None:
        points = process(self._worker) | self._points.all(clock.now_s())
        self.emitter.measure(points)
