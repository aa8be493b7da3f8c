"""What of the bars of a frame lies over its pixels, and is painted anew where it looks other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np

from daskscope.paint.font import Role, text_width
from daskscope.views.timeline.lanes import LABEL_PADDING_PX, BarShapes, Label, bar_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt
    from PySide6.QtCore import QRect
    from PySide6.QtGui import QRegion

    from daskscope.derive.frames import TaskStreamFrame

    Numbers = npt.NDArray[np.intp]
    Stretch = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class OverPixels:
    """What of the bars of a frame lies over its pixels.

    Attributes
    ----------
    shapes
        Of all bars.
    others
        Numbers of those that are not plain.
    labels
        Of all bars that have room for one.
    """

    shapes: BarShapes
    others: Numbers
    labels: tuple[Label, ...]

    def looks_like(self, other: OverPixels | None) -> bool:
        """Whether it looks the same where no bar is dimmed."""
        if other is None or self.labels != other.labels:
            return False
        return all(map(np.array_equal, self._looks(), other._looks()))

    def within(self, parts: Sequence[Stretch]) -> tuple[Numbers, list[Label]]:
        """Others and labels that reach into some parts, each from one column to before another."""
        left, right = self.shapes.rects[self.others][:, ::2].T
        is_within = np.zeros(len(self.others), np.bool_)
        for first, end in parts:
            is_within |= (left < end) & (right >= first)
        labels = [label for label in self.labels if _reaches(label, parts)]
        return self.others[is_within], labels

    def _looks(self) -> tuple[npt.NDArray[np.generic], ...]:
        shapes = self.shapes
        looks = shapes.fill, shapes.rects, shapes.slot, shapes.is_narrow
        return tuple(look[self.others] for look in looks)


def columns(region: QRegion) -> list[Stretch]:
    """First and end column of the parts of a region."""
    boxes = cast("Iterable[QRect]", region)
    return [(box.left(), box.right() + 1) for box in boxes]


def _reaches(label: Label, parts: Sequence[Stretch]) -> bool:
    """Whether a label reaches into one of some parts, with the ground that is cleared for it."""
    left = label.left_px - LABEL_PADDING_PX
    right = label.left_px + label.width_px + LABEL_PADDING_PX
    return any(left < end and right > first for first, end in parts)


def over_pixels(
    frame: TaskStreamFrame, shapes: BarShapes, others: Numbers, names: Sequence[str]
) -> OverPixels:
    """What lies over the pixels of a frame, of whose bars `others` are not plain.

    `names` are texts by string id.
    """
    labels = bar_labels(frame.bars, shapes, names, partial(text_width, Role.LABEL))
    return OverPixels(shapes, others, tuple(labels))
