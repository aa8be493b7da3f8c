"""The real Collector and Jaeger with the shipped files; where a command writes and listens."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.e2e.programs import MARK, homes
from tests.e2e.services import ROOT, Collector, Jaeger, binary, running, running_collector
from tools import JAEGER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class StartCollector(Protocol):
    """Start a Collector that sends to `jaeger` (host:port), or to a Jaeger that is not there."""

    def __call__(self, jaeger: str | None = None) -> Collector: ...


@pytest.fixture
def start_collector(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[StartCollector]:
    """Return a function that starts a Collector, which runs until the end of the test."""
    with contextlib.ExitStack() as stack:

        def start(jaeger: str | None = None) -> Collector:
            return stack.enter_context(running_collector(tmp_path, free_port, jaeger))

        yield start


@pytest.fixture(scope="session")
def jaeger(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Jaeger]:
    """Run one Jaeger for the whole session: traces of different tests do not meet."""
    otlp, query, grpc, health = (f"127.0.0.1:{free_port()}" for _ in range(4))
    settings = {
        "JAEGER_OTLP_ENDPOINT": otlp,
        "JAEGER_QUERY_ENDPOINT": query,
        "JAEGER_QUERY_GRPC_ENDPOINT": grpc,
        "JAEGER_HEALTH": health,
    }
    command = [binary(JAEGER), "--config", str(ROOT / "packaging" / "jaeger.yaml")]
    log = tmp_path_factory.mktemp("jaeger") / "jaeger.log"
    with running(command, settings, f"http://{health}/status", log):
        yield Jaeger(otlp=otlp, query=f"http://{query}")


@pytest.fixture
def collector(start_collector: StartCollector, jaeger: Jaeger) -> Collector:
    """Run a Collector that sends to the real Jaeger, and to port `desktop`."""
    return start_collector(jaeger=jaeger.otlp)


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """Variables that keep what a command writes in a folder, and mark all that it starts."""
    return {**homes(tmp_path), MARK: str(tmp_path)}


@pytest.fixture
def ports(free_port: Callable[[], int]) -> list[str]:
    return ["--http", f"127.0.0.1:{free_port()}", "--grpc", f"127.0.0.1:{free_port()}"]
