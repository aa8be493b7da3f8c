"""What of Dask's workers is private, on a real worker: fails when it moves."""

from __future__ import annotations

import asyncio
import inspect
import signal
from typing import TYPE_CHECKING, Any

import pytest
from distributed import Client, LocalCluster
from distributed._signals import wait_for_signals

from dask_otel.compat import worker as dasks

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def client() -> Iterator[Client]:
    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "processes": False}
    with LocalCluster(dashboard_address=":0", **options) as cluster, Client(cluster) as client:
        yield client


def test_the_functions_are_where_workers_look_for_them() -> None:
    found = {name: dasks.functions()[name] for name in (dasks.RUN_TASK, dasks.RUN_TASK_ASYNC)}
    assert list(inspect.signature(found[dasks.RUN_TASK]).parameters) == [
        "task",
        "data",
        "execution_state",
        "key",
        "active_threads",
        "active_threads_lock",
        "time_delay",
    ]
    of_coroutine = inspect.signature(found[dasks.RUN_TASK_ASYNC]).parameters
    assert list(of_coroutine) == ["task", "data", "time_delay"]
    assert inspect.iscoroutinefunction(dasks.functions()[dasks.GET_DATA])


async def test_handlers_of_signals_of_dasks_commands_are_known_from_others() -> None:
    assert not any(map(dasks.is_of_command, (signal.SIG_DFL, signal.default_int_handler, print)))
    waiting = asyncio.create_task(wait_for_signals())
    await asyncio.sleep(0)
    handlers = [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)]
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert all(map(dasks.is_of_command, handlers))


def test_workers_call_them_with_what_is_read_of_them(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: dict[str, tuple[Any, ...]] = {}
    results: dict[str, Any] = {}
    functions = dasks.functions()
    run_task, run_task_async = functions[dasks.RUN_TASK], functions[dasks.RUN_TASK_ASYNC]
    get_data = functions[dasks.GET_DATA]

    def run(*args: Any) -> Any:
        result = run_task(*args)
        calls[args[3]], results[args[3]] = args, result
        return result

    async def run_async(*args: Any) -> Any:
        calls["async"] = args
        return await run_task_async(*args)

    async def ask(*args: Any, **kwargs: Any) -> Any:
        calls["asked"] = args
        return await get_data(*args, **kwargs)

    async def coroutine() -> None:
        await asyncio.sleep(0)

    monkeypatch.setitem(functions, dasks.RUN_TASK, run)
    monkeypatch.setitem(functions, dasks.RUN_TASK_ASYNC, run_async)
    monkeypatch.setitem(functions, dasks.GET_DATA, ask)
    first, second = client.scheduler_info()["workers"]
    made = client.submit(lambda: 1, key="made", workers=[first])
    client.submit(lambda x: x, made, key="used", workers=[second]).result()
    of_coroutine: Any = client.submit(coroutine, key="async-1")
    of_coroutine.result()
    assert calls["made"][2]["worker"].address == first
    assert isinstance(calls["made"][6], float)
    assert isinstance(calls["async"][2], float)
    assert {"op", "start", "stop", "thread", "result", "nbytes"} <= results["made"].keys()
    assert results["made"]["op"] == "task-finished"
    assert calls["async"][0].key == "async-1"
    assert "asked" in calls
    failed = client.submit(lambda: 1 / 0, key="failed")
    assert failed.exception() is not None
    assert results["failed"]["op"] != "task-finished"
    assert {"start", "stop", "thread"} <= results["failed"].keys()


def test_the_task_to_which_a_batch_is_charged(client: Client) -> None:
    first, second = client.scheduler_info()["workers"]
    made = client.submit(lambda: 1, key="made", workers=[first])
    used = client.submit(lambda x: x, made, key="used", workers=[second])
    used.result()

    def read(dask_worker: Any) -> Any:
        charged = dasks.cause(dask_worker, ["made"])
        alone = dasks.cause(dask_worker, ["used"])
        gone = dasks.cause(dask_worker, ["unknown"])
        return charged and charged.key, alone and alone.key, gone

    assert client.run(read, workers=[second])[second] == ("used", "used", None)
