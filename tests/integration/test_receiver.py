"""The receiver's real process, over both transports."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import signal
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import grpc
import pytest
from google.rpc import code_pb2, error_details_pb2
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import (
    metrics_service_pb2,
    metrics_service_pb2_grpc,
)
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from daskscope.ingest import otlp_json
from daskscope.ingest.catalogue import recordings
from daskscope.ingest.journal import Journal
from daskscope.ingest.journal_reader import JournalReader
from daskscope.ingest.link import LinkClient
from daskscope.ingest.source import Source
from daskscope.store.schema import (
    EventBatch,
    Kind,
    PointBatch,
)
from tests.posting import JSON, LOOPBACK, PROTOBUF, export_raw, post, still_receives
from tests.telemetry import gauge, record, tasks
from tests.viewer import Window, ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Source]:
    with closing(Source.receive(LOOPBACK, LOOPBACK, tmp_path / "live.dscope")) as source:
        source.wait()
        yield source


def test_all_signals_over_http_and_grpc(source: Source) -> None:
    window = Window(source)
    assert post(source, "/v1/traces", tasks(40).SerializeToString())[0] == 200
    assert post(source, "/v1/metrics", gauge("m", 1.0).SerializeToString())[0] == 200
    assert post(source, "/v1/logs", record("e", {}).SerializeToString())[0] == 200
    with grpc.insecure_channel(source.grpc[0]) as channel:
        traces = trace_service_pb2_grpc.TraceServiceStub(channel)  # type: ignore[no-untyped-call]
        metrics = metrics_service_pb2_grpc.MetricsServiceStub(channel)  # type: ignore[no-untyped-call]
        logs = logs_service_pb2_grpc.LogsServiceStub(channel)  # type: ignore[no-untyped-call]
        empty = trace_service_pb2.ExportTraceServiceResponse()
        assert traces.Export(tasks(40, first=40)) == empty
        assert metrics.Export(gauge("m", 2.0)) == metrics_service_pb2.ExportMetricsServiceResponse()
        assert logs.Export(record("e", {})) == logs_service_pb2.ExportLogsServiceResponse()
    assert window.wait_for_spans(80) == ids(80)
    window.wait_for_status(lambda status: status.requests == 6)
    points = [batch for batch in window.batches if isinstance(batch, PointBatch)]
    assert [value for batch in points for value in batch.columns["value"]] == [1.0, 2.0]
    assert sum(len(batch) for batch in window.batches if isinstance(batch, EventBatch)) == 2
    assert window.status.http == source.http
    assert (window.status.spans, window.status.points, window.status.events) == (80, 2, 2)
    requests = window.column("request")
    assert requests == sorted(requests)


def test_json_gzip_and_empty_requests(source: Source) -> None:
    window = Window(source)
    line = otlp_json.line(tasks(3))
    status, headers, body = post(source, "/v1/traces", line, JSON)
    assert (status, headers["Content-Type"].split(";")[0], body) == (200, JSON, b"{}")
    packed = gzip.compress(tasks(40, first=3).SerializeToString())
    status, headers, body = post(source, "/v1/traces", packed, Content_Encoding="gzip")
    assert (status, headers["Content-Type"], body) == (200, PROTOBUF, b"")
    for name in ("traces", "metrics", "logs"):
        assert post(source, f"/v1/{name}", b"")[0] == 200
        assert post(source, f"/v1/{name}", b"{}", "application/json; charset=utf-8")[0] == 200
    assert window.wait_for_spans(43) == ids(43)


def test_a_full_disk_asks_to_come_again_and_recovers(source: Source, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    prlimit = getattr(resource, "prlimit", None)
    if prlimit is None:
        pytest.skip("only Linux limits the files of another process")
    window = Window(source)
    pid = source._process.pid
    still_receives(source)
    _, hard = prlimit(pid, resource.RLIMIT_FSIZE)
    size = max(path.stat().st_size for path in tmp_path.glob("live.dscope*"))
    prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    body = tasks(2_000).SerializeToString()
    status, headers, content = post(source, "/v1/traces", body)
    assert status == 503
    assert int(headers["Retry-After"]) > 0
    assert Status.FromString(content).code == code_pb2.UNAVAILABLE
    with grpc.insecure_channel(source.grpc[0]) as channel:
        with pytest.raises(grpc.RpcError) as raised:
            export_raw(channel, body)
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
        trailers = {item.key: item.value for item in raised.value.trailing_metadata()}
        details = Status.FromString(trailers["grpc-status-details-bin"]).details
        retry = error_details_pb2.RetryInfo()
        assert details[0].Unpack(retry)
        assert retry.retry_delay.seconds > 0
    window.wait_for_status(lambda status: status.problem != "")
    prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
    assert post(source, "/v1/traces", body)[0] == 200
    assert window.wait_for_spans(2_003) == [*ids(3, first=10**6), *ids(2_000)]
    window.wait_for_status(lambda status: not status.problem)
    assert window.status.duplicates == 0


def test_killed_under_load_nothing_acknowledged_is_lost(source: Source, tmp_path: Path) -> None:
    acknowledged: list[int] = []
    n_each = 500
    enough = threading.Event()

    def send(sender: int) -> None:
        for number in range(sender, 10_000, 4):
            body = tasks(n_each, first=number * n_each).SerializeToString()
            try:
                status, _, _ = post(source, "/v1/traces", body)
            except (OSError, http.client.HTTPException):
                return
            if status == 200:
                acknowledged.append(number)
            if len(acknowledged) > 200:  # more than one seal
                enough.set()

    senders = [threading.Thread(target=send, args=(sender,)) for sender in range(4)]
    for sender in senders:
        sender.start()
    assert enough.wait(60)
    os.kill(source._process.pid, signal.SIGKILL)
    for sender in senders:
        sender.join()
    (info,) = recordings(tmp_path)
    assert info.is_unended
    assert info.meta.title == "cluster-1"
    with closing(Source.read(info.path)) as reader:
        window = Window(reader)
        reader.wait()
        window.wait_for_status(lambda status: status.progress == 1.0)
        window.drain()
        found = window.column("span_id")
    assert len(found) == len(set(found))
    assert set(found) >= {i for number in acknowledged for i in ids(n_each, number * n_each)}
    assert len(found) == info.meta.tasks


def test_duplicates_are_left_out_over_the_whole_history(source: Source) -> None:
    window = Window(source)
    n = 70_000  # more than a chunk
    for first in range(0, n, 10_000):
        body = tasks(10_000, first=first).SerializeToString()
        assert post(source, "/v1/traces", body)[0] == 200
    again = tasks(200, first=100)
    again.MergeFrom(tasks(200, first=n - 100))
    again.MergeFrom(tasks(200, first=n - 100))
    assert post(source, "/v1/traces", again.SerializeToString())[0] == 200
    assert window.wait_for_spans(n + 100) == ids(n + 100)
    window.wait_for_status(lambda status: status.duplicates == 500)


def test_clients_that_come_late_or_read_slowly_get_everything_once(source: Source) -> None:
    early, slow = Window(source), Window(source)
    ready = json.loads(source._line)
    n = 200_000
    early.drain()
    with closing(LinkClient("127.0.0.1", ready["link"], source._token)) as link:
        slow = Window(link)
        slow.drain()
        for first in range(0, n, 5_000):
            body = tasks(5_000, first=first).SerializeToString()
            assert post(source, "/v1/traces", body)[0] == 200
            early.drain()
        assert early.wait_for_spans(n) == ids(n)
        assert slow.wait_for_spans(n) == ids(n)
        slow.drain()
        assert len(slow.column("span_id")) == n
        with closing(LinkClient("127.0.0.1", ready["link"], source._token)) as third:
            late = Window(third)
            assert late.wait_for_spans(n) == ids(n)
            assert late.strings == early.strings
            still_receives(source)
            assert late.wait_for_spans(n + 3)[n:] == ids(3, first=10**6)


def test_a_closed_session_is_read_as_it_was(source: Source, tmp_path: Path) -> None:
    window = Window(source)
    for first in range(0, 80_000, 8_000):
        post(source, "/v1/traces", tasks(8_000, first=first).SerializeToString())
    post(source, "/v1/metrics", gauge("m", 5.0).SerializeToString())
    window.wait_for_spans(80_000)
    source.close()
    assert [path.name for path in tmp_path.iterdir()] == ["live.dscope"]
    (info,) = recordings(tmp_path)
    assert not info.is_unended
    assert (info.meta.spans, info.meta.tasks, info.meta.points) == (80_000, 80_000, 1)
    with closing(Source.read(info.path)) as reader:
        again = Window(reader)
        assert again.wait_for_spans(80_000) == window.column("span_id")
        again.wait_for_status(lambda status: status.progress == 1.0)
        assert not again.status.is_live
    assert again.strings == window.strings


def test_it_ends_with_its_parent_and_on_sigterm(tmp_path: Path) -> None:
    ends: dict[str, Callable[[Source], None]] = {
        "stdin": lambda source: source._process.stdin.close() if source._process.stdin else None,
        "term": lambda source: source._process.terminate(),
    }
    for name, end in ends.items():
        path = tmp_path / f"{name}.dscope"
        with closing(Source.receive(LOOPBACK, LOOPBACK, path)) as source:
            source.wait()
            still_receives(source)
            end(source)
            assert source._process.wait(10) == 0
            assert not source.is_alive
        reader = JournalReader(path)
        assert reader.meta.is_ended
        assert reader.last_sealed() == 1
        reader.close()


def test_what_the_sdk_exports_arrives(source: Source) -> None:
    url = f"http://{source.http[0]}/v1/traces"
    window = Window(source)
    sent = []
    for exporter in (
        HttpExporter(url),
        HttpExporter(url, compression=Compression.Gzip),
        GrpcExporter(source.grpc[0], insecure=True),
    ):
        provider = TracerProvider(resource=Resource({"service.name": "somebody else"}))
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        with provider.get_tracer("test").start_as_current_span("GET /") as span:
            sent.append(span.get_span_context().span_id)
        provider.shutdown()
    assert window.wait_for_spans(3) == sent
    assert set(window.column("kind")) == {Kind.OTHER}
    assert {window.strings[name] for name in window.column("name")} == {"GET /"}
    assert {resource["service.name"] for resource in window.resources} == {"somebody else"}


def test_damage_in_a_recording_is_said_while_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.dscope"
    journal = Journal(path)
    journal._db.execute("INSERT INTO chunks VALUES (1, 'SpanBatch', 1, 1, x'00')")
    journal.close()
    with closing(Source.read(path)) as reader:
        reader.wait()
        window = Window(reader)
        assert "damaged" in window.wait_for_status(lambda status: status.problem != "").problem
        assert window.status.progress < 1.0
