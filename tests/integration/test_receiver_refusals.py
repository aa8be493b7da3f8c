"""What the receiver refuses, and goes on."""

from __future__ import annotations

import gzip
import json
import socket
from contextlib import closing
from typing import TYPE_CHECKING

import grpc
import numpy as np
import pytest
from google.rpc import code_pb2
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from daskscope.ingest import otlp_json
from daskscope.ingest.source import Source, SourceError
from tests.posting import JSON, LOOPBACK, PROTOBUF, export_raw, post, still_receives
from tests.telemetry import nested, tasks
from tests.viewer import Window, ids

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_BODY_BYTES = 64 << 20


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Source]:
    with closing(Source.receive(LOOPBACK, LOOPBACK, tmp_path / "live.dscope")) as source:
        source.wait()
        yield source


@pytest.mark.parametrize(
    ("status", "path", "body", "headers"),
    [
        (400, "/v1/traces", b"\xff\xff", {}),
        (400, "/v1/metrics", b"\x0a\x05x", {}),
        (400, "/v1/logs", b"{", {"kind": JSON}),
        (400, "/v1/traces", b'{"resourceSpans": 1}', {"kind": JSON}),
        (400, "/v1/traces", b"no gzip", {"Content_Encoding": "gzip"}),
        (400, "/v1/traces", gzip.compress(bytes(100))[:-10], {"Content_Encoding": "gzip"}),
        (404, "/v1/trace", b"", {}),
        (404, "/", b"", {}),
        (405, "/v1/traces", b"", {"method": "GET"}),
        (405, "/v1/traces", b"", {"method": "PUT"}),
        (415, "/v1/traces", b"", {"kind": "text/plain"}),
        (415, "/v1/traces", b"", {"Content_Encoding": "lzma"}),
    ],
)
def test_refusals_over_http(
    source: Source, status: int, path: str, body: bytes, headers: dict[str, str]
) -> None:
    found, answer, content = post(source, path, body, **headers)
    assert found == status
    if headers.get("kind") == JSON:
        assert answer["Content-Type"].split(";")[0] == JSON
        assert json.loads(content)["message"]
    else:
        assert answer["Content-Type"] == PROTOBUF
        assert Status.FromString(content).message
    still_receives(source)


def test_spans_without_ids_are_refused_and_the_others_kept(source: Source) -> None:
    window = Window(source)
    request = tasks(3)
    spans = request.resource_spans[0].scope_spans[0].spans
    spans[0].trace_id = bytes(16)
    spans[2].span_id = b"short"
    status, _, body = post(source, "/v1/traces", request.SerializeToString())
    answer = trace_service_pb2.ExportTraceServiceResponse.FromString(body)
    assert (status, answer.partial_success.rejected_spans) == (200, 2)
    assert answer.partial_success.error_message
    status, _, body = post(source, "/v1/traces", otlp_json.line(request), JSON)
    assert json.loads(body)["partialSuccess"]["rejectedSpans"] == "2"
    assert window.wait_for_spans(1) == ids(1, first=1)
    window.wait_for_status(lambda status: status.rejected == 4)
    assert window.status.duplicates == 1


def test_bodies_beyond_the_limit(source: Source) -> None:
    big = bytes(MAX_BODY_BYTES + 1)
    bomb = gzip.compress(big, 1)
    assert len(bomb) < 1 << 20
    assert post(source, "/v1/traces", big)[0] == 413
    assert post(source, "/v1/traces", bomb, Content_Encoding="gzip")[0] == 413
    options = [("grpc.max_send_message_length", -1)]
    for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
        with grpc.insecure_channel(source.grpc[0], options, compression) as channel:
            with pytest.raises(grpc.RpcError) as raised:
                export_raw(channel, big)
            assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    still_receives(source, Window(source))


def test_what_is_small_on_the_wire_and_large_in_memory(source: Source) -> None:
    body = nested(b"\x12\x00" * 10_000_000, 0x0A, 0x12)  # empty spans
    bomb = gzip.compress(body)
    assert len(bomb) < 1 << 16
    status, _, answer = post(source, "/v1/traces", bomb, Content_Encoding="gzip")
    assert (status, Status.FromString(answer).code) == (413, code_pb2.RESOURCE_EXHAUSTED)
    assert "smaller requests" in Status.FromString(answer).message
    channel = grpc.insecure_channel(source.grpc[0], compression=grpc.Compression.Gzip)
    with channel, pytest.raises(grpc.RpcError) as raised:
        export_raw(channel, body)
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "smaller requests" in str(raised.value.details())
    still_receives(source, Window(source))


def test_malformed_protobuf_over_grpc(source: Source) -> None:
    with grpc.insecure_channel(source.grpc[0]) as channel:
        with pytest.raises(grpc.RpcError) as raised:
            export_raw(channel, b"\xff\xff")
        assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        with pytest.raises(grpc.RpcError) as raised:
            export_raw(channel, b"", "/no.Such/Method")
        assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert export_raw(channel, b"") == b""


def test_garbage_on_both_ports(source: Source) -> None:
    chance = np.random.default_rng(1)
    pieces = (
        chance.bytes(100_000),
        b"\r\n" * 1000,
        b"GET " + b"/" * 100_000,
        b"PRI * HTTP/2.0\r\n",
    )
    for address in (source.http[0], source.grpc[0]):
        host, _, port = address.rpartition(":")
        for piece in pieces:
            with socket.create_connection((host, int(port)), 5) as connection:
                connection.settimeout(5)
                try:
                    connection.sendall(piece)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass
                except OSError:
                    pass  # it hung up on us
    with grpc.insecure_channel(source.grpc[0]) as channel:
        assert export_raw(channel, tasks(1, first=77).SerializeToString()) == b""
    still_receives(source, Window(source))


def test_what_cannot_start_is_one_line(source: Source, tmp_path: Path) -> None:
    taken = source.http[0], source.grpc[0]
    for http_port, grpc_port in ((taken[0], LOOPBACK[0]), (LOOPBACK[0], taken[1])):
        other = Source.receive((http_port,), (grpc_port,), tmp_path / "other.dscope")
        with closing(other), pytest.raises(SourceError, match="cannot listen on 127") as raised:
            other.wait()
        assert str(raised.value).endswith(": Address already in use")
    with pytest.raises(SourceError, match="other machines"):
        Source.receive(("0.0.0.0:0",), LOOPBACK, tmp_path / "other.dscope")
    assert [path.name for path in tmp_path.glob("other*")] == []
    other = Source.receive(LOOPBACK, LOOPBACK, tmp_path / "live.dscope")
    with closing(other), pytest.raises(SourceError, match="there already"):
        other.wait()
    other = Source.read(tmp_path / "nothing.dscope")
    with closing(other), pytest.raises(SourceError, match=r"nothing\.dscope"):
        other.wait()


def test_optional_ports_are_taken_only_where_they_are_free(source: Source, tmp_path: Path) -> None:
    other = Source.receive(
        LOOPBACK,
        LOOPBACK,
        tmp_path / "other.dscope",
        optional_http=(source.http[0], LOOPBACK[0]),
        optional_grpc=(source.grpc[0], LOOPBACK[0]),
    )
    with closing(other):
        other.wait()
        assert len(other.http) == len(other.grpc) == 2
        assert post(other, "/v1/traces", b"")[0] == 200
