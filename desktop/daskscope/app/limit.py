"""When a window ends by itself: after so many seconds, or once the picture of it can be saved."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from daskscope.app.picture import save_picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from daskscope.app.options import WindowOptions
    from daskscope.app.window import Window


class Limit:
    """What the command line says of the end of one window; time is an argument."""

    def __init__(self, options: WindowOptions) -> None:
        self._seconds, self._picture = options.seconds, options.screenshot
        self._began_s = 0.0

    def begin(self, now_s: float) -> None:
        """The window is shown."""
        self._began_s = now_s

    def since_s(self, now_s: float) -> float:
        """Time since the window was shown."""
        return now_s - self._began_s

    def left_s(self, now_s: float) -> float:
        """Time until its end, as far as that is known."""
        return math.inf if self._seconds is None else max(self._seconds - self.since_s(now_s), 0.0)

    def is_due(self, now_s: float, is_all_drawn: Callable[[], bool]) -> bool:
        """Whether it ends now."""
        if self._seconds is not None:
            return self.since_s(now_s) >= self._seconds
        return self._picture is not None and is_all_drawn()

    def keep_picture(self, window: Window) -> list[str]:
        """Save the picture that was asked for; lines for the user.

        Raises
        ------
        OSError
            Where that is not possible.
        """
        if self._picture is None:
            return []
        save_picture(window, self._picture)
        return [f"picture: {self._picture.resolve()}"]
