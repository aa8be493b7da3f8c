from __future__ import annotations

import logging

from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource

from dask_otel import conventions as names
from dask_otel import correlate, events, sdk, wire
from dask_otel.record import encoder
from dask_otel.record.logs import Log, LogEncoder, log

ORIGIN = "6f7a0a52-7a19-4f0e-9d54-0c6b2b3f1a77"


def test_running_tasks_are_arrays() -> None:
    task = events.RunningTask(("x", 1), "x", 4, 99, 1.25)
    found = log(events.Running(2.0, (task,)))
    assert (found.event_name, found.time_ns, found.body) == (
        names.EVENT_RUNNING,
        2 * 10**9,
        "1 running",
    )
    assert found.attributes == {
        names.RUNNING_KEYS: ("('x', 1)",),
        names.RUNNING_PREFIXES: ("x",),
        names.RUNNING_RUN_IDS: (4,),
        names.RUNNING_THREADS: (99,),
        names.RUNNING_STARTS: (1_250_000_000,),
    }
    assert set(log(events.Running(2.0, ())).attributes.values()) == {()}


def test_an_event_belongs_to_its_graph() -> None:
    event = events.Event(
        1.5, names.EVENT_STEAL, "said", {"a": 1}, severity=logging.WARNING, origin=ORIGIN
    )
    found = log(event)
    assert (found.time_ns, found.event_name, found.body, found.severity) == (
        1_500_000_000,
        names.EVENT_STEAL,
        "said",
        logging.WARNING,
    )
    assert found.attributes == {"a": 1}
    assert found.place == correlate.place(ORIGIN)
    assert log(event._replace(origin=None)).place is None


def by_the_sdk(logs: list[Log]) -> ExportLogsServiceRequest:
    """What the SDK and its exporter make of them."""
    kept = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    resource = Resource({"service.name": "s", "process.pid": 7}, names.SCHEMA_URL)
    provider = LoggerProvider(resource, shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(kept))
    logger = provider.get_logger(names.SCOPE_NAME, "1.2", names.SCHEMA_URL)
    for one in logs:
        logger.emit(sdk.log_record(one))
    found: ExportLogsServiceRequest = encode_logs(kept.get_finished_logs())
    return found


def test_it_says_what_the_sdk_says() -> None:
    place = correlate.place(ORIGIN)
    values: dict[str, wire.Value] = {
        "text": "ü\udcff",
        "flag": True,
        "n": -5,
        "share": 0.5,
        "keys": ("x", "\udcff"),
    }
    logs = [
        Log(1_700_000_000_000_000_001, "first", "said \udcff", values, logging.WARNING, place),
        Log(6, "second", "", {"none": (), "numbers": (1, 2), "shares": (0.5,)}, 17),
        *(Log(7, "level", "b" * 300, {}, level) for level in (0, 10, 20, 30, 40, 50)),
        Log(8, "nowhere", "b", {}, 20, place._replace(graph_id=b"")),
        log(events.Running(2.0, (events.RunningTask(("x", 1), "x", 4, 99, 1.25),))),
    ]
    resource = encoder.resource({"service.name": "s", "process.pid": 7})
    payload = LogEncoder(resource, "1.2").encode(logs)
    assert ExportLogsServiceRequest.FromString(payload) == by_the_sdk(logs)
