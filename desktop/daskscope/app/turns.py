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
#: For each second of a tick that shows something so many in ticks that do not: on a machine that
#: has much else to do, reading would come last.
REST: Final = 4.0


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
        self._turn = Turn.NOTHING
        self._began_s = self._rests_until_s = 0.0

    def next(self, now_s: float, *, is_reading: bool, is_moved: bool) -> Turn:
        """What this tick shows; a gesture is seen at once."""
        if not is_reading:
            self._turn = Turn.NOTHING
            return Turn.ALL
        if self._turn is not Turn.NOTHING:
            self._rests_until_s = now_s + REST * (now_s - self._began_s)
        self._began_s = now_s
        if is_moved:
            self._turn = Turn.TIMELINE
        elif now_s < self._rests_until_s:
            self._turn = Turn.NOTHING
        elif self._timeline_pace.is_due(now_s):
            self._turn = Turn.TIMELINE
        else:
            is_due = self._panels_pace.is_due(now_s)
            self._turn = Turn.PANELS if is_due else Turn.NOTHING
        return self._turn
