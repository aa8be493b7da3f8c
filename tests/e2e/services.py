"""The real Collector and Jaeger as processes: how to start them and how to ask them."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import wait_for
from tools import COLLECTOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tools import Tool

ROOT = Path(__file__).parents[2]
STOP_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class Collector:
    """A running Collector with the shipped `otel-collector.yaml`.

    Attributes
    ----------
    grpc, http : str
        Where it receives: URLs, as OTEL_EXPORTER_OTLP_ENDPOINT takes them.
    desktop : int
        Port of 127.0.0.1 to which it sends for the desktop, whether anybody listens or not.
    health : str
        URL of its health check.
    metrics : str
        URL of its own counters.
    data : Path
        Directory of its files.
    """

    grpc: str
    http: str
    desktop: int
    health: str
    metrics: str
    data: Path

    def recorded(self, signal: str) -> list[dict[str, Any]]:
        """OTLP objects written so far: `signal` is traces, metrics or logs."""
        path = self.data / f"{signal}.jsonl"
        whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def count(self, counter: str, **labels: str) -> float:
        """Sum of one of its own counters over all points that have these labels."""
        wanted = [f'{name}="{value}"' for name, value in labels.items()]
        return sum(
            float(line.rpartition(" ")[2])
            for line in fetch(self.metrics).splitlines()
            if line.startswith(counter) and all(label in line for label in wanted)
        )


@dataclass(frozen=True, slots=True)
class Jaeger:
    """A running Jaeger with the shipped `packaging/jaeger.yaml`.

    Attributes
    ----------
    otlp : str
        Where it receives OTLP over gRPC, host:port.
    query : str
        URL of its pages and of its query API.
    """

    otlp: str
    query: str

    def services(self) -> list[str]:
        """Names of the services that have sent to it."""
        names: list[str] = json.loads(fetch(f"{self.query}/api/v3/services"))["services"]
        return names

    def trace(self, trace_id: int) -> list[dict[str, Any]]:
        """Spans of one trace as OTLP/JSON objects, none while Jaeger does not know it."""
        try:
            found = fetch(f"{self.query}/api/v3/traces/{trace_id:032x}")
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    return []
            raise
        return [
            span
            for resource in json.loads(found)["result"]["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]


def fetch(url: str) -> str:
    """Body of the answer to a GET."""
    with urllib.request.urlopen(url, timeout=5) as answer:
        body: bytes = answer.read()
    return body.decode()


def binary(tool: Tool) -> str:
    """Path of a built tool; the test fails, and says what to do, if it was not built."""
    if not tool.path.exists():
        pytest.fail(f"{tool.path} is missing; build it with: make tools")
    return str(tool.path)


@contextlib.contextmanager
def running_collector(
    folder: Path, free_port: Callable[[], int], jaeger: str | None = None
) -> Iterator[Collector]:
    """Run a Collector that sends to `jaeger` (host:port), or to a Jaeger that is not there."""
    grpc, http, desktop, metrics, health = (free_port() for _ in range(5))
    data = folder / f"otelcol-{grpc}"
    settings = {
        "OTELCOL_GRPC_PORT": str(grpc),
        "OTELCOL_HTTP_PORT": str(http),
        "OTELCOL_HEALTH": f"127.0.0.1:{health}",
        "OTELCOL_METRICS_PORT": str(metrics),
        "OTELCOL_DATA": str(data),
        "DASKSCOPE_ENDPOINT": f"127.0.0.1:{desktop}",
        "JAEGER_OTLP_ENDPOINT": jaeger or f"127.0.0.1:{free_port()}",
    }
    command = [binary(COLLECTOR), "--config", str(ROOT / "otel-collector.yaml")]
    log = folder / f"otelcol-{grpc}.log"
    with running(command, settings, f"http://127.0.0.1:{health}/", log):
        yield Collector(
            grpc=f"http://127.0.0.1:{grpc}",
            http=f"http://127.0.0.1:{http}",
            desktop=desktop,
            health=f"http://127.0.0.1:{health}/",
            metrics=f"http://127.0.0.1:{metrics}/metrics",
            data=data,
        )


@contextlib.contextmanager
def running(
    command: list[str], settings: Mapping[str, str], health: str, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` from the moment its `health` URL answers; stop it as an operator would."""
    as_typed = shlex.join([*(f"{name}={value}" for name, value in settings.items()), *command])
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=log.parent, env=os.environ | settings, stdout=output, stderr=output
        )

    def healthy() -> bool:
        if process.poll() is not None:
            raise AssertionError(f"ended by itself: {as_typed}\n{log.read_text()[-4000:]}")
        try:
            fetch(health)
        except OSError:
            return False
        return True

    try:
        wait_for(healthy)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
