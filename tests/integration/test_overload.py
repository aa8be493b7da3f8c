"""A receiver that cannot keep up: it asks for patience, and loses nothing that it has taken."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from operator import ge
from typing import TYPE_CHECKING

import grpc
import psutil
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from daskscope.ingest import receiver as receivers
from daskscope.ingest.clock import wall_ns
from daskscope.ingest.journal_reader import JournalReader
from daskscope.ingest.source import NICENESS, Source
from daskscope.simulate.cluster import Cluster
from daskscope.simulate.requests import Request
from daskscope.simulate.run import send_all
from daskscope.simulate.send import connect
from daskscope.simulate.session import Session
from tests.stuck import body, stuck_receiver
from tests.telemetry import tasks
from tests.viewer import Window, ids
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

    from daskscope.store.schema import SourceStatus

LOOPBACK = ("127.0.0.1:0",)
EXPORT_TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@pytest.fixture(autouse=True)
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    # For two of the requests, and not for what comes then.
    monkeypatch.setattr(receivers, "MAX_WAITING_BYTES", 2 * len(body(0)) + 50_000)


@pytest.mark.parametrize(
    ("kind", "reason"), [("http", "HTTP 429 Too Many Requests"), ("grpc", "gRPC UNAVAILABLE")]
)
async def test_what_does_not_fit_is_asked_for_again(tmp_path: Path, kind: str, reason: str) -> None:
    path = tmp_path / "live.dscope"
    async with stuck_receiver(path) as stuck:
        waiting = await asyncio.to_thread(stuck.fill)
        sender = connect(stuck.urls[kind])
        request = Request(0, "traces", body(2), 600)
        answer = await asyncio.to_thread(sender.send, request)
        assert answer.retry_s == receivers.BUSY_RETRY_S
        assert answer.reason.startswith(reason)
        stuck.is_free.set()
        for thread in waiting:
            await asyncio.to_thread(thread.join)
        assert (await asyncio.to_thread(sender.send, request)).retry_s is None
        sender.close()
        assert stuck.receiver.status().spans == 1_800
        assert stuck.receiver.status().duplicates == 0
    assert JournalReader(path).meta.spans == 1_800


async def test_what_a_sender_gives_up_takes_room_until_it_is_written(tmp_path: Path) -> None:
    """A sender that does not wait sends again, and would fill the memory."""
    async with stuck_receiver(tmp_path / "live.dscope") as stuck:
        address = stuck.urls["grpc"].removeprefix("grpc://")
        async with grpc.aio.insecure_channel(address) as channel:
            export: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
                EXPORT_TRACES
            )
            for number in range(2):
                with pytest.raises(grpc.aio.AioRpcError, match="DEADLINE_EXCEEDED"):
                    await export(body(number), timeout=0.5)
            with pytest.raises(grpc.aio.AioRpcError, match="too much is waiting"):
                await export(body(2), timeout=20)
            stuck.is_free.set()
            await asyncio.to_thread(wait_for, lambda: not stuck.receiver._waiting_bytes)
            await export(body(2), timeout=20)
        assert stuck.receiver.status().spans == 1_800


@pytest.mark.parametrize("kind", ["http", "grpc"])
async def test_the_sdks_exporters_come_again_when_they_are_told_to(
    tmp_path: Path, kind: str
) -> None:
    async with stuck_receiver(tmp_path / "live.dscope") as stuck:
        waiting = await asyncio.to_thread(stuck.fill)
        url = stuck.urls[kind]
        exporter = (
            HttpExporter(f"{url}/v1/traces")
            if kind == "http"
            else GrpcExporter(url.removeprefix("grpc://"), insecure=True)
        )
        began_s = time.monotonic()
        export = asyncio.create_task(asyncio.to_thread(exporter.export, some_spans(400)))
        await asyncio.sleep(0.3)
        assert not export.done()
        stuck.is_free.set()
        assert await export is SpanExportResult.SUCCESS
        # It has waited for as long as it was told to, and not for a time of its own.
        assert receivers.BUSY_RETRY_S * 0.8 <= time.monotonic() - began_s < 10
        exporter.shutdown()
        for thread in waiting:
            await asyncio.to_thread(thread.join)
        assert stuck.receiver.status().spans == 1_600


def some_spans(n: int) -> Sequence[ReadableSpan]:
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    for number in range(n):
        provider.get_tracer("t").start_span(f"span {number}", attributes={"x": "y" * 300}).end()
    return memory.get_finished_spans()


def test_a_window_that_stalls_costs_the_receiver_no_memory(tmp_path: Path) -> None:
    """What it does not take stays in the journal, and is read there when it goes on."""
    source = Source.receive(LOOPBACK, LOOPBACK, tmp_path / "live.dscope")
    try:
        source.wait()
        process = psutil.Process(source._process.pid)
        window = Window(source)
        window.wait_for_status(lambda status: bool(status.http))
        url = f"http://{source.http[0]}"
        # Until then arrays of one request more or less make the difference.
        send(url, 0.0, 150_000)
        window.wait_for_spans(150_000)
        before = process.memory_info().rss
        # 600,000 spans come while the window takes nothing.
        send(url, 150_000, 750_000)
        grown = process.memory_info().rss - before
        assert window.wait_for_spans(750_000) == ids(750_000)
        assert grown < 40 << 20
    finally:
        source.close()


@pytest.mark.skipif(sys.platform != "linux", reason="niceness is a thread's own on Linux only")
def test_no_thread_of_a_receiver_takes_the_window_its_time(tmp_path: Path) -> None:
    source = Source.receive(LOOPBACK, LOOPBACK, tmp_path / "live.dscope")
    try:
        source.wait()
        send(f"http://{source.http[0]}", 0.0, 10_000)
        threads = psutil.Process(source._process.pid).threads()
        assert len(threads) > 3
        found = {os.getpriority(os.PRIO_PROCESS, thread.id) for thread in threads}
        assert found == {min(os.getpriority(os.PRIO_PROCESS, 0) + NICENESS, 19)}
    finally:
        source.close()


def send(url: str, first: float, last: int) -> None:
    sender = connect(url)
    for start in range(int(first), last, 10_000):
        request = Request(0, "traces", tasks(10_000, first=start).SerializeToString(), 10_000)
        assert sender.send(request).retry_s is None
    sender.close()


def taken(status: SourceStatus) -> tuple[int, int, int]:
    return status.spans, status.points, status.events


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_a_simulated_cluster_is_received_to_the_last_item(tmp_path: Path, kind: str) -> None:
    source = Source.receive(LOOPBACK, LOOPBACK, tmp_path / "live.dscope")
    try:
        source.wait()
        window = Window(source)
        session = Session(Cluster(5, 20, 2), 3_000.0, wall_ns())
        url = f"{kind}://{source.http[0] if kind == 'http' else source.grpc[0]}"
        totals = send_all(session.requests(2.0), url, lambda: False)
        assert totals.refused == totals.unsent == dict.fromkeys(totals.sent, 0)
        assert totals.sent["traces"] > 3_000
        sent = tuple(totals.sent.values())
        status = window.wait_for_status(lambda status: all(map(ge, taken(status), sent)))
        assert taken(status) == sent
        assert (status.rejected, status.duplicates) == (0, 0)
    finally:
        source.close()
