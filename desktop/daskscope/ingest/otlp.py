"""The three signals of OTLP: parsing a request's body, and the bodies of answers.

Facts from opentelemetry-proto's docs/specification.md v1.11: binary and JSON share the endpoint, an
error's body is a `google.rpc.Status` in the request's encoding, full success is an empty message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import orjson
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from daskscope.ingest import otlp_json
from daskscope.ingest.envelope import Encoding, Signal
from daskscope.ingest.weight import MAX_WEIGHT
from daskscope.ingest.wellformed import checker

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Recommended by the specification, counted after decompression.
MAX_BODY_BYTES: Final = 64 << 20

Request: TypeAlias = (
    ExportTraceServiceRequest | ExportMetricsServiceRequest | ExportLogsServiceRequest
)


REQUEST_TYPES: Final[Mapping[Signal, type[Request]]] = {
    Signal.TRACES: ExportTraceServiceRequest,
    Signal.METRICS: ExportMetricsServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
}
_CHECKS: Final = {signal: checker(kind.DESCRIPTOR) for signal, kind in REQUEST_TYPES.items()}
SERVICES: Final[Mapping[Signal, str]] = {
    Signal.TRACES: "opentelemetry.proto.collector.trace.v1.TraceService",
    Signal.METRICS: "opentelemetry.proto.collector.metrics.v1.MetricsService",
    Signal.LOGS: "opentelemetry.proto.collector.logs.v1.LogsService",
}
_REJECTED_JSON: Final[Mapping[Signal, str]] = {
    Signal.TRACES: "rejectedSpans",
    Signal.METRICS: "rejectedDataPoints",
    Signal.LOGS: "rejectedLogRecords",
}


class BadRequestError(ValueError):
    """The body is not OTLP of that signal and encoding; the text says why, in one line."""


class TooLargeError(BadRequestError):
    """What the body says takes more memory than one request may."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """One request, well formed.

    Attributes
    ----------
    data
        Its bytes as protobuf.
    """

    signal: Signal
    data: bytes

    def message(self) -> Request:
        """The request as protobuf's object, made anew."""
        return REQUEST_TYPES[self.signal].FromString(self.data)


def check_weight(signal: Signal, n_bytes: int) -> None:
    """Refuse a body that takes `n_bytes` of memory, see `weight.weight`.

    Raises
    ------
    TooLargeError
        It is small on the wire and large in memory.
    """
    if n_bytes > MAX_WEIGHT:
        raise TooLargeError(
            f"OTLP {signal.value} that may take more than {MAX_WEIGHT >> 30} GiB of memory:"
            " send them in smaller requests"
        )


def parse(signal: Signal, encoding: Encoding, body: bytes) -> Parsed:
    """Parse a body, decompressed, of which the weight is known to be fine.

    Raises
    ------
    BadRequestError
        It is malformed.
    """
    try:
        if encoding is Encoding.JSON:
            request = otlp_json.parse(body, REQUEST_TYPES[signal])
            return Parsed(signal, request.SerializeToString())
        _CHECKS[signal](body)
        return Parsed(signal, body)
    except MemoryError as error:
        raise TooLargeError(f"OTLP {signal.value} that take more memory than there is") from error
    except (DecodeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise BadRequestError(f"malformed OTLP {signal.value}: {reason}") from error


def success(signal: Signal, encoding: Encoding, rejected: int, message: str) -> bytes:
    """Body of the answer to a request of which `rejected` items were refused."""
    if encoding is Encoding.JSON:
        if not message:
            return b"{}"
        partial = {_REJECTED_JSON[signal]: str(rejected), "errorMessage": message}
        return orjson.dumps({"partialSuccess": partial})
    if not message:
        return b""
    return _partial(signal, rejected, message)


def _partial(signal: Signal, rejected: int, message: str) -> bytes:
    if signal is Signal.TRACES:
        traces = ExportTraceServiceResponse()
        traces.partial_success.rejected_spans = rejected
        traces.partial_success.error_message = message
        return traces.SerializeToString()
    if signal is Signal.METRICS:
        metrics = ExportMetricsServiceResponse()
        metrics.partial_success.rejected_data_points = rejected
        metrics.partial_success.error_message = message
        return metrics.SerializeToString()
    logs = ExportLogsServiceResponse()
    logs.partial_success.rejected_log_records = rejected
    logs.partial_success.error_message = message
    return logs.SerializeToString()


def failure(encoding: Encoding, code: int, message: str) -> bytes:
    """Body of an error's answer; `code` is one of `google.rpc.Code`."""
    if encoding is Encoding.JSON:
        return orjson.dumps({"code": code, "message": message})
    status: bytes = Status(code=code, message=message).SerializeToString()
    return status
