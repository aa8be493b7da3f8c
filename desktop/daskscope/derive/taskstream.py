"""Frames of the task stream: bars for what is wide enough to be seen, dense columns for the rest.

What a frame needs grows with pixels and with what is new, not with history: chunks outside the time
in view are not looked at, short spans come summed up from the chunks' pyramids, and following a
live cluster adds the new rows to what the last frame knew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from daskscope.derive import quantity
from daskscope.derive.census import Census
from daskscope.derive.choice import EVERYTHING, Choice
from daskscope.derive.dimming import lit, marks_of
from daskscope.derive.frames import Bars, Dense, DensityColumns, Evicted, TaskStreamFrame
from daskscope.derive.looks import Looks
from daskscope.derive.marks import EventMarks
from daskscope.derive.matches import NO_MARKS, Mark
from daskscope.derive.rowing import rowing
from daskscope.derive.sieve import Sieves
from daskscope.derive.singles import joined, picked, running_spans
from daskscope.derive.steps import found_at, found_mark
from daskscope.predicate import NO_FILTER

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from daskscope.derive.lanelayout import LaneLayout
    from daskscope.derive.look import Look
    from daskscope.derive.matches import Marks
    from daskscope.derive.rowing import Rowing
    from daskscope.derive.singles import Spans
    from daskscope.session import Session, Viewport
    from daskscope.store.snapshot import Snapshot

    Edges = npt.NDArray[np.float64]

#: Beyond this many columns from the view "now" is nowhere.
_FAR_PX = 1_000_000
_LIT, _HIDDEN = np.uint8(Mark.LIT), np.uint8(Mark.HIDDEN)


def always() -> bool:
    """Go on until everything is done."""
    return True


class TaskStream:
    """Makes frames of one store, and keeps what the next one can use.

    A frame that `is_exact` depends on the arguments alone; what is kept changes only how long it
    takes. What takes longer than a tick is made over many, and until then the last exact frame's
    picture stands in for it, stretched to the new view.

    Parameters
    ----------
    may_go_on
        Asked after each millisecond's work; a frame that was cut short is not exact.
    """

    def __init__(self, may_go_on: Callable[[], bool] = always) -> None:
        self._shown = Looks(may_go_on)
        self._lit = Looks(may_go_on)
        self._marks = NO_MARKS
        self._sieves = Sieves(NO_FILTER)
        self._is_lit_first = False
        self._census = Census()
        self._events = EventMarks()
        self._rows_of: object = None
        self._rows: Rowing

    def mark(self, marks: Marks) -> None:
        """Let the next frames light and hide what `marks` says; a frame depends on it as well."""
        self._marks = marks

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
            For its scroll and filter.
        layout
            All rows.
        view
            Stretch of time; to be fast while it moves, it moves by whole pixels.
        height_px
            Height of the visible part.
        now_ns
            Where running attempts end.
        """
        scroll_px = min(max(session.scroll_px, 0), max(layout.height_px - height_px, 0))
        rows = self._rowing(layout, len(snapshot.lanes), scroll_px, height_px)
        # In turns, since the first may leave no time to the second.
        self._is_lit_first = not self._is_lit_first
        lit = self._lit_look(snapshot, rows, view) if self._is_lit_first else None
        shown = self._look(snapshot, session, rows, view)
        if not self._is_lit_first:
            lit = self._lit_look(snapshot, rows, view)
        running = running_spans(snapshot, rows, now_ns)
        running_marks = marks_of(snapshot, running, self._marks)
        is_lit, is_shown = running_marks == _LIT, running_marks != _HIDDEN
        found = found_at(snapshot, session.found)
        seen = range(rows.first_row, rows.last_row)
        return TaskStreamFrame(
            view=view,
            layout=layout,
            first_row=rows.first_row,
            last_row=rows.last_row,
            scroll_px=scroll_px,
            height_px=height_px,
            bars=_bars(snapshot, shown.wide, running, rows, view, self._marks),
            dense=_dense(shown, layout, rows),
            densities=_densities(shown, layout, rows, view, running, is_shown),
            lit=None if lit is None else _dense(lit, layout, rows),
            lit_densities=(
                () if lit is None else _densities(lit, layout, rows, view, running, is_lit)
            ),
            marks=self._marks,
            found=None if found is None else found_mark(found, layout, seen, view),
            events=self._events.of(snapshot, view, shown.failed),
            now_px=_now_px(snapshot, view, now_ns),
            count_in_view=self._census.counting(snapshot.chunks, view.start_ns, view.end_ns),
            is_exact=self._shown.is_exact and (lit is None or self._lit.is_exact),
            evicted=_evicted(snapshot, view),
        )

    def learn(self, snapshot: Snapshot) -> None:
        """Take in what is new, so that the next frame has less to do; nothing where much is chosen.

        With a filter it is not known yet which of the new spans are shown.
        """
        if self._sieves.meant == NO_FILTER:
            self._shown.learn(snapshot)

    def go_on(self) -> bool:
        """Work on what the last frame could not wait for, and on what lies beside its view.

        Returns
        -------
        bool
            Whether a frame with the same arguments would be exact now, and was not.
        """
        self._is_lit_first = not self._is_lit_first
        looks = (self._lit, self._shown) if self._is_lit_first else (self._shown, self._lit)
        are_new = [look.go_on() for look in looks]
        return any(are_new)

    def _rowing(self, layout: LaneLayout, n_lanes: int, top_px: int, height_px: int) -> Rowing:
        """The visible rows: the same object while nothing has moved them."""
        rows_of = layout, n_lanes, top_px, height_px
        if rows_of != self._rows_of:
            self._rows_of, self._rows = rows_of, rowing(layout, n_lanes, top_px, height_px)
        return self._rows

    def _look(self, snapshot: Snapshot, session: Session, rows: Rowing, view: Viewport) -> Look:
        """What the filter shows."""
        meant = session.filter
        if meant != self._sieves.meant:
            self._sieves = Sieves(meant)
        choice = EVERYTHING if meant == NO_FILTER else Choice(self._sieves.of(snapshot))
        return self._shown.look(snapshot, rows, view, choice, meant)

    def _lit_look(self, snapshot: Snapshot, rows: Rowing, view: Viewport) -> Look | None:
        """What is lit; None where nothing is dimmed."""
        marks = self._marks
        if not marks.is_lighting:
            self._lit.forget()
            return None
        return self._lit.look(snapshot, rows, view, Choice(marks=marks), marks.predicate)


def _now_px(snapshot: Snapshot, view: Viewport, now_ns: int) -> int:
    """Pixel of now; of a recording it is out of sight, for nothing more will come."""
    if not snapshot.status.is_live:
        return _FAR_PX
    return round(min(max(view.x_px(now_ns), -_FAR_PX), _FAR_PX))


def _evicted(snapshot: Snapshot, view: Viewport) -> Evicted | None:
    """From the start of the run to the end of what was evicted last, as far as it is in view."""
    if not snapshot.n_evicted:
        return None
    x0_px, x1_px = (
        round(min(max(view.x_px(time_ns), 0), view.width_px))
        for time_ns in (snapshot.first_ns, snapshot.evicted_ns)
    )
    if x0_px >= x1_px:
        return None
    short = f"{quantity.plural(snapshot.n_evicted, 'span')} evicted"
    return Evicted(x0_px, x1_px, f"{short}; see File, Open the earlier part", short)


def _bars(
    snapshot: Snapshot,
    wide: Spans,
    running: Spans,
    rows: Rowing,
    view: Viewport,
    marks: Marks,
) -> Bars:
    """Finished spans first, so that what runs lies above them."""
    is_in_lane = ~rows.is_density[running["row"] - rows.first_row]
    spans = joined(wide, running[is_in_lane])
    x0_px = np.rint((spans["start_ns"] - view.start_ns) / view.ns_per_px)
    x1_px = np.rint((spans["end_ns"] - view.start_ns) / view.ns_per_px)
    x1_px = np.minimum(np.maximum(x1_px, x0_px + 1), view.width_px)
    first_number = snapshot.chunks[0].number if snapshot.chunks else 0
    # The last picture may know spans that were evicted since.
    is_held = (spans["chunk"] >= first_number) | (spans["chunk"] < 0)
    is_seen = (x1_px > 0) & (x0_px < view.width_px) & is_held
    spans, x0_px, x1_px = _those(is_seen, spans, x0_px, x1_px)
    mark = marks_of(snapshot, spans, marks)
    is_drawn = mark != _HIDDEN
    spans, x0_px, x1_px = _those(is_drawn, spans, x0_px, x1_px)
    mark = mark[is_drawn]
    return Bars(
        row=np.ascontiguousarray(spans["row"]),
        x0_px=np.maximum(x0_px, 0).astype(np.int32),
        x1_px=x1_px.astype(np.int32),
        is_cut=x0_px < 0,
        slot=np.ascontiguousarray(spans["slot"]),
        kind=np.ascontiguousarray(spans["kind"]),
        state=np.ascontiguousarray(spans["state"]),
        name=np.ascontiguousarray(spans["name"]),
        chunk=np.ascontiguousarray(spans["chunk"]),
        index=np.ascontiguousarray(spans["index"]),
        is_lit=lit(mark, marks),
    )


def _those(
    are_meant: npt.NDArray[np.bool_], spans: Spans, x0_px: Edges, x1_px: Edges
) -> tuple[Spans, Edges, Edges]:
    """Those that are meant: these themselves if all are."""
    if are_meant.all():
        return spans, x0_px, x1_px
    at = np.flatnonzero(are_meant)
    return picked(spans, at), x0_px[at], x1_px[at]


def _dense(look: Look, layout: LaneLayout, rows: Rowing) -> Dense:
    if len(look.cells) == len(layout.rows):
        return Dense(look.cells)
    # Only the visible rows are written, so that the others take no memory.
    cells = np.empty((len(layout.rows), look.cells.shape[1]), np.uint32)
    cells[rows.first_row : rows.last_row] = look.cells
    return Dense(cells)


def _in_px(running: Spans, view: Viewport) -> npt.NDArray[np.int64]:
    """Columns of running attempts: int64, rows of first and end column, row, slot."""
    ends = [
        np.clip((running[name] - view.start_ns) / view.ns_per_px, 0, view.width_px)
        for name in ("start_ns", "end_ns")
    ]
    parts = [*(np.rint(end) for end in ends), running["row"], running["slot"]]
    return np.stack([part.astype(np.int64) for part in parts], axis=1)


def _densities(
    look: Look,
    layout: LaneLayout,
    rows: Rowing,
    view: Viewport,
    running: Spans,
    is_meant: npt.NDArray[np.bool_],
) -> tuple[DensityColumns, ...]:
    """Stacks of all visible density rows, those running attempts included that are meant."""
    if not look.stacks:
        return ()
    running_px = _in_px(running, view)[is_meant]
    result = []
    for i, stack in look.stacks.items():
        index = rows.first_row + i
        slots = list(stack.slots)
        here = running_px[running_px[:, 2] == index].tolist()
        fresh = sorted({slot for _, _, _, slot in here} - set(slots))
        slots += fresh
        width_px = len(stack.transfer)
        sums = np.concatenate([stack.share, np.zeros((len(fresh), width_px), np.float32)])
        for first, end, _, slot in here:
            sums[slots.index(slot), first:end] += 1
        kept = np.flatnonzero(sums.any(axis=1))
        kept = kept[np.argsort([slots[j] for j in kept], kind="stable")]
        n_lanes = np.float32(max(layout.rows[index].n_threads, 1))
        share = (sums[kept] / n_lanes).astype(np.float32, copy=False)
        # Tasks of a worker's own threads can overlap: the stack is never higher than the row.
        share /= np.maximum(share.sum(axis=0), 1)
        result.append(
            DensityColumns(
                index,
                tuple(slots[j] for j in kept.tolist()),
                share,
                np.minimum(stack.transfer / n_lanes, 1),
            )
        )
    return tuple(result)
