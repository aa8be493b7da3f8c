"""The one place to which every way to start it comes."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, Any

import dask
import pytest
from distributed import Client, LocalCluster, Nanny

from dask_otel import config, preload
from dask_otel import conventions as names
from dask_otel.scheduler.adapter import SchedulerAdapter
from dask_otel.worker.adapter import WorkerAdapter
from tests.sinks import HttpSink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytestmark = pytest.mark.cluster


@pytest.fixture
def client() -> Iterator[Client]:
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def servers(client: Client) -> list[Any]:
    cluster = client.cluster
    assert isinstance(cluster, LocalCluster)
    return [cluster.scheduler, *cluster.workers.values(), client]


def state(server: Any) -> list[dict[str, Any]]:
    """Every mapping of a server that something could be put into."""
    found = [dict(vars(server))]
    for name in ("plugins", "handlers", "stream_handlers", "metrics", "extensions"):
        value = getattr(server, name, None)
        if isinstance(value, dict):
            found.append(dict(value))
    return found


def same(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> bool:
    """Whether the same things are there; methods by identity, data may have changed."""
    return all(
        old.keys() == new.keys() and all(new[key] is old[key] for key in old if callable(old[key]))
        for old, new in zip(before, after, strict=True)
    )


def test_started_by_many_it_is_started_once(client: Client, servers: list[Any]) -> None:
    async def race(server: Any) -> list[bool]:
        return list(await asyncio.gather(*(preload.instrument(server) for _ in range(4))))

    for server in servers:
        assert client.sync(race, server) == [True, False, False, False]
        assert preload.is_instrumented(server)
        assert client.sync(preload.uninstrument, server) is True
        assert client.sync(preload.uninstrument, server) is False
        assert not preload.is_instrumented(server)


def test_ended_it_leaves_everything_as_it_was(client: Client, servers: list[Any]) -> None:
    before = [state(server) for server in servers]
    for _ in range(2):
        for server in servers:
            assert client.sync(preload.instrument, server)
        assert client.submit(abs, -1, pure=False).result() == 1
        for server in servers:
            assert client.sync(preload.uninstrument, server)
        for server, old in zip(servers, before, strict=True):
            assert same(old, state(server))


def test_a_setting_that_cannot_be_understood_is_one_line(
    client: Client, servers: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    with dask.config.set({"dask-otel.tick": "abc"}), caplog.at_level(logging.ERROR, "dask_otel"):
        assert client.sync(preload.instrument, servers[0]) is False
    (record,) = caplog.records
    assert record.getMessage() == (
        "Nothing is sent: dask-otel.tick: must be a time such as 100ms, got 'abc'"
    )
    assert record.exc_info is None


def test_what_goes_wrong_is_logged_and_leaves_nothing_behind(
    client: Client,
    servers: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no")

    before = [state(server) for server in servers]
    monkeypatch.setattr(WorkerAdapter, "begin", fail)
    monkeypatch.setattr(SchedulerAdapter, "begin", fail)
    with caplog.at_level(logging.ERROR, "dask_otel"):
        for server in servers[:2]:
            assert client.sync(preload.instrument, server) is False
    assert [record.message for record in caplog.records] == ["Could not start: nothing is sent"] * 2
    for server, old in zip(servers, before, strict=True):
        assert same(old, state(server))


def test_a_setting_that_cannot_be_understood_is_logged(
    client: Client,
    servers: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "pigeon")
    assert client.sync(preload.instrument, servers[0]) is False
    assert "pigeon" in caplog.text


def test_switched_off_it_does_nothing(
    client: Client, servers: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert [client.sync(preload.instrument, server) for server in servers] == [False] * 3


@pytest.fixture
async def nanny() -> AsyncIterator[Nanny]:
    async with LocalCluster(
        n_workers=1, processes=True, dashboard_address=":0", asynchronous=True
    ) as cluster:
        (found,) = cluster.workers.values()
        assert isinstance(found, Nanny)
        yield found


async def test_of_a_nanny_only_what_it_logs_is_sent(
    nanny: Nanny, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HttpSink() as sink:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.endpoint)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        assert await preload.instrument(nanny) is True
        assert await preload.instrument(nanny) is False
        logging.getLogger("distributed.nanny").warning("mine")
        assert await preload.uninstrument(nanny) is True
        assert await preload.uninstrument(nanny) is False
        assert nanny.plugins == {}
    (record,) = sink.logs()
    assert record.body == "mine"
    assert record.resource[names.SERVICE_NAME] == names.SERVICE_NANNY
    assert {signal for signal, _ in sink.requests} == {"logs"}


async def test_a_nanny_is_left_by_who_has_begun(nanny: Nanny) -> None:
    settings = config.read()
    assert settings is not None
    await preload._accompany(nanny, settings)
    await preload._accompany(nanny, settings)  # its next worker asks again
    assert preload.is_instrumented(nanny)
    await preload._leave(nanny)
    assert not preload.is_instrumented(nanny)
    assert await preload.instrument(nanny)  # by another way
    await preload._accompany(nanny, settings)
    await preload._leave(nanny)
    assert await preload.uninstrument(nanny)


async def test_what_was_asked_of_a_nanny_ends_with_it(nanny: Nanny) -> None:
    settings = config.read()
    assert settings is not None
    await preload._accompany(nanny, settings)
    await nanny.close()
    assert not preload.is_instrumented(nanny)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_begins_anew(client: Client, servers: list[Any]) -> None:
    assert client.sync(preload.instrument, servers[0])
    preload._registry.lock.acquire()
    try:
        pid = os.fork()
        if pid == 0:  # in which nobody will ever release the lock of old
            with preload._registry.lock:
                os._exit(preload.is_instrumented(servers[0]))
    finally:
        preload._registry.lock.release()
    assert os.waitpid(pid, 0)[1] == 0
    assert client.sync(preload.uninstrument, servers[0])
