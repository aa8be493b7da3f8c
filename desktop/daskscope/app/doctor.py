"""Looks at what a session needs: ports, the Collector, the way of a probe span, Jaeger, Qt."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from daskscope.ingest.address import AddressError, bound_socket, is_loopback, parse_address
from daskscope.ingest.clock import wall_ns
from daskscope.ingest.source import Source, SourceError
from daskscope.store.schema import SpanBatch

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_S = 2.0
#: The Collector hands over a batch at the latest after its flush timeout; this is generous.
ROUND_TRIP_S = 5.0
#: Nobody is there, it is no HTTP, or the URL is none.
_FAILURES = (OSError, http.client.HTTPException, ValueError)


@dataclass(frozen=True, slots=True)
class Targets:
    """What is looked at: two addresses to receive on, and three URLs."""

    http: str
    grpc: str
    collector: str
    endpoint: str
    jaeger: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `verdict` is `ok`, `note` (works without it) or `fail`."""

    verdict: str
    subject: str
    text: str


def examine(targets: Targets) -> Iterator[Finding]:
    """Look at everything, one finding at a time."""
    yield _port("OTLP/HTTP port", targets.http)
    yield _port("OTLP/gRPC port", targets.grpc)
    health = _answer(targets.collector)
    if health is None:
        yield Finding("note", "Collector", f"none answers at {targets.collector}")
    else:
        yield Finding("ok", "Collector", f"answers at {targets.collector}")
        yield _round_trip(targets)
    yield _jaeger(targets.jaeger)
    yield _instrumentation()
    yield _qt()


def _port(subject: str, address: str) -> Finding:
    try:
        bound_socket(parse_address(address)).close()
    except AddressError as error:
        return Finding("fail", subject, str(error))
    return Finding("ok", subject, f"{address} is free")


def _opened(request: urllib.request.Request) -> http.client.HTTPResponse:
    """The answer to `request`, by the proxy of the environment; but not from this machine itself.

    A proxy would look for it on its own machine.
    """
    host = urllib.parse.urlsplit(request.full_url).hostname or ""
    direct = (urllib.request.ProxyHandler({}),) if is_loopback(host) else ()
    opened: http.client.HTTPResponse = urllib.request.build_opener(*direct).open(
        request, timeout=TIMEOUT_S
    )
    return opened


def _answer(url: str) -> bytes | None:
    try:
        with _opened(urllib.request.Request(url)) as response:
            return bytes(response.read())
    except _FAILURES:
        return None


def _jaeger(url: str) -> Finding:
    body = _answer(f"{url.rstrip('/')}/api/v3/services")
    if body is None:
        return Finding("note", "Jaeger", f"none answers at {url}")
    try:
        # Protobuf's JSON leaves out a list that is empty.
        names = json.loads(body).get("services") or ["no service yet"]
        return Finding("ok", "Jaeger", f"answers at {url}: {', '.join(map(str, names))}")
    except (ValueError, TypeError, AttributeError):  # a page of something else
        return Finding("note", "Jaeger", f"what answers at {url} is not Jaeger's query service")


def _probe(trace_id: bytes, span_id: bytes, time_ns: int) -> bytes:
    """One OTLP/JSON request with one span."""
    span = {
        "traceId": trace_id.hex(),
        "spanId": span_id.hex(),
        "name": "daskscope doctor",
        "kind": 1,
        "startTimeUnixNano": str(time_ns),
        "endTimeUnixNano": str(time_ns + 1_000_000),
    }
    service = {"key": "service.name", "value": {"stringValue": "daskscope-doctor"}}
    resource_spans = {"resource": {"attributes": [service]}, "scopeSpans": [{"spans": [span]}]}
    return json.dumps({"resourceSpans": [resource_spans]}).encode()


def _round_trip(targets: Targets) -> Finding:
    """Send a probe span to the Collector and wait for it where the desktop receives."""
    subject = "Round trip"
    span_id = os.urandom(8)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        try:
            source = Source.receive(
                http=(targets.http,), grpc=(targets.grpc,), journal=Path(folder) / "probe.dscope"
            )
            stack.callback(source.close)
            source.wait()
        except SourceError as error:
            return Finding("fail", subject, str(error))
        sent_s = time.perf_counter()
        try:
            request = urllib.request.Request(
                f"{targets.endpoint.rstrip('/')}/v1/traces",
                _probe(os.urandom(16), span_id, wall_ns()),
                {"Content-Type": "application/json"},
            )
            _opened(request).close()
        except _FAILURES as error:
            return Finding("fail", subject, f"{targets.endpoint} refuses a span: {error}")
        if _has_arrived(source, int.from_bytes(span_id, "big"), sent_s + ROUND_TRIP_S):
            took_ms = (time.perf_counter() - sent_s) * 1000
            return Finding("ok", subject, f"a span came back in {took_ms:.0f} ms")
        return Finding(
            "fail",
            subject,
            f"a span sent to {targets.endpoint} did not come to {targets.http} "
            f"within {ROUND_TRIP_S:.0f} s: does the Collector export there?",
        )


def _has_arrived(source: Source, span_id: int, deadline_s: float) -> bool:
    while time.perf_counter() < deadline_s:
        for message in source.drain(0.05):
            if isinstance(message, SpanBatch) and span_id in message.columns["span_id"].tolist():
                return True
        time.sleep(0.01)
    return False


def _instrumentation() -> Finding:
    """Whether a cluster that is started in this environment would be instrumented."""
    subject = "Dask"
    if importlib.util.find_spec("distributed") is None:
        return Finding("note", subject, "not installed here")
    try:
        from dask_otel import config, startup  # Dask reads its config when it is imported

        ways = startup.ways()
        enabled = config.is_enabled()
    except ValueError as error:
        return Finding("fail", subject, str(error).partition("\n")[0])
    hidden = [
        f"the list distributed.{way.role}.preload of {way.sources[-1].name}"
        f" hides that of {way.hidden.name}; add dask_otel to it"
        for way in ways
        if way.hidden and way.role != "client"
    ]
    if not enabled:
        return Finding("note", subject, "not instrumented: dask-otel.enabled or OTEL_SDK_DISABLED")
    if hidden:
        return Finding("note", subject, f"not instrumented: {'; '.join(hidden)}")
    if not startup.starts(ways):
        return Finding("note", subject, "not instrumented: run python -m dask_otel enable")
    return Finding(
        "ok", subject, f"is instrumented when it starts here, by {ways[0].sources[-1].name}"
    )


def _qt() -> Finding:
    """Open a window for a moment in a process of its own: Qt aborts where it cannot."""
    code = (
        "from daskscope.app.platform import check_qt, choose_platform, report_messages\n"
        "platform = choose_platform(); check_qt(); report_messages()\n"
        "from PySide6.QtWidgets import QApplication\n"
        "from PySide6.QtCore import qVersion\n"
        "app = QApplication([]); print(qVersion(), app.platformName())"
    )
    try:
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
        )
    except subprocess.TimeoutExpired:
        return Finding("fail", "Qt", "does not start within 30 s")
    if result.returncode:
        lines = (result.stderr or "no reason given").strip().splitlines()
        return Finding("fail", "Qt", lines[-1])
    return Finding("ok", "Qt", result.stdout.strip())
