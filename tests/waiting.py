"""Wait for a condition instead of for a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def wait_for(probe: Callable[[], T], timeout_s: float = 20) -> T:
    """Return the first true value of `probe()`, asked every 20 ms.

    Raises
    ------
    TimeoutError
        After `timeout_s`, with the last value.
    """
    deadline_s = time.monotonic() + timeout_s
    while not (value := probe()):
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"still {value!r} after {timeout_s} s")
        time.sleep(0.02)
    return value
