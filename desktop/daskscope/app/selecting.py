"""Selecting a stretch of time and lanes in one window, by hand and by key."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from daskscope.app import gestures, selection_gestures
from daskscope.app.aim import aimed_px, aimed_target
from daskscope.derive.bands import lanes_of, lowest_row, with_row_below, without_lowest_row

if TYPE_CHECKING:
    from daskscope.app.run import Run

#: How far a key moves an edge.
EDGE_STEP_PX: Final = 8


class Selecting:
    """What is selected in one window."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def select(self, start_ns: int, end_ns: int, lanes: frozenset[int] | None) -> None:
        """Select a stretch of time and some lanes; a new selection shows its statistics once."""
        self._show_statistics()
        self._run.apply(selection_gestures.select, int(start_ns), int(end_ns), lanes)

    def clear(self) -> None:
        """Select and mark nothing."""
        self._run.apply(selection_gestures.clear)

    def view(self) -> None:
        """Select the time in view, of all lanes."""
        view = self._run.view
        if view is not None:
            self.select(view.start_ns, view.end_ns, None)

    def target(self) -> None:
        """Select the lanes of the worker or host that keys aim at."""
        target, frame = aimed_target(self._run), self._run.frame
        if target is not None and frame is not None:
            self._select_lanes(lanes_of(frame.layout, target.key, is_host=target.is_host))

    def move_edge(self, step: int, *, is_start: bool) -> None:
        """Move the start or the end to later (1) or earlier (-1)."""
        view = self._run.view
        if view is not None:
            self._show_statistics()
            change = partial(selection_gestures.move_edge, is_start=is_start)
            self._run.apply(change, view, step * EDGE_STEP_PX, aimed_px(self._run, view))

    def move_lowest(self, *, is_down: bool) -> None:
        """Select a row more below the selected ones, or one less.

        At first it is the row of the chosen task, or that under the pointer.
        """
        frame, lanes = self._run.frame, self._run.session.selection_lanes
        if frame is None:
            return
        if lanes is not None:
            change = with_row_below if is_down else without_lowest_row
            lanes = change(frame.layout, lanes)
        elif (row := self._run.lane_walk.row) is not None:
            lanes = with_row_below(frame.layout, frozenset(), row)
        if lanes:
            self._select_lanes(lanes)
            self._run.apply(gestures.reveal_row, frame, lowest_row(frame.layout, lanes))

    # Parts ----------------------------------------------------------------------------------

    def _select_lanes(self, lanes: frozenset[int]) -> None:
        """Select lanes in the time that is selected, or in view."""
        view = self._run.view
        if lanes and view is not None:
            within = self._run.session.selection_ns or (view.start_ns, view.end_ns)
            self.select(*within, lanes)

    def _show_statistics(self) -> None:
        if self._run.session.selection_ns is None:
            self._run.window.show_tab("statistics")
