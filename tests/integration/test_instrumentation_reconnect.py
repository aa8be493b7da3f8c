"""A client whose scheduler's process goes away and comes back at the same address."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING

import dask
import pytest
from distributed import Client
from opentelemetry.sdk.trace import TracerProvider

from dask_otel import conventions as names
from tests.clusters import dask_command
from tests.sinks import HttpSink, Sink
from tests.waiting import wait_for

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from opentelemetry.proto.trace.v1.trace_pb2 import Span
    from opentelemetry.trace import Tracer

pytestmark = pytest.mark.cluster


def compute(client: Client, tracer: Tracer, name: str) -> int:
    """Two tasks that a span of the user's submits; the id of its trace."""
    with tracer.start_as_current_span(name) as user:
        one = client.submit(abs, -1, key=f"{name}-1")
        assert client.submit(abs, one, key=f"{name}-2").result(timeout=30) == 1
    return user.get_span_context().trace_id


def is_whole(sink: Sink, trace_id: int, name: str) -> bool:
    """Whether each attempt is under a graph, and that under a call."""
    kinds: dict[str, dict[bytes, Span]] = {}
    for seen in sink.spans():
        if int.from_bytes(seen.span.trace_id, "big") == trace_id:
            kinds.setdefault(seen.span.name, {})[seen.span.span_id] = seen.span
    calls, graphs, attempts = (
        kinds.get(kind, {}) for kind in ("dask.client.submit", names.SPAN_GRAPH, name)
    )
    assert len(calls) <= 2
    assert len(attempts) <= 2
    return (
        len(calls) == len(graphs) == len(attempts) == 2
        and {graph.parent_span_id for graph in graphs.values()} == calls.keys()
        and {attempt.parent_span_id for attempt in attempts.values()} == graphs.keys()
    )


@pytest.mark.parametrize(
    ("way", "again"),
    [(signal.SIGKILL, False), (signal.SIGKILL, True), (signal.SIGTERM, True)],
    ids=["reconnects", "another", "another after an end in good order"],
)
def test_what_it_computes_afterwards_is_one_trace_again(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    free_port: Callable[[], int],
    way: signal.Signals,
    again: bool,
) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("user")
    with HttpSink() as sink, ExitStack() as stack:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.endpoint)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        stack.enter_context(dask.config.set({"distributed.client.preload": ["dask_otel"]}))

        def connect() -> Client:
            client = Client(address, timeout=30, set_as_default=False)
            stack.enter_context(client)
            return client

        def start(where: ExitStack, *words: str) -> subprocess.Popen[bytes]:
            return where.enter_context(dask_command(tmp_path, sink.endpoint, *words))

        with ExitStack() as first:
            scheduler = start(first, "scheduler", "--host", address)
            start(first, "worker", address)
            client = connect()
            before = compute(client, tracer, "before")
            wait_for(lambda: is_whole(sink, before, "before"))
            scheduler.send_signal(way)
            scheduler.wait(20)
        start(stack, "scheduler", "--host", address)
        start(stack, "worker", address)
        if again:
            client = connect()
        wait_for(lambda: client.status == "running")
        client.wait_for_workers(1, timeout=30)
        after = compute(client, tracer, "after")
        wait_for(lambda: is_whole(sink, after, "after"))
        client.close()
    assert is_whole(sink, before, "before")
    ours = [record for record in caplog.records if record.name.startswith("dask_otel")]
    assert len(ours) <= 1, [record.getMessage() for record in ours]
