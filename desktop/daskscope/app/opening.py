"""Opening recordings, in windows of their own, and not reading this window's to its end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from daskscope.app.menu import chosen_recording, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from daskscope.app.run import Run


class Opening:
    """What one window does with recordings.

    Parameters
    ----------
    stop
        Asks the source of the window to read no more.
    """

    def __init__(self, run: Run, stop: Callable[[], object]) -> None:
        self._run = run
        self.stop = stop
        window = run.window
        window.loading.stopped.connect(stop)
        window.welcome.open_requested.connect(self.open)
        window.welcome.recover_requested.connect(self.open)
        window.welcome.choose_requested.connect(self.choose)

    def choose(self) -> None:
        """Let the user choose a recording, and open it."""
        if path := chosen_recording(self._run.window):
            self.open(path)

    def open(self, path: str) -> None:
        """Open a recording; the user is told where it cannot be, which is not seen elsewhere."""
        # Loaded when somebody opens one: a window needs none of it.
        from daskscope.ingest.journal import RecordingError
        from daskscope.ingest.recording import check

        try:
            check(Path(path))
        except RecordingError as error:
            say(self._run.window, str(error))
        else:
            open_in_new_window(path)

    def escape(self) -> None:
        """Stop telling, or reading a recording, put its strip away, let go of what is chosen."""
        strip = self._run.window.loading
        if self._run.hovering.is_telling:
            self._run.hovering.toggle_telling()
        elif self._run.is_reading:
            self.stop()
        elif strip.isVisible():
            strip.press_cross()
        else:
            self._run.places.escape()

    def open_earlier(self) -> None:
        """Show what had to go from memory in a window of its own, as the recording has it."""
        snapshot = self._run.snapshot
        if snapshot.n_evicted:
            # To a millisecond that is over: what ended in its midst went as well.
            until_ms = -(-(snapshot.evicted_ns - snapshot.first_ns) // 1_000_000)
            open_in_new_window(snapshot.status.journal_path, "--until", f"{until_ms / 1e3:.3f}")


def open_in_new_window(path: str, *options: str) -> None:
    """Show a recording beside this window, in a process of its own."""
    subprocess.Popen(
        [sys.executable, "-P", "-m", "daskscope", "open", str(Path(path)), *options],
        start_new_session=True,
    )
