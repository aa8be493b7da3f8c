"""What bookmarks, measuring and going to a time make of the session: pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from daskscope.app.gestures import pan
from daskscope.session import Bookmark
from daskscope.theme import NOT_YET_PX

if TYPE_CHECKING:
    from daskscope.session import Session, Viewport

#: How near to a bookmark it is meant.
REACH_PX: Final = 6
#: More bookmarks than one can find one's way among are not set.
MOST_BOOKMARKS: Final = 500
_LONGEST_NAME: Final = 200


def go_to(session: Session, view: Viewport, time_ns: int) -> Session:
    """Bring a time to the middle at the same scale; following ends."""
    return pan(session, view, view.x_px(time_ns) - (view.width_px - NOT_YET_PX) / 2)


def measure(session: Session, start_ns: int, end_ns: int) -> Session:
    """Measure from one time to another."""
    return replace(session, measured_ns=(start_ns, end_ns))


def measure_nothing(session: Session) -> Session:
    """Forget what was measured."""
    return replace(session, measured_ns=None) if session.measured_ns is not None else session


def mark(session: Session, view: Viewport, at_px: float | None, now_ns: int | None) -> Session:
    """Set a bookmark at `at_px`, or remove the one that is there.

    Where that is None it is set at `now_ns`, while following, else in the middle.
    """
    if at_px is not None:
        time_ns = view.time_ns(at_px)
    else:
        time_ns = now_ns if now_ns is not None else view.time_ns(view.width_px / 2)
    reach_ns = REACH_PX * view.ns_per_px
    near = [one for one in session.bookmarks if abs(one.time_ns - time_ns) <= reach_ns]
    if near:
        nearest = min(near, key=lambda one: abs(one.time_ns - time_ns))
        kept = tuple(one for one in session.bookmarks if one is not nearest)
        return replace(session, bookmarks=kept)
    if len(session.bookmarks) >= MOST_BOOKMARKS:
        return session
    numbers = {one.name for one in session.bookmarks}
    number = next(n for n in range(1, MOST_BOOKMARKS + 1) if str(n) not in numbers)
    marked = (*session.bookmarks, Bookmark(time_ns, str(number)))
    return replace(session, bookmarks=tuple(sorted(marked, key=lambda one: one.time_ns)))


def rename(session: Session, time_ns: int, name: str) -> Session:
    """Name the bookmark at a time; without a name it is removed."""
    name = name.strip()[:_LONGEST_NAME]
    renamed = (
        replace(one, name=name) if one.time_ns == time_ns else one for one in session.bookmarks
    )
    return replace(session, bookmarks=tuple(one for one in renamed if one.name))


def step(session: Session, view: Viewport, is_forward: bool) -> Session:
    """Bring the next bookmark to the middle, or the one before; at the end it begins anew."""
    if not session.bookmarks:
        return session
    middle_ns = view.time_ns((view.width_px - NOT_YET_PX) / 2)
    slack_ns = max(2 * view.ns_per_px, 1)
    times = [one.time_ns for one in session.bookmarks]
    if is_forward:
        found = next((one for one in times if one > middle_ns + slack_ns), times[0])
    else:
        found = next((one for one in reversed(times) if one < middle_ns - slack_ns), times[-1])
    return go_to(session, view, found)
