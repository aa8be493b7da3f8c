"""How long frames take: typical ones for the status bar, and a CSV line for each if asked for."""

from __future__ import annotations

import math
from collections import deque
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from daskscope.derive.frames import TaskStreamFrame
    from daskscope.store.snapshot import Snapshot

#: The status bar tells the median of so many, once there are `LEAST_FRAMES`.
MOST_FRAMES: Final = 32
LEAST_FRAMES: Final = 8
HEADER = "t_s,frame_ms,spans_held,spans_in_view\n"


class FrameTimes:
    """Adds up what frames have taken: drain, store, derive, paint.

    Parameters
    ----------
    path
        Of the frame log, None for none.

    Attributes
    ----------
    last_ms
        Of the last frame.
    """

    def __init__(self, path: Path | None) -> None:
        self._file = path.open("w", encoding="ascii") if path is not None else None
        if self._file is not None:
            self._file.write(HEADER)
        #: Of a tick that took in what the next one draws.
        self._taken_ms = 0.0
        self.last_ms = 0.0
        self._lately_ms: deque[float] = deque(maxlen=MOST_FRAMES)

    @property
    def typical_ms(self) -> float:
        """Median of the last frames; NaN while there are too few to tell."""
        lately_ms = self._lately_ms
        return median(lately_ms) if len(lately_ms) >= LEAST_FRAMES else math.nan

    def restart(self) -> None:
        """Tell nothing of the frames so far: they did what later ones do not, as reading a file."""
        self._lately_ms.clear()

    def take(self, tick_ms: float, *, has_taken: bool) -> None:
        """Note a tick that has drawn nothing; what it took in is a part of the next one's frame."""
        self._taken_ms = tick_ms if has_taken else 0.0

    def draw(self, t_s: float, tick_ms: float, snapshot: Snapshot, frame: TaskStreamFrame) -> None:
        """Note a tick that has drawn, `t_s` after the window was shown."""
        self.last_ms, self._taken_ms = tick_ms + self._taken_ms, 0.0
        self._lately_ms.append(self.last_ms)
        if self._file is not None:
            n_held, n_in_view = snapshot.n_spans, frame.n_spans_in_view
            self._file.write(f"{t_s:.4f},{self.last_ms:.3f},{n_held},{n_in_view}\n")

    def close(self) -> None:
        """Write what is left."""
        if self._file is not None:
            self._file.close()
