"""What every window command takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_JAEGER: Final = "http://127.0.0.1:16686"


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """Options of a window, as they stand on the command line.

    Attributes
    ----------
    seconds
        Close by itself after so many seconds, or None.
    screenshot
        Where the picture goes, or None.
    size
        Width and height in pixels, or None for the last one.
    view
        `all`, or the one view that is shown.
    theme
        `light`, `dark`, or None to follow the user's choice or the system.
    range_s
        Seconds in view while following, 0 for the whole run, None for the default.
    frame_log
        CSV file for the time of each frame, or None.
    jaeger
        Base URL of Jaeger's pages.
    """

    seconds: float | None = None
    screenshot: Path | None = None
    size: tuple[int, int] | None = None
    view: str = "all"
    theme: str | None = None
    range_s: float | None = None
    frame_log: Path | None = None
    jaeger: str = DEFAULT_JAEGER

    @property
    def span_ns(self) -> int | None:
        """Time in view for the session, in which 0 is the whole run, too."""
        return None if self.range_s is None else round(self.range_s * 1e9)
