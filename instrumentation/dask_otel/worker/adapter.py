"""Adapter to a Dask worker: its plugin hook, its probes and its ticks on the event loop.

Events come out, nothing else. Each part ends for itself: what one of them cannot do on this version
of Dask is logged once and keeps none of the others from their work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distributed.diagnostics.plugin import WorkerPlugin
from tornado.ioloop import PeriodicCallback

from dask_otel import events
from dask_otel.compat import clock
from dask_otel.emit import guarded
from dask_otel.points import WorkerPoints
from dask_otel.worker import reading
from dask_otel.worker.attempts import Attempts
from dask_otel.worker.context import ContextProbe
from dask_otel.worker.deserialize import DeserializeProbe
from dask_otel.worker.disk import DiskProbe
from dask_otel.worker.distance import DistanceProbe
from dask_otel.worker.heartbeat import HeartbeatProbe
from dask_otel.worker.pending import Pending
from dask_otel.worker.probe import ENDING
from dask_otel.worker.shuffle import ShuffleProbe
from dask_otel.worker.signals import SignalProbe
from dask_otel.worker.starts import Starts
from dask_otel.worker.transfers import TransferProbe

if TYPE_CHECKING:
    from distributed import Worker

    from dask_otel.emit import Emitter
    from dask_otel.worker.probe import Probe

PLUGIN_NAME = "dask-otel"
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
        self._starts = Starts(worker)
        self._pending = Pending(worker, emitter)
        self._attempts = Attempts(worker, emitter, self._starts, self._pending)
        # Dask calls it six times per task: not through a method of this class.
        self.transition = self._attempts.transition  # type: ignore[method-assign]
        self._probes: tuple[Probe, ...] = (
            DistanceProbe(worker),
            TransferProbe(worker, emitter, self._points, self._pending),
            ContextProbe(worker, self._attempts),
            DiskProbe(worker, emitter, self._starts),
            ShuffleProbe(worker, emitter, self._starts, self._points.watch_shuffles),
            DeserializeProbe(worker, emitter, self._pending),
            HeartbeatProbe(worker, emitter, self._attempts),
            SignalProbe(worker),
            self._points,
        )
        self._running: dict[Any, reading.Known] = {}
        self._callbacks = (
            PeriodicCallback(self._tick, tick_s * 1e3),
            PeriodicCallback(self._measure, POINTS_S * 1e3),
        )

    def begin(self) -> None:
        """Start to watch."""
        for probe in self._probes:
            self._begin(probe)
        for callback in self._callbacks:
            callback.start()

    def end(self) -> None:
        """Hand over all that still waits, and leave Dask as it was."""
        for callback in self._callbacks:
            callback.stop()
        if self._worker.status in ENDING:
            self._close()
        for probe in self._probes:
            self._end(probe)
        self._pending.close()
        if self._running:
            self.emitter.log(events.Running(self._now_s(), ()))
        self._measure()

    @guarded("Saying that a worker has closed")
    def say_closed(self, waited_s: float) -> None:
        """Tell the scheduler that all is sent: if the worker is killed now, nothing is missing."""
        if self._worker.status in ENDING:
            said = {"action": events.CLOSED, events.WAITED: waited_s}
            self._worker.log_event(self._worker.address, said)

    @guarded("Starting to watch a worker")
    def _begin(self, probe: Probe) -> None:
        probe.begin()

    @guarded("Ceasing to watch a worker")
    def _end(self, probe: Probe) -> None:
        probe.end()

    @guarded("Recording what a closing worker runs")
    def _close(self) -> None:
        self._attempts.close()

    def _tick(self) -> None:
        self._pending.settle()
        self._report_running()

    @guarded("Reading running tasks")
    def _report_running(self) -> None:
        before = self._running
        self._running = reading.running(
            self._worker, before, self._starts, self._attempts.run_ids(), clock.now_s()
        )
        if self._running or before:
            tasks = tuple(known.task for known in self._running.values())
            self.emitter.log(events.Running(self._now_s(), tasks))

    @guarded("Measuring a worker")
    def _measure(self) -> None:
        if self.emitter.measures:
            self.emitter.measure(self._points.all(), self._worker.scheduler_delay)

    def _now_s(self) -> float:
        return clock.now_s() + self._worker.scheduler_delay
