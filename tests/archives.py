"""The requests of a session, from literals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from daskscope.ingest import otlp_json
from daskscope.ingest.envelope import Encoding, Signal
from daskscope.ingest.journal import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daskscope.ingest.otlp import Request


class Requests:
    """Stands where a journal stands; `read` are the numbers that were read, in order."""

    def __init__(self, requests: Sequence[Request], encoding: Encoding = Encoding.PROTOBUF) -> None:
        self.requests = list(requests)
        self.encoding = encoding
        self.read: list[int] = []

    def entry(self, number: int) -> Entry | None:
        self.read.append(number)
        if not 1 <= number <= len(self.requests):
            return None
        request = self.requests[number - 1]
        if not isinstance(request, ExportTraceServiceRequest):
            return None
        is_json = self.encoding is Encoding.JSON
        body = otlp_json.line(request) if is_json else request.SerializeToString()
        return Entry(number, 0, Signal.TRACES, self.encoding, body)

    def last_entry(self) -> int:
        return len(self.requests)

    def close(self) -> None:
        pass
