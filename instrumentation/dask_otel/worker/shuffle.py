"""Watches the network and the disk of the P2P shuffles and rechunks that a worker takes part in."""

from __future__ import annotations

from functools import wraps
from threading import get_ident
from typing import TYPE_CHECKING, Any

from dask_otel import conventions as names
from dask_otel import correlate, events
from dask_otel.compat import shuffle
from dask_otel.compat.override import Override
from dask_otel.emit import guarded
from dask_otel.worker import reading
from dask_otel.worker.probe import attempt_in_thread, hand_over

if TYPE_CHECKING:
    from distributed import Worker

    from dask_otel.emit import Emitter


class ShuffleProbe:
    """Watches all shuffles of one worker.

    Parameters
    ----------
    worker
        The worker.
    emitter
        Takes what happens.
    """

    def __init__(self, worker: Worker, emitter: Emitter) -> None:
        self.emitter = emitter
        self._worker = worker
        self._adding: Override | None = None
        self._watch: shuffle.ShuffleWatch | None = None

    def begin(self) -> None:
        """Start to watch, or as soon as the plugin that shuffles is there.

        A worker that starts adds its own plugins after its preloads; it can be without this one.
        """
        if shuffle.PLUGIN_NAME in self._worker.plugins:
            self._start()
            return
        add = self._worker.plugin_add

        @wraps(add)
        async def plugin_add(*args: Any, **kwargs: Any) -> Any:
            reply = await add(*args, **kwargs)
            self._plugin_added()
            return reply

        self._adding = Override(vars(self._worker), "plugin_add", plugin_add)

    def end(self) -> None:
        """Leave the shuffles as they were."""
        if self._adding is not None:
            self._adding.undo()
        if self._watch is not None:
            self._watch.stop()

    def _start(self) -> None:
        self._watch = shuffle.ShuffleWatch(self._worker, self)

    @guarded("Starting to watch shuffles")
    def _plugin_added(self) -> None:
        if self._adding is not None and shuffle.PLUGIN_NAME in self._worker.plugins:
            self._adding.undo()
            self._adding = None
            self._start()

    def failed(self, error: Exception) -> None:
        """Say that a run cannot be watched."""
        self.emitter.failed("Watching a shuffle", error)

    @guarded("Recording a shuffle")
    def joined(self, run: shuffle.Run, key: Any) -> None:
        """Take the origin from a task of the shuffle: only tasks are told what a client said."""
        ts = self._worker.state.tasks.get(key)
        if ts is not None:
            run.origin = reading.origin(ts) or run.origin

    @guarded("Recording a shuffle's transfer")
    def batch(self, run: shuffle.Run, batch: shuffle.Batch) -> None:
        """Record a batch; what it carries a part of, and to whom, names it at both ends."""
        delay_s = self._worker.scheduler_delay
        receiver = batch.peer if batch.sent else self._worker.address
        self.emitter.record(
            events.Transfer(
                batch.start_s + delay_s,
                batch.stop_s + delay_s,
                batch.peer,
                batch.n_bytes,
                (),
                0,
                batch.n_bytes / max(batch.stop_s - batch.start_s, 1e-6),
                run.origin,
                batch.sent,
                correlate.batch_id(receiver, run.shuffle_id, (run.run_id, *batch.partitions)),
                run.shuffle_id,
                None if batch.error is None else reading.failure(batch.error),
            )
        )

    @guarded("Recording a shuffle's access to the disk")
    def file(self, run: shuffle.Run, file: shuffle.File) -> None:
        """Record a file written or read; a task reads it in its own thread."""
        delay_s = self._worker.scheduler_delay
        ts = attempt_in_thread(self._worker)
        event = events.Disk(
            names.ACTION_DISK_WRITE if file.written else names.ACTION_DISK_READ,
            None,
            file.start_s + delay_s,
            file.stop_s + delay_s,
            file.n_bytes,
            names.DISK_CAUSE_SHUFFLE,
            run.origin if ts is None else reading.origin(ts),
            get_ident(),
            None if ts is None else (ts.key, ts.run_id),
            run.shuffle_id,
            None if file.error is None else reading.failure(file.error),
        )
        hand_over(self._worker, self.emitter, event)
