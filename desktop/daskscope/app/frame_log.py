"""The frame log: one CSV line for each painted frame of the task stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "t_s,frame_ms,spans_held,spans_in_view\n"


class FrameLog:
    """Writes frames to a file as they are painted."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="ascii")
        self._file.write(HEADER)

    def write(self, t_s: float, frame_ms: float, n_held: int, n_in_view: int) -> None:
        """Add one frame; `frame_ms` covers all of it: drain, store, derive, paint.

        Also where a tick took in what the next one has drawn.
        """
        self._file.write(f"{t_s:.4f},{frame_ms:.3f},{n_held},{n_in_view}\n")

    def close(self) -> None:
        """Write what is left."""
        self._file.close()
