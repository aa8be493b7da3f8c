"""What the user chose: what is in view, what is folded, hidden, hovered. A frozen value, no Qt.

Gestures become new sessions (`dataclasses.replace` or a function of this module); that two
sessions differ is what makes a view draw again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, TypeAlias

from daskscope.predicate import NO_FILTER, NO_SEARCH, Bin, Filter, Predicate, Search
from daskscope.theme import NORMAL, Density

LEAST_SPAN_NS: Final = 1_000
GREATEST_SPAN_NS: Final = 400 * 86_400 * 1_000_000_000
#: The whole run stays in view while following.
WHOLE_RUN: Final = 0
#: A span for good: the number of its chunk, and its row in there.
Spot: TypeAlias = tuple[int, int]
#: The span of a growing run grows in these steps, so that the scale holds still between two.
WHOLE_RUN_STEP: Final = 1.05


@dataclass(frozen=True, slots=True)
class Viewport:
    """The stretch of time that is drawn, on a grid of whole pixels.

    Attributes
    ----------
    start_ns
        Time of the left edge of pixel column 0.
    ns_per_px
        Nanoseconds of one pixel column; at least 1.
    width_px
        Pixel columns of the lanes.
    """

    start_ns: int
    ns_per_px: float
    width_px: int

    @property
    def end_ns(self) -> int:
        """Time of the right edge."""
        return self.start_ns + round(self.width_px * self.ns_per_px)

    def x_px(self, time_ns: int) -> float:
        """Pixel position of a time."""
        return (time_ns - self.start_ns) / self.ns_per_px

    def time_ns(self, x_px: float) -> int:
        """Time at a pixel position."""
        return self.start_ns + round(x_px * self.ns_per_px)


class Grouping(Enum):
    """What the rows of the task stream are; the values are shown."""

    HOST = "Host, worker, thread"
    WORKER = "Worker, thread"
    #: One density row for each worker.
    FOLDED = "Worker"


class LaneSort(Enum):
    """By what hosts, and workers of one host, are sorted; the values are shown."""

    NAME = "name"
    BUSY = "busy time"
    ERRORS = "errors"


@dataclass(frozen=True, slots=True)
class Chosen:
    """One span, named so that it is still known when its chunk has been evicted.

    Attributes
    ----------
    chunk, index
        Number of its chunk, and its row there, for good; chunk -1 for an attempt that runs.
    span_id
        Big-endian value of its 8 bytes, 0 for an attempt that runs.
    request
        Number of the request that brought it.
    resource, run_id
        Of an attempt that runs: who runs it, and its run id.
    """

    chunk: int = -1
    index: int = -1
    span_id: int = 0
    request: int = 0
    resource: int = -1
    run_id: int = -1

    @property
    def is_running(self) -> bool:
        """It had not ended when it was chosen."""
        return self.chunk < 0


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A time that one wants to come back to."""

    time_ns: int
    name: str


@dataclass(frozen=True, slots=True)
class Session:
    """What the user chose.

    Attributes
    ----------
    is_following
        The right edge is "now"; else it is `end_ns`.
    span_ns
        Time in view, `WHOLE_RUN` for everything so far.
    end_ns
        Right edge while not following.
    scroll_px
        Lanes scrolled away above the top edge.
    collapsed_hosts
        Hosts drawn as one density row.
    grouping, lane_sort
        What the rows are, and in which order.
    turned_workers
        Keys of workers that are folded although others are not, or the other way round.
    pinned
        Keys of workers and hosts that come first.
    lit_prefix
        The prefix under the pointer in the legend, or "".
    filter
        What is hidden, prefixes switched off in the legend among it.
    search, bins
        What is searched, and which bins of histograms are marked: the rest is dimmed.
    found
        The match that was stepped to, or None.
    hover_px
        Pointer in the task stream's lanes, or None.
    selection_ns, selection_lanes
        Selected stretch of time, or None; ids of the selected lanes in it, None for all.
    chosen
        The span whose details are shown, or None.
    bookmarks
        In order of time.
    measured_ns
        From where to where time is measured, or None.
    hidden_kinds
        Kinds of events that are left out of their table.
    worker_sort, is_sort_descending
        Column of the workers table by which rows are sorted.
    statistics_prefix
        The prefix whose durations are shown over all others, "" for all.
    statistics_sort, is_statistics_descending
        Column of the statistics table by which rows are sorted.
    are_charts_linked
        Charts show the task stream's time, else the last minutes.
    """

    is_following: bool = True
    span_ns: int = 30_000_000_000
    end_ns: int = 0
    scroll_px: int = 0
    density: Density = NORMAL
    collapsed_hosts: frozenset[str] = frozenset()
    grouping: Grouping = Grouping.HOST
    lane_sort: LaneSort = LaneSort.NAME
    turned_workers: frozenset[str] = frozenset()
    pinned: frozenset[str] = frozenset()
    lit_prefix: str = ""
    filter: Filter = NO_FILTER
    search: Search = NO_SEARCH
    bins: tuple[Bin, ...] = ()
    found: Spot | None = None
    hover_px: tuple[int, int] | None = None
    selection_ns: tuple[int, int] | None = None
    selection_lanes: frozenset[int] | None = None
    chosen: Chosen | None = None
    bookmarks: tuple[Bookmark, ...] = ()
    measured_ns: tuple[int, int] | None = None
    hidden_kinds: frozenset[str] = frozenset()
    worker_sort: str = "worker"
    is_sort_descending: bool = False
    statistics_prefix: str = ""
    statistics_sort: str = "total"
    is_statistics_descending: bool = True
    are_charts_linked: bool = True

    @property
    def without_pointer(self) -> Session:
        """The same with the pointer elsewhere, whose place changes no frame."""
        return self if self.hover_px is None else replace(self, hover_px=None)

    @property
    def predicate(self) -> Predicate:
        """Everything that is asked of a span."""
        return Predicate(self.search, self.bins, self.filter)


def viewport(
    session: Session, width_px: int, now_ns: int, first_ns: int, margin_px: int
) -> Viewport:
    """The stretch of time to draw.

    Parameters
    ----------
    session
        Whether it follows, and how much time is in view.
    width_px
        Pixel columns of the lanes.
    now_ns
        The right edge of what can have happened.
    first_ns
        Start of the run: the origin of the pixel grid, and the left edge for `WHOLE_RUN`.
    margin_px
        Pixel columns between now and the right edge.

    Returns
    -------
    Viewport
        It starts a whole number of pixels from `first_ns`, so that a picture scrolls by whole
        pixels.
    """
    inner_px = max(width_px - margin_px, 1)
    if session.span_ns == WHOLE_RUN:
        least_s = max((now_ns - first_ns) / 1e9, 1.0)
        steps = math.ceil(math.log(least_s, WHOLE_RUN_STEP))
        span_ns = round(WHOLE_RUN_STEP**steps * 1e9)
    else:
        span_ns = session.span_ns
    ns_per_px = max(span_ns / inner_px, 1.0)
    end_ns = now_ns if session.is_following else session.end_ns
    # Relative to the run's start: a float holds no nanoseconds of the epoch.
    column = round((end_ns - first_ns) / ns_per_px) - inner_px
    return Viewport(first_ns + round(column * ns_per_px), ns_per_px, width_px)


def asked_view(session: Session, shown: Viewport, first_ns: int, margin_px: int) -> Viewport:
    """The view that `session` asks for after the one that is shown, in which now was at its edge.

    Gestures come faster than frames: each goes on from where the one before has led.
    """
    now_ns = shown.time_ns(max(shown.width_px - margin_px, 1))
    return viewport(session, shown.width_px, now_ns, first_ns, margin_px)


def zoomed(session: Session, view: Viewport, x_px: float, factor: float, margin_px: int) -> Session:
    """`session` with `factor` times the span, the time under `x_px` kept in place.

    While following it keeps following: then the right edge is what stays in place.
    """
    inner_px = max(view.width_px - margin_px, 1)
    old_span_ns = inner_px * view.ns_per_px
    span_ns = round(min(max(old_span_ns * factor, LEAST_SPAN_NS), GREATEST_SPAN_NS))
    if session.is_following:
        return replace(session, span_ns=span_ns)
    anchor_ns = view.time_ns(x_px)
    end_ns = anchor_ns + round((inner_px - x_px) * span_ns / inner_px)
    return replace(session, span_ns=span_ns, end_ns=end_ns)


def panned(session: Session, view: Viewport, dx_px: float, margin_px: int) -> Session:
    """`session` moved by `dx_px` pixel columns to the right in time; following ends."""
    inner_px = max(view.width_px - margin_px, 1)
    end_ns = view.time_ns(inner_px + dx_px)
    return replace(
        session, is_following=False, end_ns=end_ns, span_ns=round(inner_px * view.ns_per_px)
    )


def fitted(session: Session, start_ns: int, end_ns: int) -> Session:
    """`session` showing exactly `start_ns` to `end_ns`, no longer following."""
    span_ns = max(end_ns - start_ns, LEAST_SPAN_NS)
    return replace(session, is_following=False, end_ns=end_ns, span_ns=span_ns)
