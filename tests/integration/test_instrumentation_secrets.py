"""What users compute with is theirs: no byte of it is sent, whatever becomes of their tasks."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import dask
import pytest
from distributed import wait

from dask_otel import conventions as names
from tests.clusters import BY_MEMORY_MONITOR, MEMORY_LIMIT, instrumented
from tests.seen import attempts, events, spans
from tests.sinks import GrpcSink, HttpSink
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.cluster

SECRET = "correct-horse-battery-staple"


def same(value: str) -> str:
    return value


def fail(value: str) -> None:
    raise ValueError(f"of {len(value)} characters")


def succeed_later(value: str, begun: Path) -> str:
    if not begun.exists():
        begun.touch()
        raise OSError("not yet")
    return value


def warn(value: str) -> str:
    logging.getLogger("distributed.mine").warning("of %d characters", len(value))
    return value


@pytest.mark.parametrize(
    ("protocol", "make_sink"), [("http/protobuf", HttpSink), ("grpc", GrpcSink)]
)
def test_arguments_and_results_are_in_nothing_that_is_sent(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    protocol: str,
    make_sink: type[HttpSink] | type[GrpcSink],
) -> None:
    options: dict[str, Any] = {"n_workers": 2, "processes": True, "memory_limit": MEMORY_LIMIT}
    with make_sink() as sink:
        with (
            dask.config.set(BY_MEMORY_MONITOR),
            instrumented(monkeypatch, sink.endpoint, protocol, **options) as client,
        ):
            here, there = client.scheduler_info(n_workers=2)["workers"]
            made = client.submit(same, SECRET, key="made", workers=[here])
            moved = client.submit(same, made, key="moved", workers=[there])
            failed = client.submit(fail, SECRET, key="failed")
            retried = client.submit(
                succeed_later, SECRET, tmp_path / "begun", key="retried", retries=1
            )
            said = client.submit(warn, SECRET, key="said")
            scattered = client.scatter(SECRET)
            wait([moved, failed, retried, said])
            assert client.gather([moved, retried, said, scattered]) == [SECRET] * 4
            wait_for(lambda: spans(sink, names.ACTION_DISK_WRITE))
        assert len(attempts(sink, "failed")) == 1
        assert len(attempts(sink, "retried")) == 2
        assert spans(sink, names.ACTION_TRANSFER)
        assert any(log.body == "of 28 characters" for log in events(sink, names.EVENT_LOG))
        bodies = [request.SerializeToString() for _, request in sink.requests]
        assert any(b"of 28 characters" in body for body in bodies)
        assert not any(SECRET.encode() in body for body in bodies)
        assert SECRET not in repr(sink.headers)
