"""What readers get of the store: a frozen value whose arrays are never written again.

A snapshot is cheap (it shares the store's memory) and stays true while the store grows: chunks are
append-only, whole old chunks are evicted, and what can change is copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.store.chunk import place_of
from daskscope.store.placing import MOST_LEVELS
from daskscope.store.schema import TextColumn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from daskscope.store.chunk import Chunk
    from daskscope.store.overview import Overview
    from daskscope.store.schema import Array, Attributes, Series, SourceStatus


#: Until when something is heard of that has not fallen silent: later than everything.
STILL: Final = np.iinfo(np.int64).max


class LaneKind(IntEnum):
    """What lies on a lane."""

    #: What one thread does.
    THREAD = 0
    #: Transfers and disk of an unknown thread, or of one that runs no tasks: the event loop's.
    BESIDE = 1
    #: Spans that name no thread; one lane for each level.
    PACKED = 2
    #: Attempts that were lost and may never have begun.
    WAITING = 3
    #: What is not drawn: graphs, and the sending ends of transfers.
    HIDDEN = 4
    #: Attempts that overlap others in their thread, as coroutines do; one lane for each level.
    LEVEL = 5
    #: Spans that user code opens in the tasks of a thread; they lie within attempts.
    INNER = 6
    #: What the event loop does, where it has tasks: those are coroutines.
    LOOP = 7


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane of the task stream.

    Attributes
    ----------
    resource
        Id of the worker's (or service's) resource.
    thread
        `thread.id`; 0 or less where spans name none.
    level
        Lanes of one thread and kind have different ones, from 0.
    """

    resource: int
    thread: int
    kind: LaneKind
    level: int = 0

    @property
    def is_crowd(self) -> bool:
        """Whether it holds what no other level of its thread was free for: spans may overlap."""
        return self.level == MOST_LEVELS - 1


@dataclass(frozen=True, slots=True)
class Running:
    """Attempts that one worker was running when it last said so.

    Attributes
    ----------
    lane
        uint32: lane of each.
    start_ns, name, run_id
        As in `schema.RUNNING_COLUMNS`.
    time_ns
        When the worker said so, on the scheduler's clock.
    """

    resource: int
    time_ns: int
    lane: npt.NDArray[np.uint32]
    start_ns: npt.NDArray[np.int64]
    name: npt.NDArray[np.uint32]
    run_id: npt.NDArray[np.int32]
    keys: TextColumn


@dataclass(frozen=True, slots=True)
class Attempts:
    """What all workers run: those of a worker follow each other.

    Attributes
    ----------
    lane, start_ns, name, run_id
        As in `Running`.
    resource
        uint32: whose each is.
    time_ns
        int64: when its worker said so.
    change
        int64: another one whenever what its worker runs has changed.
    said, at
        The keys of its worker's word (objects), and int64: which of them is its own.
    """

    lane: npt.NDArray[np.uint32]
    start_ns: npt.NDArray[np.int64]
    name: npt.NDArray[np.uint32]
    run_id: npt.NDArray[np.int32]
    resource: npt.NDArray[np.uint32]
    time_ns: npt.NDArray[np.int64]
    change: npt.NDArray[np.int64]
    said: npt.NDArray[np.object_]
    at: npt.NDArray[np.int64]

    def those(self, mask: npt.NDArray[np.bool_]) -> Attempts:
        """Some of them."""
        return Attempts(*(getattr(self, name)[mask] for name in self.__slots__))

    def joined(self, others: Attempts) -> Attempts:
        """These, then others."""
        columns = [(getattr(self, name), getattr(others, name)) for name in self.__slots__]
        return Attempts(*(np.concatenate(pair) for pair in columns))

    def changed(self, mask: npt.NDArray[np.bool_], change: int) -> Attempts:
        """The same, after a change of some."""
        return replace(self, change=np.where(mask, change, self.change))


NO_ATTEMPTS: Final = Attempts(
    *(np.zeros(0, dtype) for dtype in ("u4", "i8", "u4", "i4", "u4", "i8", "i8", "O", "i8"))
)


class AllRunning(Mapping[int, Running]):
    """What each worker runs, by resource id, in the order of `attempts`.

    Attributes
    ----------
    attempts
        The same in arrays.
    """

    def __init__(self, attempts: Attempts, made: dict[int, tuple[int, Running]]) -> None:
        self.attempts = attempts
        # Of all snapshots of a store: what has not changed is the same object.
        self._made = made

    @cached_property
    def _rows_of(self) -> dict[int, slice]:
        resource = self.attempts.resource
        first = np.flatnonzero(np.diff(resource, prepend=resource[:1] ^ np.uint32(1)))
        ends = np.append(first[1:], len(resource)).tolist()
        rows = map(slice, first.tolist(), ends)
        return dict(zip(resource[first].tolist(), rows, strict=False))

    def __getitem__(self, resource: int) -> Running:
        rows, attempts = self._rows_of[resource], self.attempts
        change = int(attempts.change[rows.start])
        known = self._made.get(resource)
        if known is not None and known[0] == change:
            return known[1]
        keys = zip(attempts.said[rows].tolist(), attempts.at[rows].tolist(), strict=True)
        made = Running(
            resource,
            int(attempts.time_ns[rows.start]),
            attempts.lane[rows],
            attempts.start_ns[rows],
            attempts.name[rows],
            attempts.run_id[rows],
            TextColumn.of([said[at] for said, at in keys]),
        )
        self._made[resource] = change, made
        return made

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows_of)

    def __len__(self) -> int:
        return len(self._rows_of)

    def __bool__(self) -> bool:
        return bool(len(self.attempts.lane))

    def at(self, index: int) -> tuple[Running, int] | None:
        """The worker that runs one of `attempts`, and which of its own that is."""
        if not 0 <= index < len(self.attempts.resource):
            return None
        resource = int(self.attempts.resource[index])
        return self[resource], index - self._rows_of[resource].start


@dataclass(frozen=True, slots=True)
class SeriesPoints:
    """Points of one series in order of time: float64 values at int64 ns."""

    time_ns: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PointRun:
    """Points of any series in order of arrival; what is new is appended to the last run.

    Attributes
    ----------
    number
        Counts the runs of one store.
    series
        uint32: series id of each point.
    time_ns, value
        int64 and float64.
    """

    number: int
    series: npt.NDArray[np.uint32]
    time_ns: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest point of each series, by series id; those without points have no number.

    Attributes
    ----------
    time_ns
        int64, the least there is for a series without points.
    value
        float64, NaN for a series without points.
    per_s
        float64: growth a second over the last seconds of what counts up; NaN of all else, and
        from a single point.
    """

    time_ns: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    per_s: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Events:
    """Log records in order of arrival: the columns of `schema.EVENT_COLUMNS` and two texts each.

    Attributes
    ----------
    n_evicted
        Records that were dropped, to stay within memory.
    """

    columns: Mapping[str, Array]
    bodies: Sequence[str]
    attributes: Sequence[str]
    n_evicted: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that is known at one moment.

    Attributes
    ----------
    generation
        Grows with every change; equal generations of one store are equal snapshots.
    stream_generation
        The same of all that the task stream draws: readings are told beside it, at their own pace.
    chunks
        Sealed chunks in order of sealing, then the open one if it has rows.
    lanes
        By lane id; the same object while nothing has changed.
    lane_first_ns, lane_last_ns
        int64, by lane id: start of its first span and end of its last.
    strings, resources, traces, series
        The tables that ids point into.
    points
        By series id, of the series of `dask.tasks`; a series with no points yet is absent.
    point_runs
        Points of all series, oldest run first; the oldest have gone where there are very many.
    newest
        The newest points alone, in arrays. Series without points may lie beyond their ends.
    series_of
        Ids of all series of one metric name.
    running
        By resource id; workers that run nothing are absent. Of one that is silent it is what it
        ran when it was last heard of.
    heard_until_ns
        int64, by resource id: when it was last heard of that is silent; `STILL` of the others.
    worker_of
        int64, by resource id: number of the worker that it is of, or what it is itself.
    addresses
        By number of the worker, also of who is only spoken of; "" of what is no worker.
    removed_ns
        By number of the worker: when its scheduler removed it; absent while it is there.
    added_ns
        By number of the worker: when its scheduler added it, the last time.
    prefixes
        String ids of all task prefixes, in order of first appearance in spans, running attempts
        or `dask.tasks`.
    slot_of
        int32, palette slot by string id, -1 for a string that is no prefix.
    first_ns, last_ns
        Start of the first and end of the last thing known; 0 while nothing is.
    n_spans, n_evicted, memory_bytes
        Spans held, spans evicted by the memory cap, memory of the columns held.
    evicted_ns
        End of the last span that was evicted, 0 while none was.
    status
        The source's own newest word.
    """

    generation: int
    stream_generation: int
    chunks: tuple[Chunk, ...]
    lanes: tuple[Lane, ...]
    lane_first_ns: npt.NDArray[np.int64]
    lane_last_ns: npt.NDArray[np.int64]
    strings: Sequence[str]
    resources: Sequence[Attributes]
    traces: Sequence[bytes]
    series: Sequence[Series]
    points: Mapping[int, SeriesPoints]
    point_runs: tuple[PointRun, ...]
    newest: Newest
    series_of: Mapping[str, tuple[int, ...]]
    running: AllRunning
    heard_until_ns: npt.NDArray[np.int64]
    events: Events
    overview: Overview
    worker_of: npt.NDArray[np.int64]
    addresses: Sequence[str]
    removed_ns: Mapping[int, int]
    added_ns: Mapping[int, int]
    prefixes: tuple[int, ...]
    slot_of: npt.NDArray[np.int32]
    first_ns: int
    last_ns: int
    n_spans: int
    n_evicted: int
    evicted_ns: int
    memory_bytes: int
    status: SourceStatus

    @property
    def running_until_ns(self) -> npt.NDArray[np.int64]:
        """By attempt of `running`: when it was last known to run; `STILL` while it is."""
        return self.heard_until_ns[self.running.attempts.resource]

    @property
    def is_busy(self) -> bool:
        """Whether anything runs, on workers that are not silent."""
        return bool((self.running_until_ns == STILL).any())

    def chunk(self, number: int) -> Chunk | None:
        """The chunk of that number, None where it was evicted or is not there yet."""
        at = place_of(number, self.chunks)
        return None if at is None else self.chunks[at]
