"""Frames of the task stream: bars for what is wide enough to be seen, dense columns for the rest.

What a frame needs grows with pixels and with what is new, not with history: chunks outside the time
in view are not looked at, short spans come summed up from the chunks' pyramids, and following a
live cluster adds the new rows to what the last frame knew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from daskscope.derive.frames import (
    Bars,
    Dense,
    DensityColumns,
    RowKind,
    TaskStreamFrame,
)
from daskscope.derive.marks import event_marks
from daskscope.derive.picture import Picture, rowing, running_spans

if TYPE_CHECKING:
    import numpy.typing as npt

    from daskscope.derive.frames import LaneLayout
    from daskscope.derive.picture import Rowing, Spans
    from daskscope.session import Session, Viewport
    from daskscope.store.snapshot import Snapshot

#: Beyond this many columns from the view "now" is nowhere.
_FAR_PX = 1_000_000


class TaskStream:
    """Makes frames of one store, and keeps what the next one can use.

    A frame depends on the arguments alone; what is kept changes only how long it takes.
    """

    def __init__(self) -> None:
        self._picture: Picture | None = None

    def frame(
        self,
        snapshot: Snapshot,
        session: Session,
        layout: LaneLayout,
        view: Viewport,
        height_px: int,
        now_ns: int,
    ) -> TaskStreamFrame:
        """Everything that the task stream draws.

        Parameters
        ----------
        snapshot
            What is known.
        session
            For its scroll and hidden prefixes.
        layout
            All rows.
        view
            Stretch of time; to be fast while following, it moves by whole pixels.
        height_px
            Height of the visible part.
        now_ns
            Where running attempts end.
        """
        scroll_px = min(max(session.scroll_px, 0), max(layout.height_px - height_px, 0))
        rows = rowing(layout, len(snapshot.lanes), scroll_px, height_px)
        picture = self._picture
        if picture is None or not picture.reaches(snapshot, rows, view):
            picture = self._picture = Picture(rows, view, session.is_following)
        column = picture.show(snapshot, view)
        columns = slice(column, column + view.width_px)
        picture.raster.project(_hidden_slots(snapshot, session))
        running = running_spans(snapshot, rows, now_ns)
        return TaskStreamFrame(
            view=view,
            layout=layout,
            first_row=rows.first_row,
            last_row=rows.last_row,
            scroll_px=scroll_px,
            height_px=height_px,
            bars=_bars(snapshot, picture.wide(view.start_ns), running, layout, view),
            dense=_dense(picture, layout, rows, columns),
            densities=_densities(picture, layout, rows, columns, _in_px(running, view)),
            events=event_marks(snapshot, view),
            now_px=_now_px(snapshot, view, now_ns),
            n_spans_in_view=sum(
                chunk.n_overlapping(view.start_ns, view.end_ns) for chunk in snapshot.chunks
            ),
        )


def _now_px(snapshot: Snapshot, view: Viewport, now_ns: int) -> int:
    """Pixel of now; of a recording it is out of sight, for nothing more will come."""
    if not snapshot.status.is_live:
        return _FAR_PX
    return round(min(max(view.x_px(now_ns), -_FAR_PX), _FAR_PX))


def _hidden_slots(snapshot: Snapshot, session: Session) -> frozenset[int]:
    if not session.filter.hidden_prefixes:
        return frozenset()
    return frozenset(
        int(snapshot.slot_of[prefix])
        for prefix in snapshot.prefixes
        if snapshot.strings[prefix] in session.filter.hidden_prefixes
    )


def _bars(
    snapshot: Snapshot, wide: Spans, running: Spans, layout: LaneLayout, view: Viewport
) -> Bars:
    """Finished spans first, so that what runs lies above them."""
    is_lane = layout.kinds == RowKind.LANE
    spans = np.concatenate([wide, running[is_lane[running["row"]]]])
    x0_px = np.rint((spans["start_ns"] - view.start_ns) / view.ns_per_px)
    x1_px = np.rint((spans["end_ns"] - view.start_ns) / view.ns_per_px)
    x1_px = np.minimum(np.maximum(x1_px, x0_px + 1), view.width_px)
    seen = np.flatnonzero((x1_px > 0) & (x0_px < view.width_px))
    spans, x0_px, x1_px = spans[seen], x0_px[seen], x1_px[seen]
    first_number = snapshot.chunks[0].number if snapshot.chunks else 0
    chunk = np.ascontiguousarray(spans["chunk"])
    return Bars(
        row=np.ascontiguousarray(spans["row"]),
        x0_px=np.maximum(x0_px, 0).astype(np.int32),
        x1_px=x1_px.astype(np.int32),
        is_cut=x0_px < 0,
        slot=np.ascontiguousarray(spans["slot"]),
        kind=np.ascontiguousarray(spans["kind"]),
        state=np.ascontiguousarray(spans["state"]),
        name=np.ascontiguousarray(spans["name"]),
        chunk=np.where(chunk < 0, np.int32(-1), chunk - np.int32(first_number)),
        index=np.ascontiguousarray(spans["index"]),
    )


def _dense(picture: Picture, layout: LaneLayout, rows: Rowing, columns: slice) -> Dense:
    shape = (len(layout.rows), columns.stop - columns.start)
    visible = slice(rows.first_row, rows.last_row)
    raster = picture.raster
    # Only the visible rows are written, so that the others take no memory.
    dense = Dense(np.empty(shape, np.int16), np.empty(shape, np.uint8), np.empty(shape, np.uint8))
    dense.slot[visible] = raster.slot[:, columns]
    dense.busy[visible] = raster.busy[:, columns]
    dense.kind[visible] = raster.kind[:, columns]
    return dense


def _in_px(running: Spans, view: Viewport) -> npt.NDArray[np.int64]:
    """Columns of running attempts: int64, rows of first and end column, row, slot."""
    ends = [
        np.clip((running[name] - view.start_ns) / view.ns_per_px, 0, view.width_px)
        for name in ("start_ns", "end_ns")
    ]
    parts = [*(np.rint(end) for end in ends), running["row"], running["slot"]]
    return np.stack([part.astype(np.int64) for part in parts], axis=1)


def _densities(
    picture: Picture,
    layout: LaneLayout,
    rows: Rowing,
    columns: slice,
    running_px: npt.NDArray[np.int64],
) -> tuple[DensityColumns, ...]:
    """Stacks of all visible density rows, running attempts included."""
    result = []
    for i in np.flatnonzero(rows.is_density).tolist():
        index = rows.first_row + i
        slots = list(picture.raster.slots)
        sums, transfer = picture.raster.shares(i, columns)
        here = running_px[running_px[:, 2] == index].tolist()
        fresh = sorted({slot for _, _, _, slot in here} - set(slots))
        slots += fresh
        sums = np.concatenate([sums, np.zeros((len(fresh), sums.shape[1]), np.float32)])
        for first, end, _, slot in here:
            sums[slots.index(slot), first:end] += 1
        kept = np.flatnonzero(sums.any(axis=1))
        kept = kept[np.argsort([slots[j] for j in kept], kind="stable")]
        n_lanes = np.float32(max(layout.rows[index].n_threads, 1))
        share = sums[kept] / n_lanes
        # Tasks of a worker's own threads can overlap: the stack is never higher than the row.
        share /= np.maximum(share.sum(axis=0), 1)
        result.append(
            DensityColumns(
                index,
                tuple(slots[j] for j in kept.tolist()),
                share,
                np.minimum(transfer / n_lanes, 1),
            )
        )
    return tuple(result)
