"""What goes wrong in a probe, or is unknown to it, leaves Dask's work and its objects alone."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dask
import numpy as np
import pytest
from distributed import Client, LocalCluster, Worker
from distributed.protocol import pickle

from dask_otel import conventions as names
from dask_otel import events
from dask_otel.compat import shuffle
from dask_otel.worker.deserialize import DeserializeProbe
from dask_otel.worker.disk import DiskProbe
from dask_otel.worker.pending import Pending
from dask_otel.worker.shuffle import ShuffleProbe
from dask_otel.worker.starts import Starts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dask_otel.worker.probe import Probe

MIB = 1 << 20
CONFIG = {
    "distributed.worker.memory.target": MIB / (4 << 30),
    "distributed.worker.memory.spill": False,
    "array.rechunk.method": "p2p",
    "array.chunk-size": "100 kiB",
}


class Ear:
    """An emitter that keeps what it is told, or fails."""

    def __init__(self, deaf: bool = False) -> None:
        self.deaf = deaf
        self.events: list[Any] = []
        self.failures: list[str] = []

    def record(self, event: Any) -> None:
        if self.deaf:
            raise RuntimeError("not listening")
        self.events.append(event)

    def log(self, event: Any) -> None:
        self.record(event)

    def failed(self, what: str, error: Exception, n_spans: int = 0) -> None:
        assert n_spans == 0
        self.failures.append(f"{what}: {error}")


class Slow:
    def __reduce__(self) -> Any:
        return wake, (0.01,)


def wake(after_s: float) -> Slow:
    time.sleep(after_s)
    return Slow()


def take(value: Any) -> str:
    return type(value).__name__


@contextmanager
def worker() -> Iterator[Worker]:
    """The one worker of a cluster that has a client."""
    with (
        dask.config.set(CONFIG),
        LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=False,
            protocol="tcp",
            memory_limit=4 << 30,
            dashboard_address=":0",
        ) as cluster,
        Client(cluster),
    ):
        (found,) = cluster.workers.values()
        assert isinstance(found, Worker)
        yield found


def work(client: Client) -> None:
    """Spill, read back, unpickle slowly, shuffle."""
    from dask import array as da

    made = [client.submit(bytes, MIB, key=f"make-{number}") for number in range(3)]
    assert client.submit(sum, client.submit(len, made[0]), 0).status != "error"
    assert client.gather(made) == [bytes(MIB)] * 3
    assert client.submit(take, Slow(), key="slow").result() == "Slow"
    array = da.arange(40_000, chunks=10_000).reshape((200, 200)).rechunk((200, 50))
    np.testing.assert_array_equal(array.compute(), np.arange(40_000).reshape((200, 200)))


def replaceable(found: Worker) -> list[Any]:
    """Everything that the probes may replace, by identity."""
    plugin: Any = found.plugins[shuffle.PLUGIN_NAME]
    data: Any = found.data
    return [
        pickle.loads,
        type(data._slow_uncached),
        sorted(vars(data._slow_uncached)),
        found.handlers["shuffle_receive"],
        sorted(vars(plugin.shuffle_runs)),
        sorted(vars(found)),
    ]


@pytest.mark.cluster
@pytest.mark.parametrize("deaf", [False, True])
def test_dask_works_on_and_is_left_as_it_was(deaf: bool) -> None:
    ear: Any = Ear(deaf)
    with worker() as found:
        client = Client.current()
        work(client)
        before = replaceable(found)
        pending = Pending(found, ear)
        probes: list[Probe] = [
            DiskProbe(found, ear, Starts(found)),
            ShuffleProbe(found, ear, Starts(found), lambda: None),
            DeserializeProbe(found, ear, pending),
        ]

        async def turn(on: bool) -> None:
            for probe in probes:
                probe.begin() if on else probe.end()

        client.sync(turn, True)
        work(client)
        client.sync(turn, False)
        pending.close()
        assert replaceable(found) == before
        n_events = len(ear.events)
        work(client)
        assert len(ear.events) == n_events
    if deaf:
        assert {failure.partition(":")[0] for failure in ear.failures} >= {
            "Recording an access to the disk",
            "Recording a shuffle's transfer",
            "Recording a shuffle's access to the disk",
            "Recording what was done for a task",
        }
    else:
        assert ear.failures == []
        assert {event.cause for event in ear.events if isinstance(event, events.Disk)} >= {
            names.DISK_CAUSE_TASK,
            names.DISK_CAUSE_SHUFFLE,
            None,
        }
