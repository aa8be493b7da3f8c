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


def test_asking_does_not_import_dask() -> None:
    program = (
        "import sys\nfrom dask_otel.compat import processes\n"
        "assert processes.servers() == []\nassert 'dask' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
