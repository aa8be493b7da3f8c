"""What lies under the pointer: one span with all that is known of it, or a summary of many."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.derive import quantity
from daskscope.derive.crowd import crowd
from daskscope.derive.frames import LEAST_BAR_PX, BarState, Hit
from daskscope.derive.isolation import isolated
from daskscope.derive.lanelayout import RowKind
from daskscope.derive.matches import Mark
from daskscope.derive.peers import peer
from daskscope.derive.place import place
from daskscope.derive.raster import NOTHING
from daskscope.session import Chosen
from daskscope.store.schema import Kind, Outcome, Status
from daskscope.store.snapshot import STILL, LaneKind

if TYPE_CHECKING:
    import numpy.typing as npt

    from daskscope.derive.frames import TaskStreamFrame
    from daskscope.derive.lanelayout import LaneRow
    from daskscope.session import Viewport
    from daskscope.store.chunk import Chunk
    from daskscope.store.snapshot import Snapshot

#: How far from a bar it is still meant.
REACH_PX: Final = 2
#: Columns on each side that a summary of short tasks covers.
_AROUND_PX: Final = 4
N_TOP_PREFIXES: Final = 3
#: Where the sub-lane begins, as a share of a lane's height; of low lanes it is the last two pixels.
_SUB_LANE_SHARE: Final = 0.7
_LEAST_SUB_LANE_PITCH_PX: Final = 12
_MS_NS: Final = 1_000_000
#: What is known of attempts that ran when their worker was last heard of.
SILENT: Final = "its worker is silent"


_ENDS: Final = {
    Outcome.FAILED: (BarState.ERRED, "erred"),
    Outcome.CANCELLED: (BarState.DROPPED, "cancelled"),
    Outcome.RESCHEDULED: (BarState.DROPPED, "rescheduled"),
    Outcome.LOST: (BarState.LOST, "lost with its worker"),
    Outcome.LOST_WAITING: (BarState.LOST, "lost, perhaps before it began"),
}


@dataclass(frozen=True, slots=True)
class _Spot:
    """A pixel of one row; `is_sub` in the row's sub-lane."""

    index: int
    row: LaneRow
    x_px: int
    is_sub: bool

    @property
    def is_summed(self) -> bool:
        """Whether nothing in the row is drawn by itself."""
        return self.row.kind is not RowKind.LANE


def hit(snapshot: Snapshot, frame: TaskStreamFrame, x_px: int, y_px: int) -> Hit | None:
    """What a frame shows at a pixel of its visible part, None where it shows nothing.

    `snapshot` is the one the frame was made of, or a later one of the same store.
    """
    spot = _spot(frame, x_px, y_px)
    if spot is None:
        return None
    if spot.is_summed:
        return _summary(snapshot, frame, spot, 0, x_px - _AROUND_PX, x_px + _AROUND_PX + 1)
    # What is meant is drawn there; else what is in the other part of the lane.
    for is_sub in (spot.is_sub, not spot.is_sub):
        part = _Spot(spot.index, spot.row, spot.x_px, is_sub)
        found = _bar(snapshot, frame, part) or _dense(snapshot, frame, part)
        if found is not None:
            return found
    return None


def _spot(frame: TaskStreamFrame, x_px: int, y_px: int) -> _Spot | None:
    if not (0 <= x_px < frame.view.width_px and 0 <= y_px < frame.height_px):
        return None
    stuck = frame.layout.stuck_header(frame.scroll_px)
    if stuck is not None and y_px < stuck[1] + frame.layout.header_px:
        return None
    y_px += frame.scroll_px
    pitch_px = frame.layout.pitch_px
    for index in range(frame.first_row, frame.last_row):
        row = frame.layout.rows[index]
        if row.kind is not RowKind.HOST and row.y_px <= y_px < row.y_px + row.height_px:
            is_low = pitch_px < _LEAST_SUB_LANE_PITCH_PX
            sub_top_px = pitch_px - 3 if is_low else round(pitch_px * _SUB_LANE_SHARE)
            return _Spot(index, row, x_px, y_px - row.y_px >= sub_top_px)
    return None


def _bar(snapshot: Snapshot, frame: TaskStreamFrame, spot: _Spot) -> Hit | None:
    """The nearest bar, of equal ones the one drawn last."""
    bars = frame.bars
    is_sub = (bars.kind >= Kind.TRANSFER.value) & (bars.kind <= Kind.DESERIALIZE.value)
    meant = np.flatnonzero((bars.row == spot.index) & (is_sub == spot.is_sub))
    if not len(meant):
        return None
    before = bars.x0_px[meant] - spot.x_px
    behind = spot.x_px - (bars.x1_px[meant] - 1)
    away = np.maximum(np.maximum(before, behind), 0)
    nearest = int(meant[len(away) - 1 - int(away[::-1].argmin())])
    if int(away.min()) > REACH_PX:
        return None
    x0_px, x1_px = int(bars.x0_px[nearest]), int(bars.x1_px[nearest])
    number, index = int(bars.chunk[nearest]), int(bars.index[nearest])
    if number < 0:
        return _running(snapshot, frame, spot, index, (x0_px, x1_px))
    chunk = snapshot.chunk(number)
    if chunk is None:
        return None
    found = _span(snapshot, frame, spot, (chunk, index), (x0_px, x1_px))
    beside = meant[(bars.x0_px[meant] <= spot.x_px) & (spot.x_px < bars.x1_px[meant])]
    is_crowd = spot.is_sub and len(beside) > 1
    return crowd(snapshot, frame, found, beside) if is_crowd else found


def _dense(snapshot: Snapshot, frame: TaskStreamFrame, spot: _Spot) -> Hit | None:
    """The run of short tasks around the pixel."""
    plane = frame.dense.kind if spot.is_sub else frame.dense.slot
    nothing = 0 if spot.is_sub else NOTHING
    line = plane[spot.index] != nothing
    width_px = len(line)
    first = max(spot.x_px - _AROUND_PX, 0)
    end = min(spot.x_px + _AROUND_PX + 1, width_px)
    at = [x for x in range(first, end) if line[x] and abs(x - spot.x_px) <= REACH_PX]
    if not at:
        return None
    middle = min(at, key=lambda x: abs(x - spot.x_px))
    while first < middle and not line[first:middle].all():
        first += 1
    while end > middle + 1 and not line[middle:end].all():
        end -= 1
    kind = int(frame.dense.kind[spot.index, middle]) if spot.is_sub else 0
    return _summary(snapshot, frame, spot, kind, first, end)


def _folded(
    chunk: Chunk, view: Viewport, spot: _Spot, from_ns: int, to_ns: int
) -> npt.NDArray[np.intp]:
    """Rows of a chunk that a row of the task stream has folded between two times."""
    rows: npt.NDArray[np.intp] = chunk.touching(from_ns, to_ns)
    rows = rows[np.isin(chunk.columns["lane"][rows], np.array(spot.row.lanes, np.uint32))]
    kinds = chunk.columns["kind"][rows].view(np.uint8)
    is_sub = (kinds >= Kind.TRANSFER.value) & (kinds <= Kind.DESERIALIZE.value)
    rows = rows[is_sub == (spot.is_sub and not spot.is_summed)]
    if spot.is_summed:
        return rows
    return rows[chunk.end_ns[rows] - chunk.start_ns[rows] < LEAST_BAR_PX * view.ns_per_px]


def _summary(
    snapshot: Snapshot, frame: TaskStreamFrame, spot: _Spot, kind: int, first: int, end: int
) -> Hit | None:
    """Number, busy share and commonest names of what is in some columns of a row."""
    view = frame.view
    first, end = max(first, 0), min(end, view.width_px)
    from_ns, to_ns = view.time_ns(first), view.time_ns(end)
    names: Counter[int] = Counter()
    n, n_lost, n_erred, n_lit, busy_ns, only = 0, 0, 0, 0, 0, None
    for chunk in snapshot.chunks:
        if chunk.t_max < from_ns or chunk.t_min >= to_ns:
            continue
        rows = _folded(chunk, frame.view, spot, from_ns, to_ns)
        if frame.marks is not None:
            marks = frame.marks.among(chunk.number, rows)
            rows = rows[marks != Mark.HIDDEN.value]
            n_lit += int(np.count_nonzero(marks == Mark.LIT.value))
        in_it_ns = np.minimum(chunk.end_ns[rows], to_ns) - np.maximum(chunk.start_ns[rows], from_ns)
        busy_ns += int(in_it_ns.sum())
        n += len(rows)
        is_lost = chunk.columns["outcome"][rows].view(np.uint8) >= Outcome.LOST.value
        n_lost += int(is_lost.sum())
        n_erred += int((~is_lost & (chunk.columns["status"][rows] == Status.ERROR.value)).sum())
        names.update(chunk.columns["name"][rows].tolist())
        if len(rows):
            only = chunk, int(rows[0])
    if only is None:
        return None
    if n == 1 and not spot.is_summed:
        return _span(snapshot, frame, spot, only, (first, end))
    top = names.most_common(N_TOP_PREFIXES)
    n_at_once = busy_ns / max(to_ns - from_ns, 1)
    busy = quantity.share(min(n_at_once / max(spot.row.n_threads, 1), 1.0))
    is_crowd = spot.row.kind is RowKind.CROWD
    fields = [
        ("At once", f"{n_at_once:,.1f} (mean)") if is_crowd else ("Busy", busy),
        ("Mean", quantity.duration(busy_ns / n)),
        ("Start", _when(snapshot, from_ns)),
        ("Worker", spot.row.title),
        *(
            (snapshot.strings[name], f"{quantity.count(count)}{quantity.THIN}×")
            for name, count in top
        ),
    ]
    fields += [
        (label, quantity.count(number))
        for label, number in (("Erred", n_erred), ("Lost", n_lost), ("Matches", n_lit))
        if number
    ]
    noun = "transfer" if kind == Kind.TRANSFER else "span" if kind else "task"
    return Hit(
        title=quantity.plural(n, noun),
        key="",
        slot=int(snapshot.slot_of[top[0][0]]),
        kind=kind,
        state=_state_of_all(n, n_erred, n_lost),
        fields=tuple(fields),
        x0_px=first,
        x1_px=end,
        row=spot.index,
    )


def _state_of_all(n: int, n_erred: int, n_lost: int) -> BarState:
    if n_lost == n:
        return BarState.LOST
    return BarState.ERRED if n_erred + n_lost == n else BarState.FINISHED


def _span(
    snapshot: Snapshot,
    frame: TaskStreamFrame,
    spot: _Spot,
    at: tuple[Chunk, int],
    frame_px: tuple[int, int],
) -> Hit:
    chunk, index = at
    value = {name: column[index].item() for name, column in chunk.columns.items()}
    kind = int(value["kind"])
    state, status = ending(value["outcome"], value["status"])
    lasted_ns = value["end_ns"] - value["start_ns"]
    fields = [
        ("Duration", quantity.duration(lasted_ns)),
        ("Start", _when(snapshot, value["start_ns"])),
        *_where(snapshot, spot, value["lane"]),
    ]
    if kind == Kind.TRANSFER and value["peer"]:
        fields.append(("From", _peer(snapshot, snapshot.strings[value["peer"]], value["lane"])))
    if value["nbytes"] >= 0:
        fields.append(
            ("Result" if kind == Kind.COMPUTE else "Bytes", quantity.nbytes(value["nbytes"]))
        )
        if kind == Kind.TRANSFER and lasted_ns > 0:
            fields.append(("Rate", quantity.byte_rate(value["nbytes"] * 1e9 / lasted_ns)))
    if snapshot.strings[value["type"]]:
        what = "For" if kind == Kind.TRANSFER else "Type"
        fields.append((what, snapshot.strings[value["type"]]))
    waits = _waits(value["wait_data_s"], value["wait_thread_s"])
    if waits:
        fields.append(("Waited", waits))
    fields.append(("Status", status))
    if snapshot.strings[value["error"]]:
        fields.append(("Error", snapshot.strings[value["error"]]))
    return Hit(
        title=snapshot.strings[value["name"]],
        key=chunk.keys[index],
        slot=int(snapshot.slot_of[value["name"]]),
        kind=kind,
        state=state,
        fields=tuple(fields),
        x0_px=frame_px[0],
        x1_px=frame_px[1],
        row=spot.index,
        chosen=Chosen(chunk.number, index, int(value["span_id"]), int(value["request"])),
    )


def ending(outcome: int, status: int) -> tuple[BarState, str]:
    """How an attempt ended, as it is drawn and in words."""
    if outcome in _ENDS:
        return _ENDS[Outcome(outcome)]
    is_erred = status == Status.ERROR.value
    return (BarState.ERRED, "erred") if is_erred else (BarState.FINISHED, "finished")


def _waits(data_s: float, thread_s: float) -> str:
    """How long an attempt waited on its worker; "" where that is not known."""
    parts = (("for data", data_s), ("for a thread", thread_s))
    return ", ".join(f"{quantity.seconds(s)} {what}" for what, s in parts if not math.isnan(s))


def _running(
    snapshot: Snapshot,
    frame: TaskStreamFrame,
    spot: _Spot,
    index: int,
    frame_px: tuple[int, int],
) -> Hit | None:
    found = snapshot.running.at(index)
    if found is None:
        return None
    running, i = found
    lane = int(running.lane[i])
    row_of_lane = frame.layout.row_of_lane
    if lane >= len(row_of_lane) or row_of_lane[lane] != spot.index:
        return None  # that attempt has ended since, and others have taken its place
    is_live = snapshot.status.is_live
    now_ns = frame.view.time_ns(frame.now_px) if is_live else snapshot.last_ns
    start_ns, name = int(running.start_ns[i]), int(running.name[i])
    heard_ns = int(snapshot.heard_until_ns[running.resource])
    is_silent = heard_ns != STILL
    lasted = quantity.duration(max(min(heard_ns, now_ns) - start_ns, 0))
    status = [("Status", "running")]
    if is_silent:
        status = [("Status", SILENT), ("Last heard", _when(snapshot, heard_ns))]
    return Hit(
        title=snapshot.strings[name],
        key=running.keys[i],
        slot=int(snapshot.slot_of[name]),
        kind=Kind.COMPUTE,
        state=BarState.LOST if is_silent else BarState.RUNNING,
        fields=(
            ("Duration", f"{lasted} {'at least' if is_silent else 'so far'}"),
            ("Start", _when(snapshot, start_ns)),
            *_where(snapshot, spot, lane),
            *status,
        ),
        x0_px=frame_px[0],
        x1_px=frame_px[1],
        row=spot.index,
        chosen=Chosen(resource=running.resource, run_id=int(running.run_id[i])),
    )


def _when(snapshot: Snapshot, time_ns: int) -> str:
    """Since the start of the run, and by the clock: "3:24.542  14:34:31.954"."""
    since = quantity.elapsed(time_ns - snapshot.first_ns, _MS_NS)
    return f"{since}  {quantity.clock(time_ns, _MS_NS)}"


def _where(snapshot: Snapshot, spot: _Spot, lane: int) -> list[tuple[str, str]]:
    """Worker and thread of a lane."""
    where = place(snapshot.resources[snapshot.lanes[lane].resource])
    if not where.is_worker:
        return [("Service", where.name)]
    row = spot.row
    address = where.address.rpartition("://")[2]
    name = where.name if where.name in ("", address) else f"{isolated(where.name)}  {address}"
    fields = [("Worker", name or address)]
    if snapshot.lanes[lane].kind is LaneKind.THREAD and row.thread:
        fields.append(("Thread", f"{row.thread} of {row.n_beside}"))
    return fields


def _peer(snapshot: Snapshot, address: str, lane: int) -> str:
    """Name of the worker at an address, and the address."""
    where, shown = (
        peer(snapshot, address, snapshot.lanes[lane].resource),
        address.rpartition("://")[2],
    )
    if where is None or where.name == shown:
        return shown
    return f"{isolated(where.name)}  {shown}"
