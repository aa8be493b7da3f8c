"""What a tick shows while a recording is read: mostly nothing, so that more is read.

Someone who waits for a recording wants it soon and sees no more than some pictures a second. Ticks
that show nothing take in more than twice as much, and none of either kind takes long.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from daskscope.app.pace import Pace

TIMELINE_PERIOD_S: Final = 0.1
PANELS_PERIOD_S: Final = 0.25


class Turn(Enum):
    """What a tick shows."""

    ALL = 0
    TIMELINE = 1
    PANELS = 2
    NOTHING = 3

    @property
    def has_timeline(self) -> bool:
        """The task stream is shown."""
        return self in (Turn.ALL, Turn.TIMELINE)

    @property
    def has_panels(self) -> bool:
        """Panels and status bar are shown."""
        return self in (Turn.ALL, Turn.PANELS)


class Turns:
    """Whose turn it is; time is an argument."""

    def __init__(self) -> None:
        self._timeline_pace = Pace(TIMELINE_PERIOD_S)
        self._panels_pace = Pace(PANELS_PERIOD_S, PANELS_PERIOD_S / 2)

    def next(self, now_s: float, *, is_reading: bool, is_moved: bool) -> Turn:
        """What this tick shows; a gesture is seen at once."""
        if not is_reading:
            return Turn.ALL
        if self._timeline_pace.is_due(now_s) or is_moved:
            return Turn.TIMELINE
        return Turn.PANELS if self._panels_pace.is_due(now_s) else Turn.NOTHING
