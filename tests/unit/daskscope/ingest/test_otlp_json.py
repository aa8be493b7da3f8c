from __future__ import annotations

import json

import orjson
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from daskscope.ingest import otlp_json
from tests.telemetry import Value, gauge, record, set_attributes, tasks

SPAN = {
    "traceId": "5B8EFFF798038103D269B633813FC60C",
    "spanId": "eee19b7ec3c1b174",
    "parentSpanId": "",
    "name": "x",
    "kind": 2,
    "startTimeUnixNano": "1544712660000000000",
    "endTimeUnixNano": 1544712661000000000,
    "status": {"code": "STATUS_CODE_ERROR"},
    "attributes": [{"key": "n", "value": {"intValue": "9223372036854775807"}}],
    "somethingNew": {"traceId": 5},
}


def traces(*spans: object) -> bytes:
    return orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}], "unknown": 1})


def test_ids_are_hex_and_integers_texts_or_numbers() -> None:
    request = otlp_json.parse(traces(SPAN), ExportTraceServiceRequest)
    span = request.resource_spans[0].scope_spans[0].spans[0]
    assert span.trace_id.hex() == "5b8efff798038103d269b633813fc60c"
    assert span.span_id.hex() == "eee19b7ec3c1b174"
    assert span.parent_span_id == b""
    assert span.kind == span.SPAN_KIND_SERVER
    assert span.end_time_unix_nano - span.start_time_unix_nano == 10**9
    assert span.status.code == span.status.STATUS_CODE_ERROR
    assert span.attributes[0].value.int_value == 2**63 - 1


def test_both_ways_give_the_same() -> None:
    spans = tasks(5)
    span = spans.resource_spans[0].scope_spans[0].spans[0]
    span.links.add(trace_id=span.trace_id, span_id=span.span_id)
    span.status.code = span.status.STATUS_CODE_ERROR
    values: dict[str, Value] = {"s": "\x00𝄞", "b": True, "i": -(2**63), "d": 1.5, "l": ["x", 1]}
    set_attributes(span.attributes, values)
    span.attributes.add(key="bytes").value.bytes_value = b"\x00\xff"
    line = otlp_json.line(spans)
    assert otlp_json.parse(line, ExportTraceServiceRequest) == spans
    written = json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert written["traceId"] == span.trace_id.hex()
    assert written["links"][-1]["spanId"] == span.span_id.hex()
    assert written["startTimeUnixNano"] == str(span.start_time_unix_nano)
    assert written["kind"] == 1
    assert written["status"] == {"code": 2}
    assert b"\n" not in line
    metrics = gauge("m", 2.5)
    assert otlp_json.parse(otlp_json.line(metrics), ExportMetricsServiceRequest) == metrics
    logs = record("event", {"x": 1}, "body")
    assert otlp_json.parse(otlp_json.line(logs), ExportLogsServiceRequest) == logs


def test_lone_surrogates_and_numbers_that_json_does_not_know() -> None:
    text = traces({**SPAN, "name": "NAME"}).replace(b"NAME", b"a\\ud800b")
    text = text.replace(b'"9223372036854775807"', b"1").replace(
        b'"intValue":1', b'"doubleValue":NaN'
    )
    request = otlp_json.parse(text, ExportTraceServiceRequest)
    span = request.resource_spans[0].scope_spans[0].spans[0]
    assert span.name == "a?b"
    assert span.attributes[0].value.double_value != span.attributes[0].value.double_value


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b"\xff\xfe",
        b"null",
        b'{"resourceSpans": 1}',
        b'{"resourceSpans": [1]}',
        traces({**SPAN, "traceId": "xyz"}),
        traces({**SPAN, "spanId": "abc"}),
        traces({**SPAN, "startTimeUnixNano": "-1"}),
        traces({**SPAN, "startTimeUnixNano": "99999999999999999999"}),
        traces({**SPAN, "name": 5}),
        b'{"resourceSpans":' + b"[" * 500 + b"]" * 500 + b"}",
        b"[" * 100_000,
    ],
)
def test_malformed_text_is_one_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        otlp_json.parse(text, ExportTraceServiceRequest)
