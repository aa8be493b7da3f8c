"""The demo's cluster, where somebody asks for it in an empty window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daskscope.app.demo import Demo, DemoError
from daskscope.app.menu import say
from daskscope.app.recordings import sessions_folder
from daskscope.ingest.clock import wall_ns

if TYPE_CHECKING:
    from daskscope.app.window import Window
    from daskscope.ingest.source import Source

_WORKERS: Final = 4


class Trial:
    """Starts one such cluster at most, which sends to the source of the window."""

    def __init__(self, window: Window, source: Source) -> None:
        self._window, self._source = window, source
        self._demo: Demo | None = None

    def start(self) -> None:
        """Start the cluster; the user is told where it cannot be started."""
        if self._demo is not None:
            return
        log_path = sessions_folder() / f"{wall_ns()}.demo.log"
        try:
            self._demo = Demo(f"http://{self._source.http[0]}", _WORKERS, log_path)
        except DemoError as error:
            say(self._window, str(error))

    def failure(self) -> str:
        """One line that says why it ended by itself, "" else."""
        return "" if self._demo is None else self._demo.failure()

    def close(self) -> None:
        """End the cluster, if there is one."""
        if self._demo is not None:
            self._demo.close()
