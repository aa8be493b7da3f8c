"""The layout of the task stream: rows of hosts, workers and threads from top to bottom.

Few lanes are drawn roomy. Else they are as high as the density says while the rows fill at most
`MOST_SCREENS` heights of the view; of larger clusters they are lower, in steps, so that few changes
of size move them. From where even the lowest lanes need too much, each worker is one density row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from dask_otel import conventions
from daskscope.derive import quantity
from daskscope.derive.frames import LaneLayout, LaneRow, RowKind, WorkerBlock
from daskscope.derive.roster import Member, roster
from daskscope.derive.workers import Sample, alarm, worker_samples
from daskscope.store.schema import Kind
from daskscope.theme import COMFORTABLE, COMPACT, NORMAL, WORKER_GAP_PX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from daskscope.session import Session
    from daskscope.store.snapshot import Snapshot

MOST_SCREENS: Final = 3
#: Heights of lanes, after that of the density: from 12 px on the sub-lane has room of its own.
LOWER_PITCHES_PX: Final = (COMPACT.pitch_px, 12, 8, 6)
#: A lane's share of its worker's density row, once the lowest lanes do not fit either.
FOLDED_PITCH_PX: Final = 3
#: The name of a worker needs this height.
LEAST_BLOCK_PX: Final = 14
#: Busy shares are means over so much time.
BUSY_SPAN_NS: Final = 2_000_000_000
_DOT: Final = f"{quantity.THIN}·{quantity.THIN}"


def lane_layout(snapshot: Snapshot, session: Session, height_px: int) -> LaneLayout:
    """All rows, for lanes that are seen through `height_px` pixels."""
    hosts = roster(snapshot)
    pitch_px = _pitch(hosts, session, height_px)
    page = _Page(session, pitch_px, _busy_lanes(snapshot), _memory_of(snapshot))
    for host, members in hosts.items():
        page.add_host(host, members)
    row_of_lane = np.full(len(snapshot.lanes), -1, np.int32)
    for index, row in enumerate(page.rows):
        row_of_lane[list(row.lanes)] = index
    members = [member for group in hosts.values() for member in group]
    return LaneLayout(
        rows=tuple(page.rows),
        workers=tuple(page.blocks),
        row_of_lane=row_of_lane,
        height_px=page.y_px,
        pitch_px=pitch_px,
        n_hosts=len(hosts),
        n_workers=len(members),
        n_lanes=sum(member.n_lanes for member in members),
    )


def _pitch(hosts: Mapping[str, Sequence[Member]], session: Session, height_px: int) -> int:
    density = session.density
    shown = [
        [max(member.n_rows, 1) for member in members]
        for host, members in hosts.items()
        if host not in session.collapsed_hosts
    ]
    n_folded = len(hosts) - len(shown)
    fixed_px = len(hosts) * density.host_header_px + n_folded * density.density_row_px
    pitches = [density.pitch_px, *(p for p in LOWER_PITCHES_PX if p < density.pitch_px)]

    def needed_px(pitch_px: int) -> int:
        blocks = (n_rows for group in shown for n_rows in group)
        heights = (max(n_rows * pitch_px, LEAST_BLOCK_PX) + WORKER_GAP_PX for n_rows in blocks)
        return fixed_px + sum(heights)

    if density == NORMAL and needed_px(COMFORTABLE.pitch_px) <= height_px:
        return COMFORTABLE.pitch_px
    for pitch_px in pitches:
        if needed_px(pitch_px) <= MOST_SCREENS * height_px:
            return pitch_px
    lowest_px = sum(n_rows * pitches[-1] for group in shown for n_rows in group)
    # A page of threads is worth more than a line of workers, until there are dozens of pages.
    return pitches[-1] if lowest_px <= 4 * MOST_SCREENS * height_px else FOLDED_PITCH_PX


@dataclass(frozen=True, slots=True)
class _Memory:
    shares: tuple[float, float, float, float]
    text: str
    alarm: int


_NO_MEMORY: Final = _Memory((0.0, 0.0, 0.0, 0.0), "", 0)


class _Page:
    """Rows as they are added from top to bottom."""

    def __init__(
        self,
        session: Session,
        pitch_px: int,
        busy: npt.NDArray[np.float64],
        memory_of: Mapping[str, _Memory],
    ) -> None:
        self.rows: list[LaneRow] = []
        self.blocks: list[WorkerBlock] = []
        self.y_px = 0
        self._session = session
        self._pitch_px = pitch_px
        self._busy = busy
        self._memory_of = memory_of

    def add_host(self, host: str, members: Sequence[Member]) -> None:
        """A header, and below it the lanes of each worker, or one row for all of them."""
        density = self._session.density
        is_folded = host in self._session.collapsed_hosts
        where = members[-1].place
        header = LaneRow(
            RowKind.HOST,
            self.y_px,
            density.host_header_px,
            host,
            title=host,
            caption=where.host_address if where.is_worker else where.host,
            detail=self._detail(members),
            is_folded=is_folded,
        )
        self._add(header, density.host_header_px)
        if is_folded:
            self._add_density(host, members, density.density_row_px)
            return
        for member in members:
            self._add_member(host, member)

    def _add(self, row: LaneRow, height_px: int) -> None:
        self.rows.append(row)
        self.y_px += height_px

    def _add_density(self, host: str, members: Sequence[Member], height_px: int) -> None:
        rows = [lanes for member in members for lanes in member.rows]
        row = LaneRow(
            RowKind.DENSITY,
            self.y_px,
            height_px,
            host,
            title=", ".join(member.place.name for member in members),
            caption="busy share by prefix",
            lanes=tuple(lane for lanes in rows for lane in lanes),
            n_threads=sum(member.n_lanes for member in members),
        )
        self._add(row, height_px)

    def _add_member(self, host: str, member: Member) -> None:
        height_px = max(max(member.n_rows, 1) * self._pitch_px, LEAST_BLOCK_PX)
        # Half of the gap on each side: lanes touch neither header nor the line between workers.
        self.y_px += WORKER_GAP_PX // 2
        if self._pitch_px == FOLDED_PITCH_PX:
            self._add_density(host, [member], height_px)
            self.y_px += WORKER_GAP_PX // 2
            return
        top_px = self.y_px
        rows = list(zip(member.threads, member.rows, strict=True)) or [(1, [])]
        if member.waiting:
            rows.append((0, member.waiting))
        for thread, lanes in rows:
            lane = LaneRow(
                RowKind.LANE,
                self.y_px,
                self._pitch_px,
                host,
                title=member.place.name,
                caption="" if thread else "lost",
                thread=thread,
                lanes=tuple(lanes),
            )
            self._add(lane, self._pitch_px)
        self.y_px = top_px + height_px + WORKER_GAP_PX // 2
        memory = self._memory_of.get(member.place.address, _NO_MEMORY)
        self.blocks.append(
            WorkerBlock(
                top_px,
                height_px,
                member.place.name,
                member.place.port,
                memory.shares,
                memory.text,
                memory.alarm,
                member.gone_ns,
            )
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
            parts.append(f"{quantity.share(min(self._busy[lanes].sum() / n_rows, 1.0))} busy")
        return _DOT.join(parts)


def _busy_lanes(snapshot: Snapshot) -> npt.NDArray[np.float64]:
    """Share of the last `BUSY_SPAN_NS` that each lane spent computing."""
    to_ns = snapshot.last_ns
    from_ns = to_ns - BUSY_SPAN_NS
    busy_ns = np.zeros(len(snapshot.lanes))
    for chunk in snapshot.chunks:
        if chunk.t_max < from_ns:
            continue
        # What began earlier and still counts lasts at least from then on.
        for found in (chunk.starting(from_ns, to_ns), chunk.begun(from_ns)):
            rows = found[chunk.columns["kind"][found] == Kind.COMPUTE]
            in_it_ns = chunk.end_ns[rows] - np.maximum(chunk.start_ns[rows], from_ns)
            np.add.at(busy_ns, chunk.columns["lane"][rows], in_it_ns.astype(np.float64))
    for running in snapshot.running.values():
        in_it_ns = to_ns - np.maximum(running.start_ns, from_ns)
        np.add.at(busy_ns, running.lane, np.maximum(in_it_ns, 0).astype(np.float64))
    return np.minimum(busy_ns / BUSY_SPAN_NS, 1.0)


def _memory_of(snapshot: Snapshot) -> dict[str, _Memory]:
    """Memory of each worker by its address."""
    metrics = (conventions.WORKER_MEMORY, conventions.WORKER_LIMIT, conventions.WORKER_STATUS)
    samples = worker_samples(snapshot, snapshot.last_ns, metrics)
    return {sample.place.address: _memory(sample) for sample in samples}


def _memory(sample: Sample) -> _Memory:
    limit_bytes, used_bytes = sample.value("limit"), sample.process_bytes
    parts = [sample.values.get(name, 0.0) for name in ("managed", "old", "recent", "spilled")]
    whole = limit_bytes if limit_bytes > 0 else max(used_bytes, 1.0)
    managed, old, recent, spilled = (part / whole for part in parts)
    return _Memory(
        (managed, old, recent, spilled),
        quantity.nbytes(used_bytes),
        alarm(used_bytes, limit_bytes, is_paused=sample.is_paused),
    )
