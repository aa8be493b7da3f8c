"""What a worker asks of its nanny."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import dask
import pytest
from distributed import LocalCluster

from dask_otel.worker.nanny import ask

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from distributed import Worker

pytestmark = pytest.mark.cluster


@pytest.fixture
async def workers() -> AsyncIterator[tuple[Worker, Worker]]:
    """Two of which the second does what a nanny would."""
    async with LocalCluster(
        n_workers=2, processes=False, dashboard_address=":0", asynchronous=True
    ) as cluster:
        first, second = cluster.workers.values()
        first.nanny = second.address
        yield first, second
        first.nanny = None


async def note(dask_worker: Worker, word: str) -> None:
    dask_worker.noted = word  # type: ignore[attr-defined]


async def fail(dask_worker: Worker) -> None:
    raise ValueError("not today")


async def test_it_is_run_there(workers: tuple[Worker, Worker]) -> None:
    first, second = workers
    await ask(first, note, word="mine")
    assert second.noted == "mine"  # type: ignore[attr-defined]


async def test_where_that_fails_it_is_a_line(
    workers: tuple[Worker, Worker], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "dask_otel"):
        await ask(workers[0], fail)
    assert "The nanny has failed: ValueError('not today')" in caplog.text


async def test_where_nobody_answers_it_is_a_line(
    workers: tuple[Worker, Worker], caplog: pytest.LogCaptureFixture
) -> None:
    first, second = workers
    await second.close()
    with (
        caplog.at_level(logging.INFO, "dask_otel"),
        dask.config.set({"distributed.comm.timeouts.connect": "100ms"}),
    ):
        await ask(first, note, word="mine")
    assert "The nanny does not answer" in caplog.text


async def test_without_one_nobody_is_asked(workers: tuple[Worker, Worker]) -> None:
    first, second = workers
    first.nanny = None
    await ask(first, note, word="mine")
    assert not hasattr(second, "noted")
