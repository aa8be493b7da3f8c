"""What going to a time makes of the session: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.app.gestures import pan
from daskscope.theme import NOT_YET_PX

if TYPE_CHECKING:
    from daskscope.session import Session, Viewport


def go_to(session: Session, view: Viewport, time_ns: int) -> Session:
    """Bring a time to the middle at the same scale; following ends."""
    return pan(session, view, view.x_px(time_ns) - (view.width_px - NOT_YET_PX) / 2)
