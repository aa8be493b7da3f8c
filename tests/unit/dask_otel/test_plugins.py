"""Dask's plugins: they travel, they are found by name, and they end what they have begun."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
from typing import Any

import pytest
from distributed import Client, LocalCluster, Scheduler

import dask_otel
from dask_otel import config, plugins, preload
from tests.waiting import wait_for

KINDS = (dask_otel.SchedulerInstrumentation, dask_otel.WorkerInstrumentation)


def test_the_package_names_them_without_loading_dask() -> None:
    program = (
        "import sys, dask_otel\nassert 'distributed' not in sys.modules\n"
        "dask_otel.WorkerInstrumentation\nassert 'distributed' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        dask_otel.Nothing  # noqa: B018 # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", KINDS)
def test_they_travel(kind: type[Any]) -> None:
    plugin = kind("http://collector:4318")
    twin = pickle.loads(pickle.dumps(plugin))
    assert (twin.name, twin.idempotent) == (plugins.NAME, True)
    settings = twin._settings()
    assert settings.logs == config.Target("http/protobuf", "http://collector:4318/v1/logs")
    assert kind()._settings() is None


@pytest.mark.cluster
def test_a_plugin_ends_only_what_it_has_begun() -> None:
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        (worker,) = cluster.workers.values()
        assert client.sync(preload.instrument, worker)
        client.register_plugin(dask_otel.WorkerInstrumentation())
        client.unregister_worker_plugin(plugins.NAME)
        assert preload.is_instrumented(worker)
        assert client.sync(preload.uninstrument, worker)
        client.register_plugin(dask_otel.WorkerInstrumentation())
        assert preload.is_instrumented(worker)
        client.unregister_worker_plugin(plugins.NAME)
        assert not preload.is_instrumented(worker)


class _Slow(dask_otel.SchedulerInstrumentation):
    """Takes its time to begin, as `attach` does where workers are slow to answer."""

    async def _join(self, scheduler: Scheduler) -> None:
        await asyncio.sleep(3 * plugins._LOOK_S)


@pytest.mark.cluster
def test_a_plugin_that_is_on_its_way_in_does_not_end_as_if_it_was_taken_out() -> None:
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        client.register_plugin(_Slow())
        assert preload.is_instrumented(cluster.scheduler)
        client.unregister_scheduler_plugin(plugins.NAME)
        wait_for(lambda: not preload.is_instrumented(cluster.scheduler))
