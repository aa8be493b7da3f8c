"""Recordings to OTLP JSON lines, one signal a file, as the Collector's file exporter writes them.

Written beside the output and renamed at the end, so that a file under its name is whole. Spans that
came more than once are written once.
"""

from __future__ import annotations

import contextlib
import os
from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from daskscope.ingest import otlp_json
from daskscope.ingest.dedup import Seen, span_keys, trace_hashes
from daskscope.ingest.envelope import Signal
from daskscope.ingest.journal import RecordingError
from daskscope.ingest.recording import open_recording
from daskscope.ingest.spans import is_identified

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from daskscope.ingest.otlp import Request

SUFFIX: Final = ".jsonl"


def export(source: Path, output: Path, signal: str, on_progress: Callable[[float], None]) -> int:
    """Write one signal of a recording.

    Parameters
    ----------
    source
        A recording, recognised by content.
    output
        Ends in `.jsonl`; an old file is replaced.
    signal
        `traces`, `metrics` or `logs`.
    on_progress
        Called with the share that is done, up to 1.0.

    Returns
    -------
    int
        Spans, metric points or log records written.

    Raises
    ------
    RecordingError
        The source cannot be read, or the output cannot be written.
    """
    if output.suffix != SUFFIX:
        raise RecordingError(f"{output}: no such export, only {SUFFIX} (OTLP JSON lines)")
    if output.is_dir():
        raise RecordingError(f"{output} is a folder")
    recording = open_recording(source)
    requests = recording.requests(Signal(signal))
    part = output.with_name(f".{output.name}.part")
    try:
        with part.open("wb") as file:
            n_written = _write(requests, file, on_progress)
        part.replace(output)
    except OSError as error:
        raise RecordingError(f"cannot write {output}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(part)
    if problem := recording.status().problem:
        raise RecordingError(f"{problem}; what is there has been written")
    on_progress(1.0)
    return n_written


def _write(
    requests: Iterator[tuple[Request, float]], file: BinaryIO, on_progress: Callable[[float], None]
) -> int:
    n_written = 0
    seen = Seen()
    for request, share in requests:
        if isinstance(request, ExportTraceServiceRequest):
            _drop_known(request, seen)
        n_items = _n_items(request)
        if n_items:
            file.write(otlp_json.line(request) + b"\n")
            n_written += n_items
        on_progress(share)
    return n_written


def _drop_known(request: ExportTraceServiceRequest, seen: Seen) -> None:
    """Take out the spans that were seen before or have no valid id."""
    scopes = [scope for group in request.resource_spans for scope in group.scope_spans]
    for scope in scopes:
        if not all(is_identified(span) for span in scope.spans):
            kept = [span for span in scope.spans if is_identified(span)]
            del scope.spans[:]
            scope.spans.extend(kept)
    spans = [span for scope in scopes for span in scope.spans]
    if not spans:
        return
    ids = np.frombuffer(b"".join(span.span_id for span in spans), ">u8").astype(np.uint64)
    keys = span_keys(trace_hashes([span.trace_id for span in spans]), ids)
    is_new = seen.is_new(keys)
    seen.add(keys[is_new])
    if is_new.all():
        return
    marks = iter(is_new.tolist())
    for scope in scopes:
        kept = [
            span
            for span, is_kept in zip(scope.spans, islice(marks, len(scope.spans)), strict=True)
            if is_kept
        ]
        del scope.spans[:]
        scope.spans.extend(kept)


def _n_items(request: Request) -> int:
    if isinstance(request, ExportTraceServiceRequest):
        groups = request.resource_spans
        return sum(len(scope.spans) for group in groups for scope in group.scope_spans)
    if isinstance(request, ExportLogsServiceRequest):
        logs = request.resource_logs
        return sum(len(scope.log_records) for group in logs for scope in group.scope_logs)
    assert isinstance(request, ExportMetricsServiceRequest)
    n_items = 0
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                kind = metric.WhichOneof("data")
                n_items += len(getattr(metric, kind).data_points) if kind else 0
    return n_items
