"""The layout of the task stream: rows of hosts, workers and threads from top to bottom.

Few lanes are drawn roomy. Else they are as high as the density says while the rows fill at most
`MOST_SCREENS` heights of the view; of larger clusters they are lower, in steps, so that few changes
of size move them, unless somebody has asked for high ones, in which names have room. From where
even the lowest lanes need too much, each worker is one density row.

Where rows lie is computed for all at once, in arrays, when a lane, a worker or the session has
changed; what is written beside them is made of the rows that are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.derive.lanelayout import LaneLayout
from daskscope.derive.laneorder import LaneOrder, LaneRanks, lane_order
from daskscope.derive.lanereadings import MOST_SERIES, LaneReadings, ReadingsKeeper
from daskscope.derive.lanerows import Blocks, Items, Rows, Told
from daskscope.derive.roster import RosterKeeper
from daskscope.session import Grouping
from daskscope.theme import COMFORTABLE, COMPACT, NORMAL, WORKER_GAP_PX

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from daskscope.derive.clocks import Skew
    from daskscope.derive.frames import Int32s
    from daskscope.derive.members import Roster
    from daskscope.session import Session
    from daskscope.store.snapshot import Snapshot

    Bools = npt.NDArray[np.bool_]

MOST_SCREENS: Final = 3
#: Heights of lanes, after that of the density: from 12 px on the sub-lane has room of its own.
LOWER_PITCHES_PX: Final = (COMPACT.pitch_px, 12, 8, 6)
#: A lane's share of its worker's density row, once the lowest lanes do not fit either.
FOLDED_PITCH_PX: Final = 3
#: The name of a worker needs this height.
LEAST_BLOCK_PX: Final = 14


def lane_layout(snapshot: Snapshot, session: Session, height_px: int) -> LaneLayout:
    """All rows, for lanes that are seen through `height_px` pixels."""
    return LaneLayouts().of(snapshot, session, height_px)


class LaneLayouts:
    """Makes layouts of one store.

    A layout depends on the arguments alone, but for readings, which may be a while old; what is
    kept changes only how long it takes.

    Parameters
    ----------
    is_patient
        It has those rows that it was let `learn`; else it learns everything when it is asked.

    Attributes
    ----------
    roster
        Who is there, as of the last layout; None before the first.
    """

    def __init__(self, *, is_patient: bool = False) -> None:
        self.roster: Roster | None = None
        self._is_patient = is_patient
        self._rosters = RosterKeeper(is_patient=is_patient)
        self._ranks = LaneRanks()
        self._readings = ReadingsKeeper()
        self._read: LaneReadings | None = None
        self._key: object = None
        self._order_key: object = None
        self._order: LaneOrder
        self._items: Items
        self._layout: LaneLayout | None = None

    @property
    def skews(self) -> Mapping[int, Skew]:
        """Wrong clocks by number of the worker, as of the last readings."""
        return self._read.skews if self._read is not None else {}

    def learn(self, snapshot: Snapshot, most: int) -> bool:
        """Find the rows of workers of which something has changed, of `most` at once.

        So are the series that tell of their memory.

        Returns
        -------
        bool
            Whether those of all are found.
        """
        are_known = self._readings.learn(snapshot, MOST_SERIES)
        return self._rosters.learn(snapshot, most) and are_known

    def watch(self, snapshot: Snapshot) -> bool:
        """Look at some of the spans that tell of clocks, a millisecond's work; if none is left."""
        return self._readings.watch(snapshot)

    def of(
        self, snapshot: Snapshot, session: Session, height_px: int, is_reading: bool = True
    ) -> LaneLayout:
        """All rows, seen through `height_px` pixels; the same object while nothing has changed.

        Memory and busy shares are measured anew if `is_reading`, else those of the last time are
        told.
        """
        roster = self.roster = self._rosters.of(snapshot)
        self._ranks.see(snapshot, session.lane_sort)
        key = (
            roster,
            self._ranks.epoch,
            session.density,
            session.grouping,
            session.lane_sort,
            session.collapsed_hosts,
            session.turned_workers,
            session.pinned,
            session.filter.workers,
            height_px,
        )
        if self._read is None or is_reading:
            self.read(snapshot)
        if self._layout is not None and key == self._key:
            return self._layout
        if key != self._key:
            self._key = key
            self._items = _items(roster, self._ordered(roster, session), session, height_px)
        assert self._read is not None
        clusters = self._rosters.clusters.labels(snapshot.added_ns)
        told = Told(self._read, snapshot.resources, clusters)
        self._layout = _layout(self._items, told)
        return self._layout

    def _ordered(self, roster: Roster, session: Session) -> LaneOrder:
        """Members in order: the same object while they are the same and ranked the same."""
        key = (
            roster.keys,
            self._ranks.epoch,
            session.grouping,
            session.lane_sort,
            session.turned_workers,
            session.pinned,
            session.filter.workers,
        )
        if key != self._order_key:
            self._order_key = key
            self._order = lane_order(roster, session, self._ranks.of(roster, session.lane_sort))
        return self._order

    def read(self, snapshot: Snapshot) -> None:
        """Measure memory and busy shares anew, for the next layout."""
        if not self._is_patient:
            self._readings.learn(snapshot)
        readings = self._readings.of(snapshot)
        if readings is not self._read:
            self._read, self._layout = readings, None


@dataclass(frozen=True, slots=True, eq=False)
class _Shares:
    """What of a cluster is shown, and how high.

    Attributes
    ----------
    pitch_px
        Height of a lane.
    is_folded
        bool, by place in the order: the worker is one density row.
    folded_px
        int32, by place in the order: height of that row.
    """

    pitch_px: int
    is_folded: Bools
    folded_px: Int32s


def _items(roster: Roster, order: LaneOrder, session: Session, height_px: int) -> Items:
    """Headers, workers and folded hosts from top to bottom."""
    density, n_groups = session.density, len(order.hosts)
    has_header = session.grouping is Grouping.HOST
    is_closed = np.array([host in session.collapsed_hosts for host in order.hosts], np.bool_)
    is_closed &= has_header
    shown = np.flatnonzero(~is_closed[order.group])
    n_rows = np.maximum(roster.n_rows[order.members], 1)
    closed = np.flatnonzero(is_closed)
    headers = np.arange(n_groups if has_header else 0)
    fixed_px = len(headers) * density.host_header_px + len(closed) * density.density_row_px
    shares = _shares(n_rows[shown], order.is_turned[shown], session, fixed_px, height_px)
    lanes_px = np.where(
        shares.is_folded,
        shares.folded_px,
        np.maximum(n_rows[shown] * shares.pitch_px, LEAST_BLOCK_PX),
    )
    # A group's header comes before all of its members.
    place = np.concatenate([order.group[shown] * 2 + 1, headers * 2, closed * 2 + 1])
    sequence = np.argsort(place, kind="stable")
    kinds = np.where(shares.is_folded, Items.FOLDED, Items.WORKER)
    others = np.repeat([Items.HEADER, Items.CLOSED], [len(headers), len(closed)])
    others_px = np.array([density.host_header_px, density.density_row_px])[others]
    kind = np.concatenate([kinds, others])[sequence]
    ref = np.concatenate([order.members[shown], headers, closed])[sequence]
    high_px = np.concatenate([lanes_px, others_px])[sequence]
    is_worker = kind >= Items.WORKER
    # Half of the gap on each side: lanes touch neither header nor the line between workers.
    room_px = high_px + np.where(is_worker, WORKER_GAP_PX, 0)
    top_px = np.cumsum(room_px) - room_px + np.where(is_worker, WORKER_GAP_PX // 2, 0)
    n_rows_of = np.ones(len(kind), np.int64)
    is_open = kind == Items.WORKER
    n_rows_of[is_open] = np.maximum(roster.n_rows[ref[is_open]], 1)
    return Items(
        roster,
        order,
        session,
        kind.astype(np.uint8),
        ref.astype(np.int32),
        np.stack([top_px, high_px]).astype(np.int32),
        np.concatenate([[0], np.cumsum(n_rows_of)]).astype(np.int32),
        shares.pitch_px,
        int(room_px.sum()),
    )


def _shares(
    n_rows: npt.NDArray[np.int32],
    is_turned: Bools,
    session: Session,
    fixed_px: int,
    height_px: int,
) -> _Shares:
    density = session.density
    lower_px = LOWER_PITCHES_PX if density != COMFORTABLE else ()
    pitches = [density.pitch_px, *(p for p in lower_px if p < density.pitch_px)]
    is_folded = is_turned ^ (session.grouping is Grouping.FOLDED)
    thin_px = np.maximum(n_rows * FOLDED_PITCH_PX, LEAST_BLOCK_PX)
    folded_px = np.maximum(thin_px, density.pitch_px)
    open_rows = n_rows[~is_folded]

    def needed_px(pitch_px: int) -> int:
        lanes_px = int(np.maximum(open_rows * pitch_px, LEAST_BLOCK_PX).sum())
        return fixed_px + lanes_px + int(folded_px[is_folded].sum()) + WORKER_GAP_PX * len(n_rows)

    if density == NORMAL and needed_px(COMFORTABLE.pitch_px) <= height_px:
        return _Shares(COMFORTABLE.pitch_px, is_folded, folded_px)
    for pitch_px in pitches:
        if needed_px(pitch_px) <= MOST_SCREENS * height_px:
            return _Shares(pitch_px, is_folded, folded_px)
    # A page of threads is worth more than a line of workers, until there are dozens of pages.
    if int(open_rows.sum()) * LOWER_PITCHES_PX[-1] <= 4 * MOST_SCREENS * height_px:
        return _Shares(pitches[-1], is_folded, thin_px if is_folded.all() else folded_px)
    is_folded = ~is_turned if session.grouping is not Grouping.FOLDED else is_folded
    pitch_px = FOLDED_PITCH_PX if is_folded.all() else COMPACT.pitch_px
    return _Shares(pitch_px, is_folded, thin_px)


def _layout(items: Items, told: Told) -> LaneLayout:
    """What is drawn of items, with what is told of them."""
    roster = items.roster
    return LaneLayout(
        rows=Rows(items, told),
        workers=Blocks(items, told),
        row_px=items.row_px,
        kinds=items.row_kinds,
        block_px=items.px[:, items.kind >= Items.WORKER],
        row_of_lane=items.row_of_lane,
        is_inner=roster.is_inner,
        height_px=items.height_px,
        pitch_px=items.pitch_px,
        n_hosts=len(items.order.hosts),
        n_workers=len(roster.members),
        n_lanes=int(roster.n_lanes.sum()),
    )
