"""What takes long to be unpickled on its way to a worker, on real clusters."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from dask_otel import conventions as names
from tests.clusters import ROUNDED_NS, instrumented

if TYPE_CHECKING:
    from tests.sinks import SeenSpan, Sink

pytestmark = pytest.mark.cluster

SLOW_S = 0.02
#: Messages are not pickled inside of a process.
TCP: dict[str, Any] = {"host": "tcp://127.0.0.1", "threads_per_worker": 1}


class Slow:
    """Takes `SLOW_S` to be unpickled; carries `ballast`."""

    def __init__(self, ballast: bytes = b"") -> None:
        self.ballast = ballast

    def __reduce__(self) -> Any:
        return wake, (SLOW_S, self.ballast)


def wake(after_s: float, ballast: bytes = b"") -> Slow:
    time.sleep(after_s)
    return Slow(ballast)


def take(value: Any) -> str:
    return type(value).__name__


def by_key(sink: Sink, action: str) -> dict[str | None, SeenSpan]:
    spans = [seen for seen in sink.spans() if seen.attributes[names.ACTION] == action]
    found = {seen.attributes.get(names.TASK_KEY): seen for seen in spans}
    assert len(found) == len(spans)
    return found


def duration_s(seen: SeenSpan) -> float:
    return (seen.span.end_time_unix_nano - seen.span.start_time_unix_nano) / 1e9


@pytest.mark.parametrize("processes", [False, True])
def test_a_task_that_takes_long_to_arrive(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, processes: bool
) -> None:
    options = {**TCP, "processes": processes}
    with instrumented(monkeypatch, sink.endpoint, n_workers=2, **options) as client:
        assert client.submit(take, Slow(), key="slow").result() == "Slow"
    attempt = by_key(sink, names.ACTION_COMPUTE)["slow"]
    found = by_key(sink, names.ACTION_DESERIALIZE)
    assert "slow" in found
    assert duration_s(found["slow"]) >= SLOW_S
    assert found["slow"].span.parent_span_id == attempt.span.span_id
    assert found["slow"].span.trace_id == attempt.span.trace_id
    there_ns = attempt.span.start_time_unix_nano + ROUNDED_NS
    assert found["slow"].span.end_time_unix_nano <= there_ns
    assert found["slow"].attributes[names.DISK_BYTES] > 0
    assert found["slow"].resource == attempt.resource


@pytest.mark.filterwarnings("ignore:Sending large graph")
def test_a_large_message_is_unpickled_in_another_thread(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    large = Slow(b"x" * 12_000_000)
    with instrumented(monkeypatch, sink.endpoint, **TCP) as client:
        assert client.submit(take, large, key="large").result() == "Slow"
        assert client.submit(take, Slow(), key="small").result() == "Slow"
    found = by_key(sink, names.ACTION_DESERIALIZE)
    assert found.keys() == {"large", "small"}
    threads = {key: seen.attributes[names.THREAD_ID] for key, seen in found.items()}
    assert threads["large"] != threads["small"]


def test_values_that_take_long_to_arrive(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    with instrumented(monkeypatch, sink.endpoint, n_workers=2, **TCP) as client:
        here, there = client.scheduler_info(n_workers=2)["workers"]
        made = client.submit(wake, 0.0, key="made", workers=here)
        assert client.submit(take, made, key="used", workers=there).result() == "Slow"
    attempt = by_key(sink, names.ACTION_COMPUTE)["used"]
    (transfer,) = by_key(sink, names.ACTION_TRANSFER).values()
    (found,) = by_key(sink, names.ACTION_DESERIALIZE).values()
    assert found.attributes[names.TASK_KEY] == "made"
    assert found.span.parent_span_id == attempt.span.span_id == transfer.span.parent_span_id
    assert found.span.start_time_unix_nano >= transfer.span.start_time_unix_nano
    assert found.span.end_time_unix_nano == transfer.span.end_time_unix_nano
    assert duration_s(found) >= SLOW_S
