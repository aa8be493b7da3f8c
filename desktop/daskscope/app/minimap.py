"""The whole run under the task stream's view, shown now and then; its brush at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daskscope.app.pace import Pace
from daskscope.derive.minimap import minimap, with_brush, with_found

if TYPE_CHECKING:
    from daskscope.app.tick import Tick
    from daskscope.app.window import Window
    from daskscope.derive.frames import Minimap
    from daskscope.derive.matches import Marks
    from daskscope.derive.members import Roster
    from daskscope.session import Viewport

PERIOD_S: Final = 1.0


class MinimapShow:
    """Shows the minimap of one window."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._whole: Minimap | None = None
        self._is_moved = False
        self._pace = Pace(PERIOD_S, PERIOD_S * 3 / 4)

    def hurry(self) -> None:
        """Show it anew at the next tick."""
        self._pace.hurry()

    def move(self) -> None:
        """Show at the next tick where in the run a gesture has led."""
        self._is_moved = True

    def show_brush(self, tick: Tick, view: Viewport) -> None:
        """Show where in the run a gesture has led; nothing where there was none."""
        if self._whole is None:
            self.hurry()
        elif self._is_moved:
            self._is_moved = False
            self._whole = with_brush(self._whole, tick.snapshot, view, tick.now_ns)
            self._window.timeline.show_minimap(self._whole, tick.session)

    def show(self, tick: Tick, view: Viewport, roster: Roster | None, marks: Marks) -> bool:
        """Show the whole run, if it is due; whether it was."""
        if not tick.is_due(self._pace):
            return False
        timeline, snapshot, now_ns = self._window.timeline, tick.snapshot, tick.now_ns
        n_threads = roster.n_threads if roster is not None else 0
        whole = minimap(snapshot, view, timeline.lanes_size_px[0], now_ns, n_threads)
        self._whole = with_found(whole, snapshot, marks, now_ns)
        timeline.show_minimap(self._whole, tick.session)
        return True
