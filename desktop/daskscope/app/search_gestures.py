"""What searching makes of the session: pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from daskscope.app.gestures import pan, scroll_to
from daskscope.predicate import Filter, Search
from daskscope.session import Session, fitted
from daskscope.theme import NOT_YET_PX

if TYPE_CHECKING:
    from daskscope.derive.frames import TaskStreamFrame
    from daskscope.derive.steps import Found

#: Least share of the view on both sides of a match that hardly fits.
FOUND_MARGIN: Final = 0.05


def search(session: Session, text: str, is_regex: bool) -> Session:
    """Search something else: what was found before is no match of it."""
    return replace(session, search=Search(text, is_regex), found=None)


def filter_by(session: Session, meant: Filter) -> Session:
    """Hide something else."""
    return replace(session, filter=meant)


def show_found(session: Session, frame: TaskStreamFrame, found: Found) -> Session:
    """Bring a match into view, at the same scale if it fits; following ends."""
    view, inner_px = frame.view, frame.view.width_px - NOT_YET_PX
    x0_px, x1_px = view.x_px(found.start_ns), view.x_px(found.end_ns)
    margin_px = FOUND_MARGIN * inner_px
    session = replace(session, found=found.spot)
    if x1_px - x0_px > inner_px - 2 * margin_px:
        room_ns = round((found.end_ns - found.start_ns) * FOUND_MARGIN)
        session = fitted(session, found.start_ns - room_ns, found.end_ns + room_ns)
    elif x0_px < 0 or x1_px > inner_px:
        session = pan(session, view, (x0_px + x1_px - inner_px) / 2)
    else:
        session = pan(session, view, 0)
    row = int(frame.layout.row_of_lane[found.lane])
    if row < 0:
        return session
    top_px, height_px = frame.layout.rows[row].y_px, frame.layout.rows[row].height_px
    least_px = frame.scroll_px + frame.layout.header_px
    is_visible = least_px <= top_px <= frame.scroll_px + frame.height_px - height_px
    return session if is_visible else scroll_to(session, frame, top_px - frame.height_px // 2)
