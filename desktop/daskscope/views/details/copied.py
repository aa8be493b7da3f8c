"""The mark that something was copied; it stays a moment."""

from __future__ import annotations

from typing import Final

COPIED_S: Final = 1.2


class CopiedMark:
    """Whether something was copied a moment ago; time is an argument."""

    def __init__(self) -> None:
        self.is_on = False
        self._until_s: float | None = None

    def begin(self) -> None:
        """Something is copied now."""
        self.is_on, self._until_s = True, None

    def advance(self, now_s: float) -> bool:
        """Whether the mark has gone with this moment."""
        if not self.is_on:
            return False
        if self._until_s is None:
            self._until_s = now_s + COPIED_S
        if now_s < self._until_s:
            return False
        self.is_on = False
        return True
