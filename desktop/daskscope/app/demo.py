"""Starts the demo's cluster beside the window and ends it with the window."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from daskscope.app.companion import Companion

if TYPE_CHECKING:
    from pathlib import Path


class DemoError(RuntimeError):
    """The demo cannot run; the message is one line."""


class Demo(Companion):
    """A process that runs a real cluster with a mixed workload.

    Parameters
    ----------
    endpoint
        OTLP/HTTP endpoint, `http://host:port`.
    n_workers
        Worker processes, two threads each.
    log_path
        Where what Dask prints goes; kept only where it failed.

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
        super().__init__(
            "the demo's cluster",
            ("daskscope.app.workload", "--workers", str(n_workers)),
            log_path,
            {
                "DASK_DISTRIBUTED__SCHEDULER__PRELOAD": "dask_otel",
                "DASK_DISTRIBUTED__WORKER__PRELOAD": "dask_otel",
                "DASK_DASK_OTEL__ENABLED": "True",
                "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            },
        )
