"""Names of users beside our words, where they may be written from right to left."""

from __future__ import annotations

from typing import Final
from unicodedata import bidirectional

#: "First strong isolate" and "pop directional isolate" of UAX #9; they take no room.
_OPEN: Final = "\u2068"
_CLOSE: Final = "\u2069"
_RIGHT_TO_LEFT: Final = frozenset(("R", "AL", "AN"))


def isolated(text: str) -> str:
    """`text` as a part of a longer one of ours, which keeps its order around it.

    Without this, a name in Hebrew or Arabic before our words turns the whole label around, and
    takes a number behind it along.
    """
    if text.isascii() or _RIGHT_TO_LEFT.isdisjoint(map(bidirectional, text)):
        return text
    return f"{_OPEN}{text}{_CLOSE}"
