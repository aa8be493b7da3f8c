"""Spans of a request as columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.ingest.spans import SpanRows, is_identified, rows_of
from daskscope.ingest.values import attributes_of

if TYPE_CHECKING:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    from daskscope.ingest.definitions import Tables


def read_spans(
    data: bytes, request: ExportTraceServiceRequest, tables: Tables
) -> tuple[list[tuple[int, SpanRows]], int]:
    """Spans of a request by resource, and how many were rejected."""
    found: list[tuple[int, SpanRows]] = []
    n_rejected = 0
    for group in request.resource_spans:
        resource = tables.resource(attributes_of(group.resource.attributes))
        for scope in group.scope_spans:
            spans = [span for span in scope.spans if is_identified(span)]
            n_rejected += len(scope.spans) - len(spans)
            found.append((resource, rows_of(spans, tables)))
    return found, n_rejected
