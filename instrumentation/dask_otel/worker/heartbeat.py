"""Tells the scheduler in each heartbeat what of this worker's spans is safe.

If the worker is killed, the scheduler makes good what was not: see `scheduler.losses`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dask_otel.compat.override import Override

if TYPE_CHECKING:
    from distributed import Worker

    from dask_otel.emit import Emitter

METRIC: Final = "dask-otel"
#: All that was recorded before this time, in seconds on the scheduler's clock, is exported.
ACKNOWLEDGED: Final = "acknowledged"


class HeartbeatProbe:
    """Adds an entry to the heartbeats of one worker."""

    def __init__(self, worker: Worker, emitter: Emitter) -> None:
        self._worker = worker
        self._emitter = emitter
        self._override: Override | None = None

    def begin(self) -> None:
        """From now on heartbeats have the entry."""
        self._override = Override(self._worker.metrics, METRIC, self._metric)

    def end(self) -> None:
        """From now on they have not."""
        if self._override is not None:
            self._override.undo()

    def _metric(self, worker: Any) -> dict[str, float]:
        return {ACKNOWLEDGED: self._emitter.acknowledged_s + worker.scheduler_delay}
