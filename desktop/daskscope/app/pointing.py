"""A time that is pointed at, in the task stream or in a chart, and shown in all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daskscope.app import gestures
from daskscope.app.pace import Pace

if TYPE_CHECKING:
    from daskscope.app.run import Run

#: A line that follows the pointer costs a part of each chart.
PERIOD_S: Final = 1 / 30


class Pointing:
    """The time under the pointer of one window, and gestures on its charts."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._pace = Pace(PERIOD_S)
        self._in_charts_ns: int | None = None
        charts = run.window.resources
        charts.pointed.connect(self._point)
        charts.zoomed.connect(self._zoom)
        charts.panned.connect(self._pan)
        charts.buttons.clicked.connect(self._link)

    def advance(self, now_s: float) -> None:
        """Show the time that is pointed at now."""
        run = self._run
        run.window.resources.buttons.setChecked(run.session.are_charts_linked)
        if not self._pace.is_due(now_s):
            return
        time_ns, hover_px = self._in_charts_ns, run.session.hover_px
        if time_ns is None and hover_px is not None and run.frame is not None:
            time_ns = run.frame.view.time_ns(hover_px[0])
        run.window.resources.point(time_ns)
        run.window.timeline.point(self._in_charts_ns)

    def _point(self, time_ns: int | None) -> None:
        self._in_charts_ns = time_ns
        self._run.rouse()

    def _zoom(self, share: float, factor: float) -> None:
        if self._run.session.are_charts_linked:
            self._run.with_view(gestures.zoom_share, share, factor)

    def _pan(self, share: float) -> None:
        if self._run.session.are_charts_linked:
            self._run.with_view(gestures.pan_share, share)

    def _link(self) -> None:
        run = self._run
        run.replace(are_charts_linked=not run.session.are_charts_linked)
