"""What the parts of a worker's adapter have in common."""

from __future__ import annotations

from typing import Protocol


class Probe(Protocol):
    """Watches one thing on a worker between `begin` and `end`, both called on its event loop.

    What it replaces of Dask's it puts back exactly in `end`, which is called once whether `begin`
    has succeeded or not.
    """

    def begin(self) -> None:
        """Start to watch."""

    def end(self) -> None:
        """Hand over what still waits, and put back all that was replaced."""
