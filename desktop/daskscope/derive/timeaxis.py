"""Ticks of the time axis, from nanoseconds to centuries, at round times since the run began.

Elapsed time stands above, local wall clock below, both with as many digits as the steps need.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from daskscope.derive.frames import Tick
from daskscope.derive.quantity import DAY_NS, SECOND_NS, YEAR_NS, clock, elapsed

if TYPE_CHECKING:
    from daskscope.session import Viewport

LEAST_APART_PX: Final = 84
#: What a digit of the axis takes, and the room between two labels.
_DIGIT_PX: Final = 6.5
_ROOM_PX: Final = 16
N_MINOR: Final = 5
#: Minor ticks closer than this are left out.
_LEAST_MINOR_PX: Final = 4
_STEPS_S: Final = (
    *(1, 2, 5, 10, 15, 30),
    *(60 * minutes for minutes in (1, 2, 5, 10, 15, 30)),
    *(3_600 * hours for hours in (1, 2, 3, 6, 12)),
)
STEPS_NS: Final[tuple[int, ...]] = (
    *(digit * 10**power for power in range(9) for digit in (1, 2, 5)),
    *(step * SECOND_NS for step in _STEPS_S),
    *(DAY_NS * days for days in (1, 2, 5, 10, 20, 50, 100, 200)),
    *(YEAR_NS * years for years in (1, 2, 5, 10, 20, 50, 100, 200)),
)


@lru_cache(maxsize=1)
def ticks(view: Viewport, first_ns: int) -> tuple[Tick, ...]:
    """Ticks in view from the run's start on, the labelled ones at least 84 px apart.

    Those of the last view are kept: most frames of a minute show what has come, and do not move.
    """
    step_ns = _step(view, first_ns)
    minor_ns = step_ns // N_MINOR if step_ns % N_MINOR == 0 else step_ns
    if minor_ns < _LEAST_MINOR_PX * view.ns_per_px:
        minor_ns = step_ns
    since_ns = max(view.start_ns - first_ns, 0)
    result = []
    for at_ns in range(-(-since_ns // minor_ns) * minor_ns, view.end_ns - first_ns, minor_ns):
        x_px = round((first_ns - view.start_ns + at_ns) / view.ns_per_px)
        if at_ns % step_ns:
            result.append(Tick(x_px))
        else:
            result.append(Tick(x_px, *_texts(first_ns, at_ns, step_ns)))
    return tuple(result)


@lru_cache(maxsize=1_024)
def _texts(first_ns: int, at_ns: int, step_ns: int) -> tuple[str, str]:
    """Texts of a labelled tick; they stay the same while it moves."""
    return elapsed(at_ns, step_ns), clock(first_ns + at_ns, step_ns)


def _step(view: Viewport, first_ns: int) -> int:
    """The smallest step whose labels have room."""
    last_ns = max(view.end_ns - first_ns, 0)
    for step_ns in STEPS_NS:
        step_px = step_ns / view.ns_per_px
        if step_px < LEAST_APART_PX:
            continue
        # The last labelled tick's: no other is longer.
        n_digits = max(map(len, _texts(first_ns, last_ns // step_ns * step_ns, step_ns)))
        if step_px >= n_digits * _DIGIT_PX + _ROOM_PX:
            return step_ns
    return STEPS_NS[-1]
