"""What lies over the pixels of a frame, and is painted anew where it looks other."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar, cast

import numpy as np

from daskscope.paint.font import Role, text_width
from daskscope.views.timeline.lanes import LABEL_PADDING_PX, BarShapes, Label, bar_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt
    from PySide6.QtCore import QRect
    from PySide6.QtGui import QRegion

    from daskscope.derive.frames import Int32s, TaskStreamFrame

    Numbers = npt.NDArray[np.intp]
    Stretch = tuple[int, int]

#: What lies no further apart is painted together.
_NEAR_PX: Final = 48
T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class OverPixels:
    """What lies over the pixels of a frame: such bars as are none of them, labels, lines.

    Attributes
    ----------
    shapes
        Of all bars.
    others
        Numbers of those that are not plain.
    labels
        Of all bars that have room for one.
    lines
        Of events: pixel, and whether a graph was submitted there.
    """

    shapes: BarShapes
    others: Numbers
    labels: tuple[Label, ...]
    lines: tuple[tuple[int, bool], ...]

    def differs(self, before: OverPixels) -> list[Stretch]:
        """First and end columns of what was not there before or is no more, where none is dimmed.

        What lies near each other comes together.
        """
        parts = _differing_bars(self._looks(), before._looks())
        parts += [_stretch(label) for label in _differing(self.labels, before.labels)]
        parts += [(x_px - 1, x_px + 2) for x_px, _ in _differing(self.lines, before.lines)]
        return _joined(parts)

    def within(self, parts: Sequence[Stretch]) -> tuple[Numbers, list[Label]]:
        """Others and labels that reach into some parts, each from one column to before another."""
        left, right = self.shapes.rects[self.others][:, ::2].T
        is_within = np.zeros(len(self.others), np.bool_)
        for first, end in parts:
            is_within |= (left < end) & (right >= first)
        labels = [label for label in self.labels if _reaches(label, parts)]
        return self.others[is_within], labels

    def _looks(self) -> Int32s:
        """A row for each of the others, that begins with its left and its right pixel."""
        shapes = self.shapes
        looks = *shapes.rects[:, (0, 2, 1, 3)].T, shapes.fill, shapes.slot, shapes.is_narrow
        return np.stack([look[self.others] for look in looks], axis=1, dtype=np.int32)


def _differing_bars(looks: Int32s, before: Int32s) -> list[Stretch]:
    """Stretches of those rows that are not in both, so many times."""
    if np.array_equal(looks, before):
        return []
    rows, which = np.unique(np.concatenate([looks, before]), axis=0, return_inverse=True)
    n_now, n_before = (
        np.bincount(part, minlength=len(rows)) for part in np.split(which, [len(looks)])
    )
    differing = rows[n_now != n_before]
    return list(zip(differing[:, 0].tolist(), (differing[:, 1] + 1).tolist(), strict=True))


def _differing(things: tuple[T, ...], before: tuple[T, ...]) -> Iterable[T]:
    """Those that are not in both, so many times."""
    if things == before:
        return ()
    n_now, n_before = Counter(things), Counter(before)
    return ((n_now - n_before) + (n_before - n_now)).keys()


def _joined(parts: Iterable[Stretch]) -> list[Stretch]:
    """Stretches of which no two are near each other."""
    result: list[Stretch] = []
    for first, end in sorted(parts):
        if result and first <= result[-1][1] + _NEAR_PX:
            result[-1] = result[-1][0], max(result[-1][1], end)
        else:
            result.append((first, end))
    return result


def columns(region: QRegion) -> list[Stretch]:
    """First and end column of the parts of a region."""
    boxes = cast("Iterable[QRect]", region)
    return [(box.left(), box.right() + 1) for box in boxes]


def _reaches(label: Label, parts: Sequence[Stretch]) -> bool:
    """Whether a label reaches into one of some parts."""
    left, right = _stretch(label)
    return any(left < end and right > first for first, end in parts)


def _stretch(label: Label) -> Stretch:
    """First and end column of a label, with the ground that is cleared for it."""
    return label.left_px - LABEL_PADDING_PX, label.left_px + label.width_px + LABEL_PADDING_PX


def over_pixels(
    frame: TaskStreamFrame, shapes: BarShapes, others: Numbers, names: Sequence[str]
) -> OverPixels:
    """What lies over the pixels of a frame, of whose bars `others` are not plain.

    `names` are texts by string id.
    """
    labels = bar_labels(frame.bars, shapes, names, partial(text_width, Role.LABEL))
    lines = ((event.x_px, event.sign == "graph") for event in frame.events if event.has_line)
    return OverPixels(shapes, others, tuple(labels), tuple(lines))
