"""Watches what `compat.shuffle` takes from Dask's P2P shuffles, on a real worker."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

import dask
import numpy as np
import pytest
from distributed import Client, LocalCluster, Worker

from dask_otel.compat import shuffle

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.cluster


class Told:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.keys: list[Any] = []
        self.batches: list[shuffle.Batch] = []
        self.files: list[shuffle.File] = []

    def failed(self, error: Exception) -> None:
        self.errors.append(error)

    def joined(self, run: shuffle.Run, key: Any) -> None:
        assert run.span_id
        self.keys.append(key)

    def batch(self, run: shuffle.Run, batch: shuffle.Batch) -> None:
        assert run.run_id > 0
        self.batches.append(batch)

    def file(self, run: shuffle.Run, file: shuffle.File) -> None:
        assert run.shuffle_id
        self.files.append(file)


@pytest.fixture
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as found:
        yield found


def worker_of(cluster: LocalCluster) -> Worker:
    (worker,) = cluster.workers.values()
    assert isinstance(worker, Worker)
    return worker


def state(worker: Worker) -> list[Any]:
    """Everything that may be replaced, by identity."""
    plugin: Any = worker.plugins[shuffle.PLUGIN_NAME]
    return [worker.handlers["shuffle_receive"], dict(vars(plugin.shuffle_runs))]


def rechunk() -> None:
    from dask import array as da

    with dask.config.set({"array.rechunk.method": "p2p", "array.chunk-size": "10 kiB"}):
        array = da.arange(900, chunks=100).reshape((30, 30)).rechunk((30, 6))
        np.testing.assert_array_equal(array.compute(), np.arange(900).reshape((30, 30)))


def test_a_run_is_watched_whole_and_put_back(cluster: LocalCluster) -> None:
    worker, told = worker_of(cluster), Told()
    before = state(worker)
    with Client(cluster):
        watch = shuffle.ShuffleWatch(worker, told)
        rechunk()
        (run,) = watch._runs
        watch.stop()
        rechunk()
    assert told.errors == []
    assert told.keys
    sent = [batch for batch in told.batches if batch.sent]
    received = [batch for batch in told.batches if not batch.sent]
    assert {batch.partitions for batch in sent} == {batch.partitions for batch in received}
    assert sum(batch.n_bytes for batch in sent) == 900 * 8
    assert sum(batch.n_bytes for batch in received) == 900 * 8
    assert {batch.peer for batch in told.batches} == {worker.address}  # the only one of its host
    written = [file.n_bytes or 0 for file in told.files if file.written]
    read = [file.n_bytes or 0 for file in told.files if not file.written]
    assert sum(written) == sum(read) > 900 * 8
    assert state(worker) == before
    assert not {"_receive", "_read_from_disk"} & vars(run).keys()
    assert "_process" not in vars(run._comm_buffer)
    assert "_write_frames" not in vars(run._disk_buffer)
    assert run._disk_buffer._read == run.read


def test_the_handler_does_not_ask_for_its_connection(cluster: LocalCluster) -> None:
    receive = worker_of(cluster).handlers["shuffle_receive"]
    assert "comm" not in signature(receive).parameters


def test_a_run_made_in_another_way_is_told_and_goes_on(
    cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def moved(*_: Any) -> Any:
        raise AttributeError("_comm_buffer")

    monkeypatch.setattr(shuffle, "_overrides", moved)
    told = Told()
    with Client(cluster):
        watch = shuffle.ShuffleWatch(worker_of(cluster), told)
        rechunk()
        watch.stop()
    assert [str(error) for error in told.errors] == ["_comm_buffer"] * len(told.errors) != []
    assert told.batches == []


def test_shards_of_a_kind_unknown_count_nothing() -> None:
    assert shuffle._size([object()]) == ((), 0)
