"""A process that runs beside the window and ends with it."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

END_S = 15


class Companion:
    """A Python module that runs until its standard input closes.

    Parameters
    ----------
    what
        What it is, for the line that says that it has ended.
    arguments
        The module and its arguments.
    log_path
        Where what it prints goes; kept only where it failed.
    environment
        Added to the environment.
    """

    def __init__(
        self, what: str, arguments: tuple[str, ...], log_path: Path, environment: Mapping[str, str]
    ) -> None:
        self._what = what
        self._log_path = log_path
        with log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", *arguments],  # see `ingest.source`
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                # Ctrl-C is for this process, which then closes the other in order.
                start_new_session=True,
                env=os.environ | environment,
            )

    @property
    def has_ended(self) -> bool:
        """Whether it has ended by itself, or is closed."""
        return self._process.poll() is not None

    def lines(self) -> list[str]:
        """What it has printed so far."""
        return self._log_path.read_text(encoding="utf-8", errors="replace").strip().splitlines()

    def failure(self) -> str:
        """One line that says why it ended by itself, "" while it runs."""
        if not self.has_ended:
            return ""
        return f"{self._what} ended: {self.reason()} (log: {self._log_path})"

    def reason(self) -> str:
        """The last that it has printed."""
        return next(reversed(self.lines()), f"exit status {self._process.returncode}")

    def close(self) -> None:
        """End it and wait for it; its processes are gone when this returns."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._kill()
        if self._process.returncode == 0:
            self._log_path.unlink(missing_ok=True)

    def _kill(self) -> None:
        """End it, and all that it has started: a cluster is many processes."""
        import psutil

        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self._process.pid)
            started = process.children(recursive=True)
            for one in (process, *started):
                with suppress(psutil.NoSuchProcess):
                    one.kill()
            psutil.wait_procs(started, END_S)
        self._process.wait()
