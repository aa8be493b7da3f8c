"""What tests of real clusters get: somebody who listens, and an environment that leads there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.accounts import account
from tests.emitters import everybody_is_patient as everybody_is_patient
from tests.sinks import GrpcSink, HttpSink
from tests.starting import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.accounts import Account


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    with HttpSink() as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A config folder of a user whose own lists are empty."""
    folder = tmp_path / "dask"
    folder.mkdir()
    (folder / "mine.yaml").write_text(HIDDEN)
    return folder


@pytest.fixture
def environment(sink: HttpSink, folder: Path) -> dict[str, str]:
    """Of a script or command, which sends to `sink` if it is instrumented."""
    return {
        **os.environ,
        "DASK_CONFIG": str(folder),
        "OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }


@pytest.fixture(
    scope="session",
    params=[
        pytest.param((HttpSink, "http/protobuf", True), id="http-nannies"),
        pytest.param((GrpcSink, "grpc", True), id="grpc-nannies"),
        pytest.param((HttpSink, "http/protobuf", False), id="http-one-process"),
        pytest.param((GrpcSink, "grpc", False), id="grpc-one-process"),
    ],
)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Account:
    """What a cluster has done, by what it has sent and by Dask's own account."""
    make_sink, protocol, processes = request.param
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder = tmp_path_factory.mktemp("work")
        return account(monkeypatch, make_sink, protocol, folder, processes=processes)
