"""Real Dask clusters that are instrumented."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dask
from distributed import Client, LocalCluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

PRELOAD = {
    "distributed.scheduler.preload": ["dask_otel"],
    "distributed.worker.preload": ["dask_otel"],
}


@contextmanager
def instrumented(
    monkeypatch: pytest.MonkeyPatch,
    endpoint: str,
    protocol: str = "http/protobuf",
    **options: Any,
) -> Iterator[Client]:
    """A client of a cluster that sends to `endpoint`; one worker in this process by default.

    Parameters
    ----------
    options
        For `LocalCluster`.
    """
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    chosen = {
        "n_workers": 1,
        "threads_per_worker": 2,
        "processes": False,
        "dashboard_address": ":0",
        **options,
    }
    with dask.config.set(PRELOAD), LocalCluster(**chosen) as local, Client(local) as client:
        yield client
