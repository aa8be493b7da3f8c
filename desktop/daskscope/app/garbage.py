"""When Python looks for garbage among all that is held: while the window is idle.

Python does so whenever very much is new, in the midst of a tick: 70 to 110 ms with what 2,500
workers define, several times a second while a recording of them is read. What is young is still
looked at as it comes, in well under a millisecond.

Most of what is held is there for good: modules and their classes, widgets, who is in the cluster.
What was there when the window was made is never looked at, nor later what a search that took long
has found in use: one then takes less than a millisecond of 45 to 70. What of that is no longer used
goes at once unless it is in a circle, and no circle was among it after 20 searches of a live window
that all kept what they found, with chunks evicted between them.
"""

from __future__ import annotations

import gc
from typing import Final

from daskscope.app.clock import spent_s

_NEVER: Final = 1 << 30
#: Searches among the young after which an idle window looks at everything.
LEAST_SEARCHES: Final = 10
#: Time after which a window that is never idle does.
MOST_S: Final = 300.0
#: A search may take so long of a tick again.
LONG_S: Final = 0.005


class Garbage:
    """Looks for garbage; time is an argument."""

    def __init__(self) -> None:
        young, middle, _ = gc.get_threshold()
        gc.set_threshold(young, middle, _NEVER)
        gc.freeze()
        self._looked_s: float | None = None

    def look(self, now_s: float, *, is_idle: bool) -> None:
        """Look now, if it is time."""
        if self._looked_s is None:
            self._looked_s = now_s
        is_due = gc.get_count()[2] >= LEAST_SEARCHES if is_idle else False
        if is_due or now_s - self._looked_s > MOST_S:
            began_s = spent_s()
            gc.collect()
            if spent_s() - began_s > LONG_S:
                gc.freeze()
            self._looked_s = now_s
