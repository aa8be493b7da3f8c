"""What one tick shows: what is known, what is chosen, and what time it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daskscope.app.feed import Feed
    from daskscope.app.pace import Pace
    from daskscope.app.turns import Turn
    from daskscope.session import Session
    from daskscope.store.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Tick:
    """What a tick shows: what is known, what is chosen, and what time it is.

    Attributes
    ----------
    session
        Without the pointer's place, which changes no frame.
    now_ns, shown_ns
        The cluster's clock, and what is shown as now.
    frame_ms
        Typical time of a tick that paints; NaN where it is not known.
    is_all
        Everything is shown anew.
    is_idle
        Nothing has happened for a while: what is shown now and then is shown in one tick.
    is_resting
        Nothing need be shown.
    is_pointed
        A pointer lies on the lanes: what takes long is done in ticks of its own.
    """

    snapshot: Snapshot
    session: Session
    feed: Feed
    turn: Turn
    now_ns: int
    shown_ns: int
    wall_ns: int
    now_s: float
    frame_ms: float
    is_all: bool
    is_idle: bool
    is_resting: bool
    is_pointed: bool

    def is_due(self, pace: Pace) -> bool:
        """Whether it is time for something that has a pace."""
        return not self.is_resting and pace.is_due(self.now_s)
