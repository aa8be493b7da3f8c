"""Wait for a condition instead of for a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

EVERY_S: Final = 0.02
#: What counts of the time between two questions: a machine that stands still, or lets nobody run,
#: gives what is waited for no time either.
MOST_S: Final = 10 * EVERY_S


def wait_for(probe: Callable[[], T], timeout_s: float = 20) -> T:
    """Return the first true value of `probe()`, asked every 20 ms.

    Raises
    ------
    TimeoutError
        After `timeout_s` in which this process could run, with the last value.
    """
    waited_s, asked_s = 0.0, time.monotonic()
    while not (value := probe()):
        if waited_s > timeout_s:
            raise TimeoutError(f"still {value!r} after {timeout_s} s")
        time.sleep(EVERY_S)
        before_s, asked_s = asked_s, time.monotonic()
        waited_s += min(asked_s - before_s, MOST_S)
    return value
