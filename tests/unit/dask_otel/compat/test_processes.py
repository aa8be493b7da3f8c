"""What of Dask lives in this process, against a real cluster."""

from __future__ import annotations

import subprocess
import sys

import pytest
from distributed import Client, LocalCluster

from dask_otel.compat import processes

pytestmark = pytest.mark.cluster


def test_servers_that_run_and_the_loop_of_each() -> None:
    with (
        LocalCluster(n_workers=2, processes=False, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        found = processes.servers()
        expected = [cluster.scheduler, *cluster.workers.values(), client]
        assert {id(server) for server in expected} <= {id(server) for server in found}
        assert len({processes.event_loop(server) for server in found}) == 1
    assert not {id(server) for server in expected} & {id(server) for server in processes.servers()}


LEAVE = """
import asyncio
from distributed import Scheduler
from dask_otel.compat import processes
left = []
async def leave():
    left.append(await Scheduler(port=0, dashboard_address=":0"))
    assert left[0] in processes.servers()
asyncio.run(leave())
assert left[0].status.name == "running"
assert left[0] not in processes.servers()
"""


def test_what_was_left_behind_by_its_event_loop_does_not_run() -> None:
    subprocess.run([sys.executable, "-c", LEAVE], check=True)  # it leaves sockets behind


def test_asking_does_not_import_dask() -> None:
    program = (
        "import sys\nfrom dask_otel.compat import processes\n"
        "assert processes.servers() == []\nassert 'dask' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
