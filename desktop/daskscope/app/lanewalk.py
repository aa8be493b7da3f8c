"""Keys that choose a task: along its row, and up and down from row to row."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daskscope.app import gestures
from daskscope.derive import quantity
from daskscope.derive.details.subject import subject
from daskscope.derive.neighbours import Line, Neighbours
from daskscope.derive.sieve import Sieves
from daskscope.derive.steps import FIRST
from daskscope.paint.speech import announce
from daskscope.predicate import NO_FILTER

if TYPE_CHECKING:
    from daskscope.app.run import Run
    from daskscope.derive.steps import Order
    from daskscope.session import Chosen, Viewport


@dataclass(frozen=True, slots=True)
class _Stand:
    """Where keys go from.

    Attributes
    ----------
    row, at_ns
        Of the chosen span if it is in view, else of the pointer, else the middle of the view in the
        row of the chosen span, or in the first one. From row to row the time is kept to.
    line, order
        Where the chosen span lies, and as which of all; None where it is not in view, or there is
        none.
    met
        What a click at the pointer would choose, where keys go from there.
    """

    near: Neighbours
    view: Viewport
    row: int
    at_ns: int
    line: Line | None = None
    order: Order = FIRST
    met: Chosen | None = None

    def next(self, *, is_forward: bool) -> Chosen | None:
        """What comes next in the line, or before."""
        if self.line is None:
            return self._first()
        return self.near.next(self.line, self.order, is_forward=is_forward)

    def beside(self, *, is_down: bool) -> Chosen | None:
        """What is nearest in time in the next line that has anything in view."""
        if self.line is None:
            return self._first()
        lines = self._lines()
        at = bisect_right(lines, self.line) if is_down else bisect_left(lines, self.line) - 1
        return self._nearest(lines[at]) if 0 <= at < len(lines) else None

    def _first(self) -> Chosen | None:
        """What is met, or nearest in the row, or in the first one below with anything in view."""
        if self.met is not None:
            return self.met
        lines = self._lines()
        at = min(bisect_left(lines, Line(self.row, is_sub=False)), len(lines) - 1)
        return self._nearest(lines[at]) if lines else None

    def _lines(self) -> list[Line]:
        return self.near.lines(self.view.start_ns, self.view.end_ns)

    def _nearest(self, line: Line) -> Chosen | None:
        return self.near.nearest(line, self.at_ns, self.view.start_ns, self.view.end_ns)


class LaneWalk:
    """Goes from task to task over the lanes of one window.

    At first keys choose the task at the pointer, or the one nearest to it, or to the middle of the
    view where the pointer is elsewhere; so they do, in its row, when what is chosen has gone out of
    view.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._sieves = Sieves(NO_FILTER)
        #: What keys came to from another row, and the time that they keep to.
        self._kept: tuple[Chosen, int] | None = None

    @property
    def row(self) -> int | None:
        """The row that keys go from, None where nothing is drawn."""
        stand = self._stand()
        return stand.row if stand is not None else None

    def along(self, *, is_forward: bool) -> None:
        """Choose the next task of the row, or the one before."""
        stand = self._stand()
        if stand is not None:
            self._choose(stand.next(is_forward=is_forward))

    def across(self, *, is_down: bool) -> None:
        """Choose the task of the row below, or above, that is nearest in time."""
        stand = self._stand()
        if stand is not None:
            found = stand.beside(is_down=is_down)
            self._choose(found)
            self._kept = (found, stand.at_ns) if found is not None else self._kept

    # Parts ----------------------------------------------------------------------------------

    def _stand(self) -> _Stand | None:
        run, frame, view = self._run, self._run.frame, self._run.view
        if frame is None or view is None:
            return None
        if self._sieves.meant != run.session.filter:
            self._sieves = Sieves(run.session.filter)
        sieve = self._sieves.of(run.snapshot)
        near = Neighbours(run.snapshot, sieve, frame.layout, run.extent().last_ns)
        scroll_px = gestures.scrolled_px(run.session, frame)
        rows = frame.layout.rows_within(scroll_px, frame.height_px)
        chosen, found = run.session.chosen, run.choosing.held
        line = near.line(found.lane, found.kind) if found is not None and found.lane >= 0 else None
        if chosen is None or found is None or line is None or line.row not in rows:
            return self._elsewhere(near, view, rows.start, scroll_px)
        if found.start_ns >= view.end_ns or found.known_until_ns(near.now_ns) < view.start_ns:
            return self._elsewhere(near, view, line.row, scroll_px)
        at_ns = max(found.start_ns, view.start_ns)
        if self._kept is not None and self._kept[0] == chosen:
            at_ns = self._kept[1]
        return _Stand(near, view, line.row, at_ns, line, near.order(chosen, found.start_ns))

    def _elsewhere(self, near: Neighbours, view: Viewport, row: int, scroll_px: int) -> _Stand:
        """At the pointer, else in the middle of the view in `row`."""
        if self._run.session.hover_px is None:
            return _Stand(near, view, row, view.time_ns(view.width_px / 2))
        x_px, y_px = self._run.session.hover_px
        rows = near.layout.rows_within(scroll_px + y_px, 1)
        hit = self._run.hit(x_px, y_px)
        met = hit.chosen if hit is not None else None
        return _Stand(near, view, rows.start if rows else row, view.time_ns(x_px), met=met)

    def _choose(self, chosen: Chosen | None) -> None:
        run = self._run
        found = subject(run.snapshot, chosen) if chosen is not None else None
        if chosen is None or found is None:
            return
        run.choosing.choose(chosen)
        lasted = quantity.duration(found.lasted_ns) if found.end_ns else ""
        words = found.name, found.status_text, lasted, found.worker
        announce(run.window.timeline.stream, ", ".join(word for word in words if word))
