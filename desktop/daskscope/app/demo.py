"""Starts the demo's cluster beside the window and ends it with the window."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

END_S = 15


class DemoError(RuntimeError):
    """The demo cannot run; the message is one line."""


class Demo:
    """A process that runs a real cluster with a mixed workload.

    Parameters
    ----------
    endpoint
        OTLP/HTTP endpoint, `http://host:port`.
    n_workers
        Worker processes, two threads each.
    log_path
        Where what Dask prints goes.

    Raises
    ------
    DemoError
        Where Dask is not installed.
    """

    def __init__(self, endpoint: str, n_workers: int, log_path: Path) -> None:
        missing = [
            name for name in ("distributed", "pandas") if importlib.util.find_spec(name) is None
        ]
        if missing:
            raise DemoError(
                f"the demo needs {' and '.join(missing)}: pip install 'daskscope[demo]'"
            )
        self._log_path = log_path
        with log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "daskscope.app.workload", "--workers", str(n_workers)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                # Ctrl-C is for this process, which then closes the cluster in order.
                start_new_session=True,
                env=os.environ
                | {
                    "DASK_DISTRIBUTED__SCHEDULER__PRELOAD": "dask_otel",
                    "DASK_DISTRIBUTED__WORKER__PRELOAD": "dask_otel",
                    "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
                    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                },
            )

    def failure(self) -> str:
        """One line that says why the cluster ended by itself, "" while it runs."""
        if self._process.poll() is None:
            return ""
        lines = self._log_path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"exit status {self._process.returncode}"
        return f"the demo's cluster ended: {reason} (log: {self._log_path})"

    def close(self) -> None:
        """End the cluster and wait for it; its processes are gone when this returns.

        What it printed is kept only where it failed.
        """
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.returncode == 0:
            self._log_path.unlink(missing_ok=True)
