"""Where the chosen span and its relatives lie in the task stream, and the ways of arrows.

An arrow leaves the end of a bar, runs in the gap under a lane, crosses lanes on one upright shared
by all arrows of its direction, and comes to the beginning of a bar. So it crosses no label but
those at the upright. Of many relatives each worker has one arrow: from what ended last of what the
span waited for, to what began first of what waited for it.

Relatives are columns, made when some become known; a frame places them all at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.derive.lanelayout import RowKind
from daskscope.store.schema import SUB_KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from daskscope.derive.details.known import Known
    from daskscope.derive.details.subject import Subject
    from daskscope.derive.frames import Int32s, TaskStreamFrame

#: Beyond so many in a direction each worker has one.
MOST_ARROWS: Final = 8
#: Workers that have one at most.
MOST_WORKERS: Final = 8
#: From a bar to the upright.
STEM_PX: Final = 9
#: So far beyond the lanes a line goes at most.
_FAR_PX: Final = 64


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle around a bar: columns `x0_px` up to `x1_px` of a row of the layout."""

    row: int
    x0_px: int
    x1_px: int
    is_sub: bool = False


@dataclass(frozen=True, slots=True)
class Arrow:
    """One way from bar to bar.

    Attributes
    ----------
    source_row, target_row
        Rows of the layout.
    source_px, target_px
        End of one bar and beginning of the other.
    trunk_px
        Where it crosses lanes.
    is_in
        It comes from what the span depends on.
    """

    source_row: int
    source_px: int
    target_row: int
    target_px: int
    trunk_px: int
    is_in: bool


@dataclass(frozen=True, slots=True)
class Ties:
    """What is drawn over the bars for the chosen span.

    Attributes
    ----------
    chosen
        None where its lane has no row.
    related
        int32, shape (n, 4): row of the layout, first column, column after the last, whether it lies
        in the sub-lane; of all relatives in view.
    more_in, more_out
        Relatives that have no arrow of their own.
    """

    chosen: Frame | None
    related: Int32s
    arrows: tuple[Arrow, ...] = ()
    more_in: int = 0
    more_out: int = 0


class Relatives:
    """Columns of some spans, those whose arrows matter most first."""

    def __init__(self, subjects: Sequence[Subject]) -> None:
        workers: dict[object, int] = {}
        self._lane = np.array([one.lane for one in subjects], np.int64)
        self._start_ns = np.array([one.start_ns for one in subjects], np.int64)
        self._end_ns = np.array([one.end_ns or one.heard_ns for one in subjects], np.int64)
        self._is_sub = np.array([one.kind in SUB_KINDS for one in subjects], np.bool_)
        self._worker = np.array(
            [workers.setdefault(one.address or one.lane, len(workers)) for one in subjects],
            np.int64,
        )

    def placed(self, frame: TaskStreamFrame, now_ns: int) -> tuple[Int32s, npt.NDArray[np.int64]]:
        """Rectangles as in `Ties.related`, and the number of the worker, of those with a row."""
        layout, view = frame.layout, frame.view
        is_known = (self._lane >= 0) & (self._lane < len(layout.row_of_lane))
        at = np.flatnonzero(is_known)
        rows = layout.row_of_lane[self._lane[at]]
        at, rows = at[rows >= 0], rows[rows >= 0]
        end_ns = np.where(self._end_ns[at] > 0, self._end_ns[at], now_ns)
        x0_px, x1_px = (
            np.clip(
                np.rint((times - view.start_ns) / view.ns_per_px), -_FAR_PX, view.width_px + _FAR_PX
            )
            for times in (self._start_ns[at], end_ns)
        )
        is_sub = self._is_sub[at] & (layout.kinds[rows] == RowKind.LANE.value)
        rects = np.stack([rows, x0_px, np.maximum(x1_px, x0_px + 1), is_sub], axis=1)
        return rects.astype(np.int32), self._worker[at]


class Tied:
    """The chosen span with its relatives, for any number of frames."""

    def __init__(self, known: Known) -> None:
        held = known.survey.relatives
        links = known.details.links if known.details else ()
        sources = [held[link.span_id] for link in links if link.span_id in held]
        targets = [held[one] for one in known.dependents if one in held]
        self._own = Relatives([known.subject])
        self._sources = Relatives(sorted(sources, key=lambda one: -one.end_ns))
        self._targets = Relatives(sorted(targets, key=lambda one: one.start_ns))

    def ties(self, frame: TaskStreamFrame, now_ns: int) -> Ties:
        """Frames and arrows in a frame of the task stream."""
        own, _ = self._own.placed(frame, now_ns)
        if not len(own):
            return Ties(None, np.empty((0, 4), np.int32))
        row, x0_px, x1_px, is_sub = own[0].tolist()
        sources, source_workers = self._sources.placed(frame, now_ns)
        targets, target_workers = self._targets.placed(frame, now_ns)
        some_in, some_out = _few(source_workers), _few(target_workers)
        arrows = [
            Arrow(rect[0], rect[2], row, x0_px, x0_px - STEM_PX, is_in=True)
            for rect in sources[some_in].tolist()
        ]
        arrows += [
            Arrow(row, x1_px, rect[0], rect[1], x1_px + STEM_PX, is_in=False)
            for rect in targets[some_out].tolist()
        ]
        related = np.concatenate([sources, targets])
        return Ties(
            chosen=Frame(row, x0_px, x1_px, bool(is_sub)),
            related=related[_is_seen(related, frame)],
            arrows=tuple(arrows),
            more_in=len(sources) - len(some_in),
            more_out=len(targets) - len(some_out),
        )


def _is_seen(rects: Int32s, frame: TaskStreamFrame) -> npt.NDArray[np.bool_]:
    is_in_time = (rects[:, 2] > 0) & (rects[:, 1] < frame.view.width_px)
    is_seen: npt.NDArray[np.bool_] = (
        is_in_time & (rects[:, 0] >= frame.first_row) & (rects[:, 0] < frame.last_row)
    )
    return is_seen


def _few(workers: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """All, or of each worker the first."""
    if len(workers) <= MOST_ARROWS:
        return np.arange(len(workers))
    _, first = np.unique(workers, return_index=True)
    return np.sort(first)[:MOST_WORKERS]
