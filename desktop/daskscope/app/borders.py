"""The borders between timeline and docks: where they stand, and what details borrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QSplitter, QWidget

from daskscope.theme import RIGHT_DOCK_LEAST_PX, RIGHT_DOCK_PX

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The lower dock's share of the window, and the progress panel's of the right dock.
WORKERS_SHARE: Final = 0.28
PROGRESS_SHARE: Final = 0.54
BORDER_PX: Final = 1


class Borders:
    """Three splitters of one window, one in the other.

    Attributes
    ----------
    left, right
        The timeline over the lower dock; the docks of the right.
    all
        Both of them, side by side.
    is_arranged
        Somebody has shared the room: from then on sizes are the user's choice.
    """

    def __init__(self, left: tuple[QWidget, QWidget], right: tuple[QWidget, QWidget]) -> None:
        self.left = _splitter(Qt.Orientation.Vertical, *left)
        self.right = _splitter(Qt.Orientation.Vertical, *right)
        self.right.setMinimumWidth(RIGHT_DOCK_LEAST_PX)
        self.all = _splitter(Qt.Orientation.Horizontal, self.left, self.right)
        # Docks keep their width, and their share of the height of any window.
        self.all.setStretchFactor(0, 1)
        self.is_arranged = False
        #: Sizes of the right docks before one of them has borrowed the other's.
        self._right_px: list[int] = []

    def splitters(self) -> tuple[QSplitter, QSplitter, QSplitter]:
        """Left from right; timeline from the docks below; the docks of the right."""
        return self.all, self.left, self.right

    def sizes(self) -> tuple[tuple[int, ...], ...]:
        """Sizes of the parts of each splitter, in pixels; what was borrowed is not told."""
        sizes = [splitter.sizes() for splitter in self.splitters()]
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
        for index, splitter in enumerate(self.splitters()):
            # What was hidden had no size.
            is_whole = is_known and len(kept[index]) == 2 and min(kept[index]) > 0
            splitter.setSizes(kept[index] if is_whole else shares[index])
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


def _splitter(orientation: Qt.Orientation, *parts: QWidget) -> QSplitter:
    splitter = QSplitter(orientation)
    splitter.setHandleWidth(BORDER_PX)
    splitter.setChildrenCollapsible(False)
    for part in parts:
        splitter.addWidget(part)
    return splitter
