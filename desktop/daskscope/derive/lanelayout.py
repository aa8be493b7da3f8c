"""The rows of the task stream and their labels, from top to bottom, unscrolled."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

Int32s = npt.NDArray[np.int32]

#: Host of the group of workers that are pinned one by one.
PINNED: Final = "pinned"


class RowKind(IntEnum):
    """What a row of the task stream is."""

    HOST = 0
    LANE = 1
    #: Many lanes folded into one row: busy share by prefix.
    DENSITY = 2
    #: A lane whose spans overlap, as no other row was free for them: drawn like a folded row.
    CROWD = 3


@dataclass(frozen=True, slots=True)
class LaneRow:
    """One row of the task stream.

    Attributes
    ----------
    y_px, height_px
        Position in the unscrolled content.
    host
        Key of the host the row belongs to (for folding).
    title, caption
        Host header: host name and address; density row: names of the workers folded in it, with a
        caption if it is a whole host; a lane that is no thread's says "lost", "async", "spans",
        "extra" or "other",
        a crowd's "more".
    detail
        Right end of a host header: "2 workers, 8 threads, 98 % busy".
    thread
        Ordinal of the thread within its worker from 1, 0 for other rows.
    lanes
        Ids of the lanes drawn in this row; more than one for a lane whose worker was restarted.
    n_threads
        Threads that a density row stands for: their whole time is its whole height.
    n_beside
        Threads of the worker that a lane belongs to.
    is_folded, is_pinned
        Of a host header: its lanes are folded; it comes first.
    """

    kind: RowKind
    y_px: int
    height_px: int
    host: str
    title: str
    caption: str = ""
    detail: str = ""
    thread: int = 0
    lanes: tuple[int, ...] = ()
    n_threads: int = 1
    n_beside: int = 1
    is_folded: bool = False
    is_pinned: bool = False


@dataclass(frozen=True, slots=True)
class WorkerBlock:
    """The gutter's label of one worker, beside its lanes.

    Attributes
    ----------
    name, address
        "w0" and ":40101"; for a service that is not Dask's its name and instance.
    memory
        Shares of the limit in 0..1: managed, unmanaged old, unmanaged recent, spilled.
    memory_text
        "1.9 GiB"; "" when nothing was measured.
    alarm
        0 fine, 1 over 60 % of the limit, 2 paused or over 95 %.
    gone_ns
        When the worker was removed, 0 while it is there.
    gaps_ns
        From the removal of a process to what the one that came back for it did first, 0 while it
        has done nothing.
    key
        Of the worker, for folding and pinning.
    is_folded
        Its lanes are one density row.
    is_pinned
        It comes first.
    has_line
        A line above it parts it from the worker before.
    warning
        That it is "silent", or how wrong its clock is: "+12 ms"; "" where nothing is known.
    tip
        All that is known of the worker, in lines.
    """

    y_px: int
    height_px: int
    name: str
    address: str
    memory: tuple[float, float, float, float]
    memory_text: str
    alarm: int
    gone_ns: int = 0
    key: str = ""
    is_folded: bool = False
    is_pinned: bool = False
    has_line: bool = False
    warning: str = ""
    tip: str = ""
    gaps_ns: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class LaneLayout:
    """All rows from top to bottom, unscrolled; a key of what is shown, equal only to itself.

    Attributes
    ----------
    rows, workers
        May be made as they are asked for: of thousands only those in view are.
    row_px
        int32, shape (2, number of rows): top and height of each row.
    kinds
        uint8, by row: `RowKind`.
    block_px
        int32, shape (2, number of workers): top and height of each worker's label.
    row_of_lane
        int32, shape (number of lanes in the store,): index in `rows`, -1 where a lane has none.
    is_inner
        bool, by lane: what lies on it lies within attempts; a density row has their time alone.
    pitch_px
        Height of a lane; below 6 px workers have become density rows.
    """

    rows: Sequence[LaneRow]
    workers: Sequence[WorkerBlock]
    row_px: Int32s
    kinds: npt.NDArray[np.uint8]
    block_px: Int32s
    row_of_lane: Int32s
    is_inner: npt.NDArray[np.bool_]
    height_px: int
    pitch_px: int
    n_hosts: int
    n_workers: int
    n_lanes: int

    def rows_within(self, top_px: int, height_px: int) -> range:
        """Indices of the rows that lie in a stretch of the content, even in part."""
        return _within(self.row_px, top_px, height_px)

    @property
    def header_px(self) -> int:
        """Height of a host's header, 0 where there are no hosts."""
        first = np.flatnonzero(self.kinds == RowKind.HOST.value)[:1]
        return int(self.row_px[1, first].sum())

    def stuck_header(self, top_px: int) -> tuple[int, int] | None:
        """The header that stays in sight while the lanes of its host lie at the top.

        Parameters
        ----------
        top_px
            The pixel of the content that is at the top.

        Returns
        -------
        tuple or None
            Index of the row, and its top from there: 0, or above that where the next header pushes
            it out. None while each header stands where it belongs.
        """
        hosts = np.flatnonzero(self.kinds == RowKind.HOST.value)
        tops_px = self.row_px[0, hosts]
        at = int(np.searchsorted(tops_px, top_px)) - 1
        if at < 0:
            return None
        row = int(hosts[at])
        next_px = int(tops_px[at + 1]) if at + 1 < len(hosts) else self.height_px
        return row, min(next_px - top_px - int(self.row_px[1, row]), 0)

    def workers_within(self, top_px: int, height_px: int) -> Sequence[WorkerBlock]:
        """Labels that lie in a stretch of the content, even in part."""
        found = _within(self.block_px, top_px, height_px)
        return self.workers[found.start : found.stop]


def _within(spans_px: Int32s, top_px: int, height_px: int) -> range:
    tops_px = spans_px[0]
    first = int(np.searchsorted(tops_px + spans_px[1], top_px, "right"))
    return range(first, max(int(np.searchsorted(tops_px, top_px + height_px)), first))
