"""How fast spans are received, decoded and opened again.

The generators are processes that send what they made before the clock starts; on two cores they
share the machine with the receiver, so the rates are those of both together.
"""

from __future__ import annotations

import http.client
import multiprocessing
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import grpc

from daskscope.ingest.decoder import Decoder, Numbered
from daskscope.ingest.envelope import Encoding, Signal
from daskscope.ingest.otlp import parse
from daskscope.ingest.source import Source
from daskscope.simulate.cluster import Cluster
from daskscope.simulate.requests import SPANS
from daskscope.simulate.session import Session
from daskscope.store.schema import SourceStatus, SpanBatch
from tests.telemetry import START_NS, tasks

REQUEST_SPANS = 4_000
N_REQUESTS = 100
N_OPENED = 1_000_000
RATE_BUDGET = 150_000
DECODE_BUDGET_US = 6.6
OPEN_BUDGET_S = 4.0
N_CONNECTIONS = 2
#: Requests that are decoded together.
N_GROUP = 8


Export: TypeAlias = "grpc.UnaryUnaryMultiCallable[bytes, bytes]"


def bodies(first: int, n: int) -> list[bytes]:
    """Requests with different spans."""
    return [
        tasks(REQUEST_SPANS, number * REQUEST_SPANS, trace=number).SerializeToString()
        for number in range(first, first + n)
    ]


def send_http(address: str, first: int, n: int, ready: Any) -> None:
    """Send requests one after the other, each when the one before is acknowledged."""
    made = bodies(first, n)
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    ready.wait()
    for body in made:
        connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
        response = connection.getresponse()
        assert response.status == 200, response.status
        response.read()
    connection.close()


def send_grpc(address: str, first: int, n: int, ready: Any) -> None:
    """Send requests one after the other, each when the one before is acknowledged."""
    made = bodies(first, n)
    with grpc.insecure_channel(address) as channel:
        export: Export = channel.unary_unary(
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
        )
        ready.wait()
        for body in made:
            export(body, timeout=60)


def receive(kind: str, folder: Path, n_requests: int) -> tuple[float, Path]:
    """Spans per second from the first byte to the last span in the window's hands."""
    path = folder / f"{kind}.dscope"
    context = multiprocessing.get_context("spawn")
    n = n_requests * REQUEST_SPANS
    with closing(Source.receive(("127.0.0.1:0",), ("127.0.0.1:0",), path)) as source:
        source.wait()
        ready = context.Barrier(N_CONNECTIONS + 1)
        each = n_requests // N_CONNECTIONS
        target, address = (
            (send_http, source.http[0]) if kind == "http" else (send_grpc, source.grpc[0])
        )
        senders = [
            context.Process(target=target, args=(address, number * each, each, ready))
            for number in range(N_CONNECTIONS)
        ]
        for sender in senders:
            sender.start()
        ready.wait()
        began_s = time.perf_counter()
        drain(source, n)
        took_s = time.perf_counter() - began_s
        for sender in senders:
            sender.join()
            assert sender.exitcode == 0
    return n / took_s, path


def drain(source: Source, n: int) -> None:
    """Take messages until n spans are there, as a window does."""
    found = 0
    while found < n:
        for message in source.drain(0.004):
            if isinstance(message, SpanBatch):
                found += len(message)
            elif isinstance(message, SourceStatus):
                assert not message.problem, message.problem
        time.sleep(0.004)


def decode_us() -> float:
    """Microseconds for each span from bytes to columns, duplicates removed; best of several."""
    decoder = Decoder()
    best_s = float("inf")
    for number, body in enumerate(bodies(0, 8), 1):
        began_s = time.process_time()
        parsed = parse(Signal.TRACES, Encoding.PROTOBUF, body)
        decoder.accept(decoder.decode([Numbered(number, 0, parsed)]))
        best_s = min(best_s, time.process_time() - began_s)
    return best_s / REQUEST_SPANS * 1e6


def decode_simulated_us() -> float:
    """The same for a cluster of 64 workers at 20,000 spans/s: some thirty spans of each a time.

    Groups are as large as those of a receiver that is behind. The first seconds, in which every
    text is new, do not count.
    """
    session = Session(Cluster(1, 64, 4), 20_000, START_NS)
    traces = [one for one in session.requests(6) if one.signal == SPANS]
    decoder, times = Decoder(), []
    for first in range(0, len(traces) - N_GROUP, N_GROUP):
        part = traces[first : first + N_GROUP]
        began_s = time.process_time()
        numbered = [
            Numbered(number, 0, parse(Signal.TRACES, Encoding.PROTOBUF, one.body))
            for number, one in enumerate(part, first + 1)
        ]
        decoder.accept(decoder.decode(numbered))
        times.append((time.process_time() - began_s) / sum(one.n_items for one in part))
    return statistics.median(times[1:]) * 1e6


def open_s(path: Path, n: int) -> float:
    """Seconds from starting the reader to the last span in the window's hands."""
    began_s = time.perf_counter()
    with closing(Source.read(path)) as source:
        source.wait()
        drain(source, n)
        return time.perf_counter() - began_s


def measure(name: str, value: float, unit: str, budget: float, is_least: bool) -> dict[str, Any]:
    """One line of the table."""
    met = value >= budget if is_least else value <= budget
    return {"name": name, "value": value, "unit": unit, "budget": budget, "met": met}


def run() -> list[dict[str, Any]]:
    """All measurements of the ingest side."""
    results = [
        measure("decode a span", decode_us(), "us", DECODE_BUDGET_US, False),
        measure("decode, of 64 workers", decode_simulated_us(), "us", DECODE_BUDGET_US, False),
    ]
    with tempfile.TemporaryDirectory() as folder:
        for kind, n_requests in (("grpc", N_REQUESTS), ("http", N_OPENED // REQUEST_SPANS)):
            rate, path = receive(kind, Path(folder), n_requests)
            name = f"receive over OTLP/{kind}"
            results.append(measure(name, rate, "spans/s", RATE_BUDGET, True))
        took_s = open_s(path, N_OPENED)
        results.append(measure("open a million spans", took_s, "s", OPEN_BUDGET_S, False))
    return results


if __name__ == "__main__":
    for line in run():
        print(line)
