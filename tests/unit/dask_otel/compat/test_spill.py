"""Watches what `compat.spill` takes from Dask and from zict, on a real worker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from distributed import Client, LocalCluster, Worker
from distributed.spill import Slow, SpillBuffer

from dask_otel.compat import spill

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Unpicklable:
    def __reduce__(self) -> Any:
        raise RuntimeError("not me")


@pytest.fixture
def buffer(tmp_path: Path) -> SpillBuffer:
    return SpillBuffer(str(tmp_path / "storage"), target=1_000)


@pytest.fixture
def accesses() -> list[spill.Access]:
    return []


@pytest.fixture
def client() -> Iterator[Client]:
    with (
        LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=False,
            memory_limit="4 GiB",
            dashboard_address=":0",
        ) as cluster,
        Client(cluster) as found,
    ):
        yield found


def test_every_access_is_told(buffer: SpillBuffer, accesses: list[spill.Access]) -> None:
    spill.watch(buffer, accesses.append)
    buffer["small"] = b"1"
    assert buffer["small"] == b"1"
    assert accesses == []
    buffer["large"] = b"1" * 2_000
    assert buffer["large"] == b"1" * 2_000
    assert [(access.key, access.written) for access in accesses] == [
        ("large", True),
        ("large", False),
    ]
    write, read = accesses
    assert write.n_bytes == read.n_bytes == buffer.spilled_total.disk > 2_000
    assert write.start_s <= write.stop_s <= read.start_s <= read.stop_s
    assert 0 < read.unpickle_s <= read.stop_s - read.start_s
    assert write.unpickle_s == 0


def test_the_metrics_of_dask_stay_as_they_are(
    buffer: SpillBuffer, accesses: list[spill.Access]
) -> None:
    spill.watch(buffer, accesses.append)
    buffer["large"] = b"1" * 2_000
    assert buffer["large"]
    assert buffer.cumulative_metrics["disk-write", "bytes"] == accesses[0].n_bytes
    assert buffer.cumulative_metrics["disk-read", "bytes"] == accesses[1].n_bytes
    unpickled_s = buffer.cumulative_metrics["deserialize", "seconds"]
    assert unpickled_s == pytest.approx(accesses[1].unpickle_s)


def test_what_fails_is_told_and_raised(buffer: SpillBuffer, accesses: list[spill.Access]) -> None:
    spill.watch(buffer, accesses.append)
    with pytest.raises(TypeError, match="Failed to pickle"):
        buffer["bad"] = [Unpicklable(), b"1" * 2_000]
    assert isinstance(accesses[0].error, TypeError)
    assert accesses[0].n_bytes is None
    assert "bad" not in buffer


def test_the_object_is_put_back_exactly(buffer: SpillBuffer, accesses: list[spill.Access]) -> None:
    slow = buffer._slow_uncached
    before = dict(vars(slow))
    unwatch = spill.watch(buffer, accesses.append)
    assert isinstance(slow, Slow)
    assert repr(slow) == repr(buffer._slow_uncached)
    buffer["first"] = b"1" * 2_000
    unwatch()
    assert type(slow) is Slow
    assert vars(slow).keys() == before.keys()
    assert buffer["first"] == b"1" * 2_000
    buffer["second"] = b"2" * 2_000
    assert len(accesses) == 1


def test_a_call_that_has_begun_survives_being_put_back(buffer: SpillBuffer) -> None:
    def record(_: spill.Access) -> None:
        unwatch()

    unwatch = spill.watch(buffer, record)
    buffer["large"] = b"1" * 2_000
    assert buffer["large"] == b"1" * 2_000


def test_a_buffer_made_in_another_way_is_left_alone(
    buffer: SpillBuffer, accesses: list[spill.Access]
) -> None:
    slow = buffer._slow_uncached
    del slow.weight_by_key
    with pytest.raises(AttributeError):
        spill.watch(buffer, accesses.append)
    assert type(slow) is Slow


def test_the_newest_is_what_others_make_room_for(
    buffer: SpillBuffer,
) -> None:
    newest: list[Any] = []
    spill.watch(buffer, lambda _: newest.append(spill.newest(buffer)))
    assert spill.newest(buffer) is None
    for key in "abc":
        buffer[key] = key.encode() * 400
    assert newest == ["c"]
    assert buffer["b"]
    buffer["d"] = b"d" * 400
    assert newest == ["c", "d"]


@pytest.mark.cluster
def test_a_worker_of_this_dask_is_made_as_expected(client: Client) -> None:
    """Its data, and the names of its asyncio tasks."""

    def watched(dask_worker: Worker) -> bool:
        data = dask_worker.data
        assert spill.spills(data)
        spill.watch(data, lambda _: None)()
        return True

    async def name() -> Any:
        task = asyncio.current_task()
        assert task is not None
        return task.get_name()

    assert all(client.run(watched).values())
    for key in ("text", ("a tuple", 1)):
        assert str(client.submit(name, key=key).result()) == spill.attempt_task(key)


@pytest.mark.cluster
def test_the_memory_monitor_has_the_name_expected(client: Client) -> None:
    async def one_round(dask_worker: Worker) -> list[str]:
        names: list[str] = []
        data = dask_worker.data
        assert spill.spills(data)

        def record(_: spill.Access) -> None:
            task = asyncio.current_task()
            assert task is not None
            names.append(task.get_name())

        unwatch = spill.watch(data, record)
        data["x"] = 1
        manager = dask_worker.memory_manager
        manager.memory_limit = 1
        await manager._maybe_spill(dask_worker, 1 << 60)
        unwatch()
        del data["x"]
        return names

    (names,) = client.run(one_round).values()
    assert names == [spill.MEMORY_MONITOR_TASK]


def test_other_mappings_are_not_watched() -> None:
    assert not spill.spills({})
