"""Rows and labels of a layout, made of the items that they belong to when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from dask_otel import conventions
from daskscope.derive import quantity
from daskscope.derive.lanelayout import PINNED, LaneRow, RowKind, WorkerBlock
from daskscope.derive.lazy import Lazy
from daskscope.derive.members import BEYOND, INNER, LEVEL, LOOP, UNTOLD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from daskscope.derive.clocks import Skew
    from daskscope.derive.frames import Int32s
    from daskscope.derive.laneorder import LaneOrder
    from daskscope.derive.lanereadings import LaneReadings, Memory
    from daskscope.derive.members import Member, Roster
    from daskscope.session import Session
    from daskscope.store.schema import Attributes

#: Of rows that are no thread's.
_CAPTIONS: Final = {
    0: "lost",
    LEVEL: "async",
    LOOP: "async",
    INNER: "spans",
    BEYOND: "extra",
    UNTOLD: "other",
}
#: More of them have no room beside a row.
_MOST_NAMES: Final = 3
#: Longer names are cut in a tooltip.
_MOST_NAME: Final = 400


@dataclass(frozen=True, eq=False)
class Items:
    """Headers, workers and folded hosts from top to bottom.

    Attributes
    ----------
    kind
        uint8, by item: `HEADER` of a group, all of a `CLOSED` group in one row, the lanes of a
        `WORKER`, or those `FOLDED` into one row.
    ref
        int32, by item: number of the group, or index of the member in the roster.
    px
        int32, shape (2, number of items): top and height of each.
    first_row
        int32, by item and one more: number of its first row.
    pitch_px, height_px
        Height of a lane, and of everything.
    """

    HEADER: ClassVar[int] = 0
    CLOSED: ClassVar[int] = 1
    WORKER: ClassVar[int] = 2
    FOLDED: ClassVar[int] = 3

    roster: Roster
    order: LaneOrder
    session: Session
    kind: npt.NDArray[np.uint8]
    ref: Int32s
    px: Int32s
    first_row: Int32s
    pitch_px: int
    height_px: int

    @cached_property
    def item_of_row(self) -> Int32s:
        """int32, by row: the item that it belongs to."""
        return np.repeat(np.arange(len(self.kind), dtype=np.int32), np.diff(self.first_row))

    @cached_property
    def row_px(self) -> Int32s:
        """Top and height of each row, as in `LaneLayout`."""
        item = self.item_of_row
        within = np.arange(len(item), dtype=np.int32) - self.first_row[item]
        is_lane = self.kind[item] == self.WORKER
        tops_px = self.px[0, item] + within * np.int32(self.pitch_px)
        return np.stack([tops_px, np.where(is_lane, np.int32(self.pitch_px), self.px[1, item])])

    @cached_property
    def row_kinds(self) -> npt.NDArray[np.uint8]:
        """`RowKind` of each row."""
        of_kind = [RowKind.HOST, RowKind.DENSITY, RowKind.LANE, RowKind.DENSITY]
        kinds = np.array(of_kind, np.uint8)[self.kind[self.item_of_row]]
        crowded = self.row_of_lane[self.roster.is_crowd]
        crowded = crowded[crowded >= 0]
        kinds[crowded[kinds[crowded] == RowKind.LANE.value]] = RowKind.CROWD.value
        return kinds

    @cached_property
    def row_of_lane(self) -> Int32s:
        """int32, by lane id: its row, -1 where it has none."""
        roster, order = self.roster, self.order
        n_members = len(roster.members)
        first_row = np.full(n_members, -1, np.int32)
        is_open = np.zeros(n_members, np.bool_)
        row, kind = self.first_row[:-1], self.kind
        is_worker = kind >= self.WORKER
        first_row[self.ref[is_worker]] = row[is_worker]
        is_open[self.ref[kind == self.WORKER]] = True
        row_of_group = np.full(len(order.hosts), -1, np.int32)
        is_closed = kind == self.CLOSED
        row_of_group[self.ref[is_closed]] = row[is_closed]
        within = row_of_group[order.group]
        first_row[order.members[within >= 0]] = within[within >= 0]
        member = roster.member_of_lane
        found = first_row[member] + np.where(is_open[member], roster.row_of_lane, 0)
        is_drawn = (member >= 0) & (first_row[member] >= 0)
        # What may never have begun is no time of a folded worker.
        is_drawn &= is_open[member] | ~roster.is_waiting
        return np.where(is_drawn, found, -1).astype(np.int32)

    def group(self, number: int) -> list[Member]:
        """Members of a group, in order."""
        first, end = np.searchsorted(self.order.group, [number, number + 1])
        return [self.roster.members[i] for i in self.order.members[first:end].tolist()]


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What stands beside rows.

    Attributes
    ----------
    readings
        Of the workers.
    resources
        All of them, by id.
    clusters
        What tells clusters apart, by cluster; empty where there is but one.
    """

    readings: LaneReadings
    resources: Sequence[Attributes]
    clusters: Mapping[str, str]


class Rows(Lazy[LaneRow]):
    """The rows of a layout."""

    def __init__(self, items: Items, told: Told) -> None:
        super().__init__(len(items.item_of_row))
        self._items = items
        self._told = told

    def make(self, index: int) -> LaneRow:
        """One row."""
        items = self._items
        item = int(items.item_of_row[index])
        kind, ref = int(items.kind[item]), int(items.ref[item])
        top_px, height_px = (int(value) for value in items.row_px[:, index])
        if kind == Items.HEADER:
            return self._header(ref, top_px, height_px)
        if kind == Items.CLOSED:
            host, caption = items.order.hosts[ref], "busy share by prefix"
            return _density(items.group(ref), host, caption, top_px, height_px)
        member = items.roster.members[ref]
        if kind == Items.FOLDED:
            return _density([member], member.host, "", top_px, height_px)
        return _lane(member, index - int(items.first_row[item]), top_px, height_px)

    def _header(self, number: int, top_px: int, height_px: int) -> LaneRow:
        items = self._items
        host, members = items.order.hosts[number], items.group(number)
        where = members[-1].place
        title, caption = host, where.host
        if where.is_worker:
            cluster = self._told.clusters.get(where.cluster, "")
            title = where.host_name
            caption = quantity.DOT.join(text for text in (where.host_address, cluster) if text)
        if host == PINNED:
            title, caption = "Pinned", ""
        return LaneRow(
            RowKind.HOST,
            top_px,
            height_px,
            host,
            title=title,
            caption=caption,
            detail=self._detail(members),
            is_folded=host in items.session.collapsed_hosts,
            is_pinned=host in items.session.pinned,
        )

    def _detail(self, members: Sequence[Member]) -> str:
        """Numbers and busy share of what is still there: "2 workers · 8 threads · 98 % busy"."""
        here = [member for member in members if not member.gone_ns]
        n_rows = sum(member.n_lanes for member in here)
        if not members[0].place.is_worker:
            return quantity.plural(n_rows, "lane")
        if not here:
            return "gone"
        lanes = [lane for member in here for row in member.rows for lane in row]
        parts = [quantity.plural(len(here), "worker"), quantity.plural(n_rows, "thread")]
        if n_rows:
            busy = min(self._told.readings.busy_lanes(lanes) / n_rows, 1.0)
            parts.append(f"{quantity.share(busy)} busy")
        return quantity.DOT.join(parts)


def _density(
    members: Sequence[Member], host: str, caption: str, top_px: int, height_px: int
) -> LaneRow:
    names = [member.place.name for member in members]
    what = "worker" if members[0].place.is_worker else "service"
    return LaneRow(
        RowKind.DENSITY,
        top_px,
        height_px,
        host,
        title=", ".join(names) if len(names) <= _MOST_NAMES else quantity.plural(len(names), what),
        caption=caption,
        lanes=tuple(
            lane
            for member in members
            for thread, lanes in zip(member.threads, member.rows, strict=True)
            if thread != INNER
            for lane in lanes
        ),
        n_threads=sum(member.n_lanes for member in members),
    )


def _lane(member: Member, row: int, top_px: int, height_px: int) -> LaneRow:
    thread, lanes = 1, member.waiting
    if row < len(member.rows):
        thread, lanes = member.threads[row], member.rows[row]
    elif member.waiting:
        thread = 0
    is_crowd = row in member.crowds
    return LaneRow(
        RowKind.CROWD if is_crowd else RowKind.LANE,
        top_px,
        height_px,
        member.host,
        title=member.place.name,
        caption="more" if is_crowd else _CAPTIONS.get(thread, ""),
        thread=max(thread, 0),
        lanes=tuple(lanes),
        n_beside=member.n_lanes,
    )


class Blocks(Lazy[WorkerBlock]):
    """The labels of workers of a layout."""

    def __init__(self, items: Items, told: Told) -> None:
        self._item = np.flatnonzero(items.kind >= Items.WORKER)
        super().__init__(len(self._item))
        self._items = items
        self._told = told

    def make(self, index: int) -> WorkerBlock:
        """One label."""
        items = self._items
        item = int(self._item[index])
        member = items.roster.members[int(items.ref[item])]
        memory = self._memory(member)
        readings = self._told.readings
        skew = readings.skews.get(member.worker)
        cluster = self._told.clusters.get(member.place.cluster, "")
        top_px, height_px = (int(value) for value in items.px[:, item])
        return WorkerBlock(
            top_px,
            height_px,
            member.place.name,
            member.place.port,
            memory.shares,
            memory.text,
            memory.alarm,
            member.gone_ns,
            member.key,
            is_folded=int(items.kind[item]) == Items.FOLDED,
            is_pinned=member.key in items.session.pinned,
            has_line=item > 0 and int(items.kind[item - 1]) >= Items.WORKER,
            warning=_warning(member, memory, skew),
            tip=_tip(member, memory, skew, cluster),
            gaps_ns=member.away_ns(readings.added_ns),
        )

    def _memory(self, member: Member) -> Memory:
        told_bytes = 0.0
        for resource in member.resources:
            limit = self._told.resources[resource].get(conventions.WORKER_MEMORY_LIMIT)
            if isinstance(limit, int | float):
                told_bytes = float(limit)
        return self._told.readings.memory(member.resources, told_bytes)


def _warning(member: Member, memory: Memory, skew: Skew | None) -> str:
    """Of one that may hang first that; who has gone is silent anyway."""
    if memory.is_silent and not member.gone_ns:
        return "silent"
    return clock_text(skew) if skew is not None else ""


def clock_text(skew: Skew) -> str:
    """How wrong a clock is: "+12.0 ms" ahead, "−12.0 ms" behind."""
    text = quantity.duration(skew.ahead_ns)
    return text if skew.ahead_ns < 0 else f"+{text}"


def clock_tip(skew: Skew) -> str:
    """What is proven: who of both is wrong is not, where few differ from few."""
    about = quantity.duration(abs(skew.ahead_ns))
    way, how = "behind", "ended before they had begun"
    if skew.ahead_ns > 0:
        way, how = "ahead of", "began after they had ended"
    batches = quantity.plural(skew.n_batches, "transfer")
    others = quantity.plural(len(skew.others), "other worker")
    return f"Its clock is about {about} {way} that of {others}:\nby it, {batches} {how} there"


def _tip(member: Member, memory: Memory, skew: Skew | None, cluster: str) -> str:
    place = member.place
    kind = "Worker" if place.is_worker else "Service"
    lines = [f"{kind} {place.name[:_MOST_NAME]}", place.address[:_MOST_NAME]]
    if place.is_worker:
        threads = quantity.plural(member.n_lanes, "thread")
        lines.append(f"{threads} on {place.host_name[:_MOST_NAME]}")
    if cluster:
        lines.append(f"Cluster {cluster[:_MOST_NAME]}")
    if memory.text:
        lines.append(f"Memory {memory.text}")
    if member.gone_ns:
        lines.append(f"Removed at {quantity.clock(member.gone_ns, 1_000_000)}")
    elif memory.is_silent:
        lines.append("Nothing has been heard of it for a while")
    if skew is not None:
        lines.append(clock_tip(skew))
    return "\n".join(line for line in lines if line)
