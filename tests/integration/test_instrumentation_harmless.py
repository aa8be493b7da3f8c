"""Whatever its endpoint and its tasks do, a watched cluster computes the same."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dask
import pytest
from distributed import Client, LocalCluster, wait

from tests.clusters import PRELOAD
from tests.endpoints import ENDPOINTS, GRPC_ENDPOINTS, dripping
from tests.rudeness import MuteError, RudeError, UnpicklableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

pytestmark = pytest.mark.cluster

CLIENT_PRELOAD = {"distributed.client.preload": ["dask_otel"]}
#: What the instrumentation may add to a cluster's own closing.
CLOSE_S = 2.0
#: How often a cluster may close late because the machine is busy.
N_TRIES = 3


def inc(number: int) -> int:
    return number + 1


def unpicklable() -> None:
    raise UnpicklableError("mine")


def rude() -> None:
    raise RudeError("not an Exception")


def mute() -> None:
    raise MuteError


def loud() -> None:
    raise ValueError("x" * 3_000_000)


def deep(depth: int = 200) -> None:
    if depth:
        deep(depth - 1)
    raise RecursionError("down there")


def deadly() -> None:
    os._exit(3)


def interrupted() -> None:
    """Ends its worker: Dask lets it pass."""
    raise KeyboardInterrupt


def forked() -> int:
    """A child that ends as Python ends, with all that it has inherited."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


ODD_KEYS: list[Any] = [
    *("", "k" * 100_000, "raw \xff", "日本\n<b>", 7, -2.5, 1 << 40),
    *(("a", 0), ("a", ("b", 1.5)), ("a", 1.0)),
]
FUNCTIONS: list[Callable[[], Any]] = [unpicklable, rude, mute, loud, deep, forked]
KILLERS: list[Callable[[], Any]] = [deadly, interrupted]


def work(client: Client) -> dict[str, str]:
    """What became of each task, in words."""
    futures = {f"inc-{i}": client.submit(inc, i, key=f"inc-{i}") for i in range(40)}
    futures |= {repr(key)[:40]: client.submit(inc, 1, key=key) for key in ODD_KEYS}
    for function in FUNCTIONS:
        futures[function.__name__] = client.submit(function, key=function.__name__)
    wait(list(futures.values()))
    outcomes = {name: _outcome(future) for name, future in futures.items()}
    futures.clear()
    for function in KILLERS:  # alone, so that they take nobody with them
        future = client.submit(function, key=function.__name__)
        wait(future)
        outcomes[function.__name__] = _outcome(future)
        client.wait_for_workers(2)
    return outcomes


def _outcome(future: Any) -> str:
    if future.status == "finished":
        return f"finished: {future.result()!r}"
    error = future.exception()
    try:
        return f"{future.status}: {type(error).__name__} {str(error)[:50]}"
    except RuntimeError:
        return f"{future.status}: {type(error).__name__}"


@contextmanager
def cluster() -> Iterator[Client]:
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=":0") as local,
        Client(local) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def unwatched() -> dict[str, str]:
    """What becomes of the tasks when nobody watches."""
    with dask.config.set({"dask-otel.enabled": False}), cluster() as client:
        return work(client)


def test_the_tasks_are_as_bad_as_they_should_be(unwatched: dict[str, str]) -> None:
    assert unwatched["inc-7"] == "finished: 8"
    assert unwatched["forked"] == "finished: 0"
    assert unwatched["rude"] == "error: RudeError not an Exception"
    assert unwatched["deadly"].startswith("error: KilledWorker")
    assert sum(outcome.startswith("error") for outcome in unwatched.values()) >= 6


@pytest.mark.parametrize("name", ENDPOINTS)
def test_results_are_the_same_with_an_endpoint_that_is(
    name: str,
    unwatched: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with ENDPOINTS[name]() as url:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        with dask.config.set(PRELOAD), cluster() as client:
            assert work(client) == unwatched
            watched = client.run(lambda dask_worker: "dask-otel" in dask_worker.plugins)
            assert set(watched.values()) == {True}
    lines = [line for line in capfd.readouterr().err.splitlines() if "dask_otel" in line]
    # What an endpoint does not want is a line for each signal, and one is what was left unsent;
    # the killers have made Dask start two workers anew.
    n_processes = 1 + 2 + len(KILLERS)
    assert len(lines) <= (3 + 1) * n_processes, lines


def closed_s(settings: dict[str, Any]) -> float:
    """How long a cluster takes to close that has just worked."""
    with dask.config.set(settings), cluster() as client:
        assert client.gather(client.map(inc, range(20))) == list(range(1, 21))
        began_s = time.monotonic()
    return time.monotonic() - began_s


@pytest.mark.parametrize(
    ("protocol", "serve"),
    [
        pytest.param(protocol, serve, id=f"{name}-{protocol}")
        for protocol, endpoints in (
            ("http/protobuf", {**ENDPOINTS, "dripping": dripping}),
            ("grpc", GRPC_ENDPOINTS),
        )
        for name, serve in endpoints.items()
    ],
)
def test_all_of_a_cluster_closes_hardly_later_with_an_endpoint_that_is(
    protocol: str, serve: Callable[[], AbstractContextManager[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve() as url:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
        later_s: list[float] = []
        while not later_s or (min(later_s) > CLOSE_S and len(later_s) < N_TRIES):
            own_s = closed_s({"dask-otel.enabled": False})
            later_s.append(
                closed_s({**PRELOAD, "distributed.client.preload": ["dask_otel"]}) - own_s
            )
    assert min(later_s) <= CLOSE_S, later_s
