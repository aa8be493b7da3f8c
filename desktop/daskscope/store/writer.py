"""The store's one writer: messages in, frozen snapshots out. No locks, no clock.

Whoever owns the store applies messages and takes snapshots in one thread; snapshots may go
anywhere. Beyond the memory cap whole oldest chunks are dropped, and counted.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from dask_otel import conventions
from daskscope.store.eventlog import EventLog
from daskscope.store.filling import AHEAD_ROWS, FillingChunk
from daskscope.store.hearing import Hearing
from daskscope.store.lanes import WAITING, LaneRegistry
from daskscope.store.listing import Listing
from daskscope.store.overview import OverviewBuilder
from daskscope.store.palette import NO_SLOT, Palette
from daskscope.store.past import Past
from daskscope.store.points import PointTable
from daskscope.store.running import RunningTable
from daskscope.store.schema import (
    Array,
    Attributes,
    Definitions,
    EventBatch,
    Kind,
    Message,
    Outcome,
    PointBatch,
    RunningWords,
    Series,
    SourceStatus,
    SpanBatch,
)
from daskscope.store.sealing import SealedChunks
from daskscope.store.snapshot import Attempts, Snapshot
from daskscope.store.words import WaitingWords
from daskscope.store.workers import WorkerTable

DEFAULT_CAP_BYTES: Final = 512 * 1024**2
#: Beside an enum numpy takes a column of bytes for int64: that is five times as slow.
_COMPUTE: Final = np.uint8(Kind.COMPUTE)
_OTHER: Final = np.uint8(Kind.OTHER)
_LOST: Final = np.uint8(Outcome.LOST)
_LOST_WAITING: Final = np.uint8(Outcome.LOST_WAITING)
_NO_RUN: Final = np.int32(-1)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

T = TypeVar("T")


class Store:
    """Everything that is known, as it grows.

    Parameters
    ----------
    cap_bytes
        Memory of the columns beyond which the oldest chunks are dropped; the newest full one stays.
    """

    def __init__(self, cap_bytes: int = DEFAULT_CAP_BYTES) -> None:
        self._cap_bytes = cap_bytes
        self._strings: list[str] = [""]
        self._resources: list[Attributes] = []
        self._traces: list[bytes] = []
        self._series: list[Series] = []
        self._series_of: dict[str, tuple[int, ...]] = {}
        self._workers = WorkerTable()
        self._resources_of: defaultdict[int, list[int]] = defaultdict(list)
        self._sealed = SealedChunks()
        self._filling, self._next = FillingChunk(0), FillingChunk(1)
        self._past = Past(self._sealed, self._filling)
        self._lanes = LaneRegistry(self._past)
        self._palette = Palette()
        self._points = PointTable()
        self._events = EventLog(self._workers)
        self._running = RunningTable()
        self._hearing = Hearing()
        self._words = WaitingWords()
        self._awaited: dict[str, None] = {}
        self._overview = OverviewBuilder()
        self._status = SourceStatus(is_live=True)
        self._first_ns = 0
        self._last_ns = 0
        self._n_spans = 0
        self._n_evicted = 0
        self._evicted_ns = 0
        self._generation = self._stream_generation = 0
        self._snapshot: Snapshot | None = None

    def apply(self, message: Message) -> None:
        """Take one message; they come in the order of the source."""
        self._change(is_drawn=not isinstance(message, PointBatch))
        match message:
            case SpanBatch():
                self._add_spans(message)
            case PointBatch():
                self._add_points(message)
            case RunningWords():
                columns = message.words
                self._hearing.hear(columns["resource"], columns["time_ns"].view(np.int64))
                self._words.add(message)
                if self._words.are_many:
                    self._take_words()
            case EventBatch():
                self._add_events(message)
            case Definitions():
                self._define(message)
            case SourceStatus():
                self._status = message

    def go_on(self, *, has_time: bool = True) -> None:
        """Do a millisecond of the work that was put off; to be called when nothing has come.

        Without much time only what is due.
        """
        before = self._sealed.chunks
        if not has_time:
            self._sealed.catch_up()
        else:
            self._filling.provide()
            if self._filling.room <= AHEAD_ROWS:
                self._next.provide()
            self._sealed.step()
        if self._sealed.chunks is not before:
            # What is known is the same, so the generation is: it is found faster.
            self._snapshot = None

    @property
    def has_due(self) -> bool:
        """Whether some of the work that was put off is due."""
        return self._sealed.are_due

    def judge(self, since_ns: int) -> None:
        """Take for silent, until it is heard again, who has said nothing since then."""
        if self._hearing.judge(since_ns):
            self._change(is_drawn=True)

    def _change(self, *, is_drawn: bool) -> None:
        """Know of a change, of something that the task stream draws or of something else."""
        self._generation += 1
        self._stream_generation += is_drawn
        self._snapshot = None

    def snapshot(self) -> Snapshot:
        """What is known now; the same object while nothing has changed."""
        if self._snapshot is None:
            self._snapshot = self._taken()
        return self._snapshot

    # Messages -------------------------------------------------------------------------------

    def _define(self, new: Definitions) -> None:
        _extend(self._strings, new.strings_base, new.strings)
        _extend(self._resources, new.resources_base, new.resources)
        _extend(self._traces, new.traces_base, new.traces)
        for resource, attributes in enumerate(new.resources, new.resources_base):
            loop = attributes.get(conventions.WORKER_LOOP_THREAD)
            loop_thread = loop if isinstance(loop, int) else 0
            is_worker = _is_worker(attributes)
            self._lanes.know(resource, has_attempts=is_worker, loop_thread=loop_thread)
            if resource == len(self._workers.of_resources()):
                self._resources_of[self._workers.know(attributes)].append(resource)
        n_known = len(self._series)
        _extend(self._series, new.series_base, new.series)
        added: defaultdict[str, list[int]] = defaultdict(list)
        counters: list[int] = []
        for series_id, series in enumerate(self._series[n_known:], n_known):
            added[series.name].append(series_id)
            if series.is_cumulative:
                counters.append(series_id)
            prefix = series.attributes.get(conventions.TASK_PREFIX)
            if series.name == conventions.TASKS.name and isinstance(prefix, str):
                self._awaited[prefix] = None
        followed = added.get(conventions.TASKS.name, [])
        self._points.reach(len(self._series), followed, counters)
        speakers = [series.resource for series in self._series[n_known:]]
        self._hearing.reach(len(self._resources), speakers)
        longer = {name: (*self._series_of.get(name, ()), *more) for name, more in added.items()}
        self._series_of = self._series_of | longer
        self._add_counted_prefixes()

    def _add_counted_prefixes(self) -> None:
        """Give slots to prefixes that `dask.tasks` counts, as soon as they have a string id."""
        is_known = {self._strings[string_id] for string_id in self._palette.prefixes}
        self._awaited = {prefix: None for prefix in self._awaited if prefix not in is_known}
        known = (self._strings.index(p) for p in self._awaited if p in self._strings)
        # In the order in which they were first met, live or in a recording, where the counts of
        # many come at once: the colours are the same.
        for string_id in sorted(known):
            self._palette.add(string_id, self._strings[string_id])

    def _add_points(self, batch: PointBatch) -> None:
        self._points.add(batch)
        columns = batch.columns
        self._hearing.read(columns["series"], columns["time_ns"].view(np.int64))
        self._see(self._points.first_ns, self._points.last_ns)

    def _add_spans(self, batch: SpanBatch) -> None:
        if not len(batch):
            return
        self._take_words()
        columns = self._with_lost_placed(batch.columns)
        start_ns = columns["start_ns"].view(np.int64)
        end_ns = np.maximum(columns["end_ns"].view(np.int64), start_ns)
        kind, name = columns["kind"].view(np.uint8), columns["name"]
        resource, run_id = columns["resource"], columns["run_id"].view(np.int32)
        thread = columns["thread"].view(np.int64)
        self._hearing.hear(resource, end_ns)
        lane = self._lanes.of_spans(resource, thread, kind, start_ns, end_ns, run_id)
        is_compute = kind == _COMPUTE
        self._running.finish(resource, np.where(is_compute, run_id, _NO_RUN))
        is_shown = is_compute & (columns["outcome"].view(np.uint8) != _LOST_WAITING)
        slots = self._slots(name, is_compute)
        foreign = np.flatnonzero(kind == _OTHER)
        if len(foreign):
            # What is within an attempt keeps no thread busy besides it.
            is_shown[foreign[~self._lanes.are_inner(lane[foreign])]] = True
            slots[foreign] = NO_SLOT
        shown = np.flatnonzero(is_shown)
        self._overview.add(start_ns[shown], end_ns[shown], slots[shown])
        self._store({**columns, "lane": lane, "end_ns": end_ns}, batch)
        self._sealed.advance(len(batch))
        self._n_spans += len(batch)
        self._see(int(start_ns.min()), int(end_ns.max()))

    def _with_lost_placed(self, columns: Mapping[str, Array]) -> Mapping[str, Array]:
        """Put lost attempts where their worker has said that they run.

        The scheduler does not know the threads, and of what began a moment ago not that it began.
        """
        is_lost = columns["outcome"].view(np.uint8) >= _LOST
        if not is_lost.any():
            return columns
        lost = np.flatnonzero(is_lost & (columns["thread"].view(np.int64) == 0))
        if not len(lost):
            return columns
        copies = {name: columns[name].copy() for name in ("start_ns", "thread", "outcome")}
        start_ns, thread = (copies[name].view(np.int64) for name in ("start_ns", "thread"))
        outcome = copies["outcome"].view(np.uint8)
        thread[outcome == Outcome.LOST_WAITING.value] = WAITING
        for row in lost.tolist():
            began = self._running.began(int(columns["resource"][row]), int(columns["run_id"][row]))
            if began is not None:
                lane, start_ns[row] = began
                thread[row] = self._lanes.lanes[lane].thread
                outcome[row] = Outcome.LOST
        return {**columns, **copies}

    def _store(self, columns: dict[str, Array], batch: SpanBatch) -> None:
        done, n_rows, keys = 0, len(batch), batch.keys
        while done < n_rows:
            n = min(self._filling.room, n_rows - done)
            if n < n_rows:
                keys = batch.keys.rows(done, done + n)
                part = {name: column[done : done + n] for name, column in columns.items()}
            else:
                part = columns
            self._filling.add(part, keys)
            done += n
            if not self._filling.room:
                self._seal()

    def _seal(self) -> None:
        chunk = self._filling.full()
        self._sealed.add(chunk)
        self._filling = self._past.filling = self._next
        self._next = FillingChunk(chunk.number + 2)
        while self._sealed.nbytes > self._cap_bytes and len(self._sealed.chunks) > 1:
            gone = self._sealed.evict()
            self._n_spans -= len(gone)
            self._n_evicted += len(gone)
            self._evicted_ns = max(self._evicted_ns, gone.t_max)

    def _slots(self, name: Array, is_prefix: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
        """Slots of names, of which those are known from now on that are prefixes."""
        slots = self._palette.slots(name)
        is_new = (slots == NO_SLOT) & is_prefix
        if is_new.any():
            for string_id in np.unique(name[is_new]).tolist():
                self._palette.add(string_id, self._strings[string_id])
            slots = self._palette.slots(name)
        return slots

    def _take_words(self) -> None:
        """Take in the words that wait: what runs is to be known."""
        said = self._words.take(self._running.newest_ns(len(self._resources)))
        if said is None:
            return
        lane = self._lanes.of_running(said.resource, said.thread, said.start_ns, said.run_id)
        change = np.full(len(lane), self._running.next_change(), np.int64)
        attempts = Attempts(
            lane,
            said.start_ns,
            said.name,
            said.run_id,
            said.resource,
            said.word_ns,
            change,
            said.keys,
            said.at,
        )
        self._running.replace(attempts, said.worker, said.time_ns)
        self._slots(said.name, np.ones(len(lane), np.bool_))
        first_ns = said.start_ns.min(initial=said.time_ns.min())
        self._see(int(first_ns), int(said.time_ns.max()))

    def _add_events(self, batch: EventBatch) -> None:
        if not len(batch):
            return
        self._take_words()
        for worker, time_ns in self._events.add(batch, self._strings):
            for resource in self._resources_of[worker]:
                self._running.remove(resource, time_ns)
        times = batch.columns["time_ns"].view(np.int64)
        self._hearing.hear(batch.columns["resource"], times)
        self._see(int(times.min()), int(times.max()))

    def _see(self, first_ns: int, last_ns: int) -> None:
        self._first_ns = min(self._first_ns or first_ns, first_ns)
        self._last_ns = max(self._last_ns, last_ns)

    # Snapshots ------------------------------------------------------------------------------

    def _taken(self) -> Snapshot:
        self._take_words()
        filling = self._filling.frozen()
        points = self._points.frozen()
        overview = self._overview.frozen()
        lane_first_ns, lane_last_ns = self._lanes.seen_ns()
        return Snapshot(
            generation=self._generation,
            stream_generation=self._stream_generation,
            chunks=(*self._sealed.chunks, filling) if len(filling) else self._sealed.chunks,
            lanes=self._lanes.frozen(),
            lane_first_ns=lane_first_ns,
            lane_last_ns=lane_last_ns,
            strings=Listing(self._strings),
            resources=Listing(self._resources),
            worker_of=self._workers.of_resources(),
            addresses=Listing(self._workers.addresses),
            traces=Listing(self._traces),
            series=Listing(self._series),
            points=points,
            point_runs=self._points.runs(),
            newest=self._points.newest(),
            series_of=self._series_of,
            running=self._running.frozen(),
            heard_until_ns=self._hearing.until_ns(),
            events=self._events.frozen(),
            overview=overview,
            removed_ns=self._events.removed_ns,
            added_ns=self._events.added_ns,
            prefixes=tuple(self._palette.prefixes),
            slot_of=self._palette.slot_of(len(self._strings)),
            first_ns=self._first_ns,
            last_ns=self._last_ns,
            n_spans=self._n_spans,
            n_evicted=self._n_evicted,
            evicted_ns=self._evicted_ns,
            memory_bytes=self._sealed.nbytes + filling.nbytes + self._points.nbytes,
            status=self._status,
        )


def _is_worker(attributes: Attributes) -> bool:
    service = attributes.get(conventions.SERVICE_NAME)
    return service == conventions.SERVICE_WORKER or conventions.WORKER_ADDRESS in attributes


def _extend(table: list[T], base: int, entries: tuple[T, ...]) -> None:
    """Append entries that are new; a source that starts over defines the first ones again.

    Raises
    ------
    ValueError
        Entries between are missing, so ids would mean the wrong thing.
    """
    if base > len(table):
        raise ValueError(f"definitions from {base} on came while only {len(table)} are known")
    table.extend(entries[len(table) - base :])
