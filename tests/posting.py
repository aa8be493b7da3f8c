"""Requests to a receiver, and whether it still takes them."""

from __future__ import annotations

import http.client
from contextlib import closing
from typing import TYPE_CHECKING

from tests.telemetry import tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    import grpc

    from daskscope.ingest.source import Source
    from tests.viewer import Window

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
EXPORT_TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
LOOPBACK = ("127.0.0.1:0",)


def post(
    source: Source, path: str, body: bytes | Iterator[bytes], kind: str = PROTOBUF, **headers: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    host, _, port = source.http[0].rpartition(":")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    method = named.pop("method", "POST")
    with closing(http.client.HTTPConnection(host, int(port), timeout=20)) as connection:
        connection.request(method, path, body, {"Content-Type": kind, **named})
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def still_receives(source: Source, window: Window | None = None) -> None:
    assert post(source, "/v1/traces", tasks(3, first=10**6).SerializeToString())[0] == 200
    if window is not None:
        window.wait_for_spans(3)


def export_raw(channel: grpc.Channel, body: bytes, path: str = EXPORT_TRACES) -> bytes:
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
    return call(body, timeout=20)
