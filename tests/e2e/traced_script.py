"""A user's script that traces itself with OpenTelemetry and knows nothing of how Dask is traced.

It writes the id of its trace to standard output.
"""

from __future__ import annotations

import socket
import sys

from dask.delayed import delayed
from distributed import Client, worker_client
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def provide() -> None:
    """What a user does in each of his processes; Jaeger compares the clocks of different hosts."""
    provider = TracerProvider(resource=Resource.create({"host.name": socket.gethostname()}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=100))
    trace.set_tracer_provider(provider)


def part(number: int) -> bytes:
    with trace.get_tracer("analysis").start_as_current_span("fill"):
        return bytes([number]) * 100_000


def total(*parts: bytes) -> int:
    with worker_client() as client:
        length: int = client.submit(sum, [len(part) for part in parts], key="inner").result()
    return length


def main() -> None:
    provide()
    with (
        Client(n_workers=2, threads_per_worker=1, dashboard_address=":0") as client,
        trace.get_tracer("analysis").start_as_current_span("analysis") as span,
    ):
        workers = list(client.run(provide))
        parts = [
            client.submit(part, i, key=f"part-{i}", workers=[worker])
            for i, worker in enumerate(workers)
        ]
        future = client.compute(delayed(total)(*parts, dask_key_name="total"))
        assert client.gather(future) == 200_000
        sys.stdout.write(f"{span.get_span_context().trace_id:032x}")


if __name__ == "__main__":
    main()
