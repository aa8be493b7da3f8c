"""Each private name that `dask_otel` touches: a new release that moves one is noticed here."""

from __future__ import annotations

import contextlib
import functools
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import grpc
import pytest
import requests
from distributed import Client, LocalCluster, Scheduler, Worker
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

from dask_otel.compat import otlp, otlp_http, servers
from tests.sinks import GrpcSink, HttpSink

if TYPE_CHECKING:
    from collections.abc import Callable

SIGNALS = ("traces", "metrics", "logs")
PROTOCOLS = [("http/protobuf", HttpSink), ("grpc", GrpcSink)]


@pytest.mark.cluster
async def test_what_dask_keeps_to_itself_is_where_it_was() -> None:
    options = {"processes": False, "n_workers": 1, "dashboard_address": ":0", "asynchronous": True}
    async with LocalCluster(**options) as cluster, Client(cluster, asynchronous=True) as client:
        await client.submit(lambda: 1, key="x")
        scheduler, worker = cluster.scheduler, cluster.workers[0]
        assert isinstance(scheduler, Scheduler)
        assert isinstance(worker, Worker)
        assert 0 < servers.tick_interval_s(scheduler) < 10
        assert 0 < servers.tick_interval_s(worker) < 10
        span_id = worker.state.tasks["x"].span_id
        assert span_id == scheduler.tasks["x"].group.span_id
        assert span_id is not None
        assert {"start_time", "startstops", "run_id", "priority", "prefix"} <= {
            *worker.state.tasks["x"].__slots__
        }
        assert worker.transfer_incoming_log.maxlen == 1_000
        assert isinstance(worker.active_threads, dict)


@pytest.mark.parametrize(("protocol", "make_sink"), PROTOCOLS)
@pytest.mark.parametrize("signal", SIGNALS)
def test_each_exporter_lends_its_transport(
    protocol: str,
    make_sink: type[HttpSink] | type[GrpcSink],
    signal: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-team=blue")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "3")
    with make_sink() as sink:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.endpoint)
        transport = otlp.transport(signal, protocol, None)
        assert transport.timeout_s == 3
        assert transport.send(b"", 2).accepted
        sink.answer = lambda _signal: 503
        refused = transport.send(b"", 2)
        assert (refused.accepted, refused.retry) == (False, True)
        sink.answer = lambda _signal: 200
        assert transport.send(b"", 2).accepted  # a refusal breaks no connection
        transport.close()
    assert [kind for kind, _ in sink.requests] == [signal, signal]
    assert {headers["x-team"] for headers in sink.headers} == {"blue"}


@pytest.mark.parametrize(
    ("status", "retry"),
    [
        (301, False),
        (400, False),
        (413, False),
        (500, False),
        (429, True),
        (502, True),
        (503, True),
        (504, True),
    ],
)
def test_only_some_http_answers_are_worth_another_try(status: int, retry: bool) -> None:
    with HttpSink(answer=lambda _signal: status) as sink:
        transport = otlp.transport("traces", "http/protobuf", f"{sink.endpoint}/v1/traces")
        reply = transport.send(b"", 2)
        transport.close()
    assert (reply.accepted, reply.retry) == (False, retry)
    assert reply.reason.startswith(f"HTTP {status}")


RETRY = RetryInfo(retry_delay=Duration(seconds=3, nanos=500_000_000))
DETAIL = AnyMessage()
DETAIL.Pack(RETRY)


@pytest.mark.parametrize(
    ("trailers", "pause_s"),
    [
        ((), None),
        # As the Collector and every other server in Go answers.
        ((("grpc-status-details-bin", Status(details=[DETAIL]).SerializeToString()),), 3.5),
        ((("google.rpc.retryinfo-bin", RETRY.SerializeToString()),), 3.5),
        ((("grpc-status-details-bin", b"nonsense"),), None),
    ],
)
def test_a_grpc_server_that_is_exhausted_may_ask_for_patience(
    trailers: tuple[tuple[str, bytes], ...], pause_s: float | None
) -> None:
    exhausted = grpc.StatusCode.RESOURCE_EXHAUSTED
    with GrpcSink(answer=lambda _signal: 429, code=exhausted, trailers=trailers) as sink:
        transport = otlp.transport("traces", "grpc", sink.endpoint)
        reply = transport.send(b"", 2)
        transport.close()
    assert (reply.accepted, reply.retry, reply.pause_s) == (False, pause_s is not None, pause_s)


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_dead_endpoint_may_come_back(protocol: str, free_port: Callable[[], int]) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    transport = otlp.transport("traces", protocol, endpoint)
    began_s = time.monotonic()
    reply = transport.send(b"", 2)
    transport.close()
    assert (reply.accepted, reply.retry) == (False, True)
    assert reply.reason
    assert time.monotonic() - began_s < 4


class RenewingSession(requests.Session):
    """What a credential provider of the OTLP exporter brings: a token of its own each time."""

    n_tokens = 0

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        self.n_tokens += 1
        kwargs["headers"] = {**kwargs["headers"], "Authorization": f"Bearer {self.n_tokens}"}
        return super().request(*args, **kwargs)


def test_a_session_that_somebody_brings_sends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = functools.partial(OTLPSpanExporter, session=RenewingSession())
    monkeypatch.setitem(otlp_http._EXPORTERS, "traces", exporter)
    with HttpSink() as sink:
        transport = otlp.transport("traces", "http/protobuf", f"{sink.endpoint}/v1/traces")
        assert transport.send(b"", 2).accepted
        assert transport.send(b"", 2).accepted
        transport.close()
    assert [headers["authorization"] for headers in sink.headers] == ["Bearer 1", "Bearer 2"]


class SigningAdapter(HTTPAdapter):
    """What somebody mounts who wants a say in each request."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        request.headers["Authorization"] = "signed"
        return super().send(request, *args, **kwargs)


def test_an_adapter_that_somebody_brings_sends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    session = requests.Session()
    session.mount("http://", SigningAdapter())
    exporter = functools.partial(OTLPSpanExporter, session=session)
    monkeypatch.setitem(otlp_http._EXPORTERS, "traces", exporter)
    with HttpSink() as sink:
        transport = otlp.transport("traces", "http/protobuf", f"{sink.endpoint}/v1/traces")
        assert transport.send(b"", 2).accepted
        transport.close()
    assert [headers["authorization"] for headers in sink.headers] == ["signed"]


def test_a_connection_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    connects: list[HTTPConnection] = []
    connect = HTTPConnection.connect

    def counted(connection: HTTPConnection) -> None:
        connects.append(connection)
        connect(connection)

    monkeypatch.setattr(HTTPConnection, "connect", counted)
    with HttpSink() as sink:
        transport = otlp.transport("traces", "http/protobuf", f"{sink.endpoint}/v1/traces")
        assert all(transport.send(b"", 2).accepted for _ in range(5))
        transport.close()
    assert len(connects) == 1


@pytest.mark.parametrize(("protocol", "make_sink"), PROTOCOLS)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_proxy_stands_between_this_machine_and_itself(
    protocol: str,
    make_sink: type[HttpSink] | type[GrpcSink],
    host: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # where nobody listens
    monkeypatch.delenv("no_proxy", raising=False)
    with make_sink() as sink:
        endpoint = sink.endpoint.replace("127.0.0.1", host)
        transport = otlp.transport("traces", protocol, f"{endpoint}/v1/traces")
        assert transport.send(b"", 2).accepted
        transport.close()


class Script:
    """A server that answers each request with the next of `answers`, and then does as told.

    Attributes
    ----------
    bodies
        What it was sent, by connection.
    """

    def __init__(self, *answers: bytes, hang_up: bool = False) -> None:
        self.bodies: list[list[bytes]] = []
        self._answers = iter(answers)
        self._hang_up = hang_up
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1/traces"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:  # nobody else will come
                return
            self.bodies.append([])
            with contextlib.suppress(OSError), connection, connection.makefile("rb") as file:
                while (length := self._length(file)) is not None:
                    self.bodies[-1].append(file.read(length))
                    connection.sendall(next(self._answers))
                    if self._hang_up:
                        break

    def _length(self, file: BinaryIO) -> int | None:
        found = None
        while (line := file.readline().strip()) != b"":
            if line.lower().startswith(b"content-length:"):
                found = int(line.partition(b":")[2])
        return found


EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
PATIENT = b"HTTP/1.1 100 Continue\r\n\r\n" + EMPTY
ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 100_000


@pytest.mark.parametrize(
    ("answer", "hang_up", "said", "is_kept"),
    [
        (EMPTY, False, b"", True),
        (CHUNKED, False, b"abcde", True),
        (PATIENT, False, b"", True),
        (EMPTY, True, b"", False),
        (CLOSING, False, b"", False),
        (ENDLESS, False, b"x" * (1 << 16), False),
    ],
)
def test_a_connection_is_kept_as_long_as_it_can_be(
    answer: bytes, hang_up: bool, said: bytes, is_kept: bool
) -> None:
    with Script(answer, answer, hang_up=hang_up) as server:
        transport = otlp.transport("traces", "http/protobuf", server.endpoint)
        replies = [transport.send(body, 2) for body in (b"first", b"second")]
        transport.close()
    assert [(reply.accepted, reply.body) for reply in replies] == [(True, said)] * 2
    bodies = [b"first", b"second"]
    assert server.bodies == ([bodies] if is_kept else [[body] for body in bodies])


def test_what_is_no_answer_is_worth_another_try() -> None:
    with Script(b"nonsense\r\n\r\n", b"nonsense\r\n\r\n", EMPTY) as server:
        transport = otlp.transport("traces", "http/protobuf", server.endpoint)
        reply = transport.send(b"first", 2)
        assert (reply.accepted, reply.retry) == (False, True)
        assert transport.send(b"second", 2).accepted
        transport.close()


def test_the_environment_names_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with HttpSink(answer=lambda _signal: 400) as proxy:
        monkeypatch.setenv("http_proxy", proxy.endpoint)
        transport = otlp.transport("traces", "http/protobuf", "http://collector.invalid/v1/traces")
        transport.send(b"", 2)
        transport.close()
    assert [headers["host"] for headers in proxy.headers] == ["collector.invalid"]
