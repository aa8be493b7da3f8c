"""The borders between timeline and docks: where they stand, and which has the keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from daskscope.theme import RIGHT_DOCK_LEAST_PX, RIGHT_DOCK_PX
from daskscope.views.border import Pair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QSize
    from PySide6.QtWidgets import QWidget

    from daskscope.app.window import Window
    from daskscope.theme import Theme

#: The lower dock's share of the window, and the progress panel's of the right dock.
WORKERS_SHARE: Final = 0.28
PROGRESS_SHARE: Final = 0.54


class Borders:
    """Three pairs of parts of one window, one in the other.

    Attributes
    ----------
    left, right
        The timeline over the lower dock; the docks of the right.
    all
        Both of them, side by side.
    is_arranged
        Somebody has shared the room: from then on sizes are the user's choice.
    """

    def __init__(self, window: Window) -> None:
        self._window = window
        upright, level = Qt.Orientation.Vertical, Qt.Orientation.Horizontal
        stream, low = window.timeline, window.workers_dock
        self.left = Pair(upright, stream, low, "Border of the lower dock")
        above, below = window.progress_dock, window.resources_dock
        self.right = Pair(upright, above, below, "Border between the right docks")
        self.right.setMinimumWidth(RIGHT_DOCK_LEAST_PX)
        self.all = Pair(level, self.left, self.right, "Border of the right docks")
        # Docks keep their width, and their share of the height of any window.
        self.all.setStretchFactor(0, 1)
        self.is_arranged = False
        #: Sizes of the right docks before one of them has borrowed the other's.
        self._right_px: list[int] = []
        #: What had the keyboard before the first border.
        self._before: QWidget | None = None
        for pair in self.pairs():
            pair.border.given_back.connect(self._give_back)

    def pairs(self) -> tuple[Pair, Pair, Pair]:
        """Left from right; timeline from the docks below; the docks of the right."""
        return self.all, self.left, self.right

    def sizes(self) -> tuple[tuple[int, ...], ...]:
        """Sizes of the parts of each pair, in pixels; what was borrowed is not told."""
        sizes = [pair.sizes() for pair in self.pairs()]
        sizes[-1] = self._right_px or sizes[-1]
        return tuple(map(tuple, sizes))

    def share(self, kept: Sequence[Sequence[int]], size: QSize) -> None:
        """Give all parts the sizes that are `kept`, as `sizes` has them; else the design's."""
        right_px = min(max(round(size.width() * 0.2625), RIGHT_DOCK_LEAST_PX), RIGHT_DOCK_PX)
        low_px = round(size.height() * WORKERS_SHARE)
        high_px = round(size.height() * PROGRESS_SHARE)
        shares = (
            [size.width() - right_px, right_px],
            [size.height() - low_px, low_px],
            [high_px, size.height() - high_px],
        )
        is_known = len(kept) == len(shares)
        for index, pair in enumerate(self.pairs()):
            # What was hidden had no size.
            is_whole = is_known and len(kept[index]) == 2 and min(kept[index]) > 0
            pair.setSizes(kept[index] if is_whole else shares[index])
        self.is_arranged = True

    def lend(self) -> None:
        """Give the upper dock of the right what the lower one can spare."""
        if self.is_arranged:
            self._right_px = self.right.sizes()
            self.right.setSizes([sum(self._right_px), 0])

    def take_back(self) -> None:
        """Let the docks of the right be as they were before `lend`."""
        if self._right_px:
            self.right.setSizes(self._right_px)
            self._right_px = []

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        for pair in self.pairs():
            pair.border.set_theme(theme)

    def step(self) -> None:
        """Give the keyboard to the next border that is shown; after the last one, give it back."""
        shown = [pair.border for pair in self.pairs() if pair.is_whole]
        focus = QApplication.focusWidget()
        at = next((at for at, border in enumerate(shown) if border is focus), -1)
        if at < 0:
            self._before = focus
        if at + 1 < len(shown):
            shown[at + 1].setFocus(Qt.FocusReason.ShortcutFocusReason)
        elif at >= 0:
            self._give_back()

    def _give_back(self) -> None:
        """Give the keyboard to what had it, or to the task stream if that is gone."""
        before, self._before = self._before, None
        if before is not None and isValid(before) and before.isVisible():
            before.setFocus(Qt.FocusReason.ShortcutFocusReason)
        else:
            self._window.focus_view("stream")
