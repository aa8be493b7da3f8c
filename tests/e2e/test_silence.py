"""A real cluster that is killed with its client, and what is known of it ten seconds later."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from daskscope.app.feed import Feed
from daskscope.derive.progress import progress_frame
from daskscope.derive.reading import SILENCE_NS
from daskscope.ingest.clock import wall_ns
from daskscope.ingest.source import Source
from daskscope.store.snapshot import STILL
from daskscope.store.writer import Store
from tests.e2e.programs import PRELOAD
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]

N_TASKS = 6
SCRIPT = f"""
import time
from distributed import Client, LocalCluster, wait
if __name__ == "__main__":
    options = dict(n_workers=2, threads_per_worker=1, dashboard_address=":0")
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        wait(client.map(lambda n: time.sleep(60), range({N_TASKS}), key="doze", pure=False))
"""


class Watch:
    """A receiver, and what a window would know of it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._feed = Feed(source, Store())
        self.snapshot = self._feed.store.snapshot()

    def look(self) -> None:
        self.snapshot = self._feed.advance(wall_ns())

    def left(self) -> list[tuple[int, int, str]]:
        """Tasks done, all tasks, and what is said of the others."""
        rows = progress_frame(self.snapshot, self.snapshot.last_ns).rows
        return [(row.done, row.total, row.left_text) for row in rows]

    @property
    def n_running(self) -> int:
        return int((self.snapshot.running_until_ns == STILL).sum())

    def knows(self, n_running: int, *left: tuple[int, int, str]) -> bool:
        self.look()
        return (self.n_running, self.left()) == (n_running, [*left])

    @contextlib.contextmanager
    def killed(self, folder: Path) -> Iterator[None]:
        """A script with a cluster of its own; it is killed in the end with all it has started."""
        script = folder / "script.py"
        script.write_text(SCRIPT)
        receiver = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{self._source.http[0]}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        }
        process = subprocess.Popen(
            [sys.executable, script],
            env={**os.environ, **PRELOAD, **receiver},
            start_new_session=True,
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    ports = ["127.0.0.1:0"]
    with closing(Source.receive(ports, ports, tmp_path / "run.dscope")) as source:
        source.wait()
        yield Watch(source)


def test_what_a_killed_cluster_ran_has_ended_and_the_next_one_is_shown_as_ever(
    watch: Watch, tmp_path: Path
) -> None:
    with watch.killed(tmp_path):
        wait_for(lambda: watch.knows(2, (0, N_TASKS, "")), timeout_s=60)
    wait_for(lambda: watch.knows(0, (0, N_TASKS, "silent")), timeout_s=2 * SILENCE_NS / 1e9)
    until_ns = watch.snapshot.running_until_ns.tolist()
    assert len(until_ns) == 2
    assert max(until_ns) <= watch.snapshot.last_ns
    assert wall_ns() - watch.snapshot.last_ns > SILENCE_NS

    with watch.killed(tmp_path):
        wait_for(lambda: watch.knows(2, (0, 2 * N_TASKS, "")), timeout_s=60)
        assert watch.snapshot.running_until_ns.tolist()[:2] == until_ns
