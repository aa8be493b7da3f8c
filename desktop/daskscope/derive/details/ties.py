"""Where the chosen span and its relatives lie in the task stream, and the ways of arrows.

An arrow leaves the end of a bar, runs in the gap under a lane, crosses lanes on one upright shared
by all arrows of its direction, and comes to the beginning of a bar. So it crosses no label but
those at the upright. Of many relatives each worker has one arrow: to what ended last of what the
span waited for, to what began first of what waited for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from daskscope.derive.frames import RowKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from daskscope.derive.details.known import Known
    from daskscope.derive.details.subject import Subject
    from daskscope.derive.frames import TaskStreamFrame

#: Beyond so many in a direction each worker has one.
MOST_ARROWS: Final = 8
#: Workers that have one at most.
MOST_WORKERS: Final = 16
#: Framed relatives.
MOST_FRAMES: Final = 300
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
        None where its lane has no row, or its time is out of view.
    more_in, more_out
        Relatives that have no arrow of their own.
    """

    chosen: Frame | None
    related: tuple[Frame, ...] = ()
    arrows: tuple[Arrow, ...] = ()
    more_in: int = 0
    more_out: int = 0


def ties(known: Known, frame: TaskStreamFrame, now_ns: int) -> Ties:
    """Frames and arrows of the chosen span in a frame of the task stream."""
    subject = known.subject
    own = _place(subject, frame, now_ns)
    if own is None:
        return Ties(None)
    held = known.survey.relatives
    links = known.details.links if known.details else ()
    sources = _placed((held.get(link.span_id) for link in links), frame, now_ns)
    targets = _placed((held.get(span_id) for span_id in known.dependents), frame, now_ns)
    some_in = _chosen_few(sources, is_in=True)
    some_out = _chosen_few(targets, is_in=False)
    trunk_in, trunk_out = own.x0_px - STEM_PX, own.x1_px + STEM_PX
    arrows = [
        Arrow(at.row, at.x1_px, own.row, own.x0_px, trunk_in, is_in=True) for _, at in some_in
    ]
    arrows += [
        Arrow(own.row, own.x1_px, at.row, at.x0_px, trunk_out, is_in=False) for _, at in some_out
    ]
    frames = [at for _, at in (*sources, *targets) if _is_seen(at, frame)]
    return Ties(
        chosen=own,
        related=tuple(frames[:MOST_FRAMES]),
        arrows=tuple(arrows),
        more_in=len(sources) - len(some_in),
        more_out=len(targets) - len(some_out),
    )


_Placed = tuple["Subject", Frame]


def _placed(
    subjects: Iterable[Subject | None], frame: TaskStreamFrame, now_ns: int
) -> list[_Placed]:
    found = []
    for one in subjects:
        at = _place(one, frame, now_ns) if one is not None else None
        if one is not None and at is not None:
            found.append((one, at))
    return found


def _place(one: Subject, frame: TaskStreamFrame, now_ns: int) -> Frame | None:
    layout, view = frame.layout, frame.view
    if not 0 <= one.lane < len(layout.row_of_lane):
        return None
    row = int(layout.row_of_lane[one.lane])
    if row < 0:
        return None
    x0_px, x1_px = (
        round(min(max(view.x_px(time_ns), -_FAR_PX), view.width_px + _FAR_PX))
        for time_ns in (one.start_ns, one.end_ns or now_ns)
    )
    is_lane = layout.rows[row].kind is RowKind.LANE
    return Frame(row, x0_px, max(x1_px, x0_px + 1), is_lane and 1 <= one.kind <= 4)


def _is_seen(at: Frame, frame: TaskStreamFrame) -> bool:
    is_in_time = at.x1_px > 0 and at.x0_px < frame.view.width_px
    return is_in_time and frame.first_row <= at.row < frame.last_row


def _chosen_few(placed: Sequence[_Placed], *, is_in: bool) -> list[_Placed]:
    """All, or of each worker the one that matters most."""
    if len(placed) <= MOST_ARROWS:
        return list(placed)
    ordered = sorted(placed, key=lambda pair: -pair[0].end_ns if is_in else pair[0].start_ns)
    of_worker: dict[object, _Placed] = {}
    for pair in ordered:
        of_worker.setdefault(pair[0].address or pair[0].lane, pair)
    return list(of_worker.values())[:MOST_WORKERS]
