"""Watches the network and the disk of the P2P shuffles and rechunks that a worker takes part in.

Which trace a shuffle belongs to, its tasks know better than the shuffle, which is told its Dask
span only. So what comes before the first of them has run here waits for it.
"""

from __future__ import annotations

from collections import deque
from functools import wraps
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from dask_otel import conventions as names
from dask_otel import correlate, events
from dask_otel.compat import shuffle
from dask_otel.compat.override import Override
from dask_otel.emit import guarded
from dask_otel.worker import reading
from dask_otel.worker.probe import attempt_in_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Worker

    from dask_otel.emit import Emitter
    from dask_otel.worker.starts import Starts

_Event: TypeAlias = events.Transfer | events.Disk

#: What waits for a task of its shuffle.
MAX_HELD: Final = 1_000
#: Runs whose origins are remembered.
MAX_RUNS: Final = 1_000


class ShuffleProbe:
    """Watches all shuffles of one worker.

    Parameters
    ----------
    worker
        The worker.
    emitter
        Takes what happens.
    starts
        The attempts that have begun.
    started
        Called once Dask's plugin for shuffles is there.
    """

    def __init__(
        self, worker: Worker, emitter: Emitter, starts: Starts, started: Callable[[], None]
    ) -> None:
        self.emitter = emitter
        self._starts = starts
        self._started = started
        self._worker = worker
        self._adding: Override | None = None
        self._watch: shuffle.ShuffleWatch | None = None
        self._origins: dict[shuffle.Run, str | None] = {}
        self._held: deque[tuple[shuffle.Run, _Event]] = deque()

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
        while self._held:
            self._release(*self._held.popleft())

    def _start(self) -> None:
        self._watch = shuffle.ShuffleWatch(self._worker, self)
        self._started()

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
        """Learn from a task of the shuffle where it belongs."""
        ts = self._worker.state.tasks.get(key)
        if ts is not None:
            self._told(run, reading.origin(ts))

    @guarded("Recording a shuffle's transfer")
    def batch(self, run: shuffle.Run, batch: shuffle.Batch) -> None:
        """Record a batch; what it carries a part of, and to whom, names it at both ends."""
        delay_s = self._worker.scheduler_delay
        receiver = batch.peer if batch.sent else self._worker.address
        transfer = events.Transfer(
            batch.start_s + delay_s,
            batch.stop_s + delay_s,
            batch.peer,
            batch.n_bytes,
            (),
            0,
            batch.n_bytes / max(batch.stop_s - batch.start_s, 1e-6),
            None,
            batch.sent,
            correlate.batch_id(receiver, run.shuffle_id, (run.run_id, *batch.partitions)),
            run.shuffle_id,
            _failure(batch.error),
        )
        self._record(run, transfer)

    @guarded("Recording a shuffle's access to the disk")
    def file(self, run: shuffle.Run, file: shuffle.File) -> None:
        """Record a file written or read; a task reads it in its own thread."""
        ts, attempt, delay_s = attempt_in_thread(self._worker), None, self._worker.scheduler_delay
        if ts is not None:
            attempt, delay_s = self._starts.attempt(ts), self._starts.delay_s(ts.key)
        disk = events.Disk(
            names.ACTION_DISK_WRITE if file.written else names.ACTION_DISK_READ,
            None,
            file.start_s + delay_s,
            file.stop_s + delay_s,
            file.n_bytes,
            names.DISK_CAUSE_SHUFFLE,
            None,
            get_ident(),
            attempt,
            run.shuffle_id,
            _failure(file.error),
        )
        if get_ident() == self._worker.thread_id:
            self._record(run, disk)
        else:
            origin = None if ts is None else reading.origin(ts)
            self._worker.loop.add_callback(self._read, run, disk, origin)

    @guarded("Recording a shuffle's access to the disk")
    def _read(self, run: shuffle.Run, disk: events.Disk, origin: str | None) -> None:
        if origin is None:
            self._record(run, disk)
        else:
            self._told(run, origin)
            self.emitter.record(disk._replace(origin=origin))

    def _record(self, run: shuffle.Run, event: _Event) -> None:
        if run in self._origins:
            self.emitter.record(event._replace(origin=self._origins[run]))
            return
        self._held.append((run, event))
        if len(self._held) > MAX_HELD:
            self._release(*self._held.popleft())

    def _release(self, run: shuffle.Run, event: _Event) -> None:
        self.emitter.record(event._replace(origin=self._origins.get(run, run.span_id)))

    def _told(self, run: shuffle.Run, origin: str | None) -> None:
        if run in self._origins:
            return
        self._origins[run] = origin or run.span_id
        if len(self._origins) > MAX_RUNS:
            del self._origins[next(iter(self._origins))]
        for _ in range(len(self._held)):
            held = self._held.popleft()
            if held[0] == run:
                self._release(*held)
            else:
                self._held.append(held)


def _failure(error: BaseException | None) -> events.Failure | None:
    return None if error is None else reading.failure(error)
