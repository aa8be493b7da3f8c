from __future__ import annotations

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from dask_otel import conventions
from daskscope.ingest.definitions import Tables
from daskscope.ingest.spans import MAX_ERROR_CHARACTERS, kind_of, rows_of
from daskscope.store.schema import MAX_TIME_NS, Kind, Outcome, Status
from tests.telemetry import Value, set_attributes, span_id, trace_id


def failed(**of: str) -> Span:
    span = Span(trace_id=trace_id(1), span_id=span_id(1), name="x")
    span.status.code = span.status.STATUS_CODE_ERROR
    span.status.message = of.get("status", "")
    attributes: dict[str, Value] = {}
    if "type" in of:
        attributes[conventions.ERROR_TYPE] = of["type"]
    set_attributes(span.attributes, attributes)
    if "message" in of or "event_type" in of:
        span.events.add(name="something else")
        event = span.events.add(name=conventions.EVENT_EXCEPTION)
        found: dict[str, Value] = {}
        if "message" in of:
            found[conventions.EXCEPTION_MESSAGE] = of["message"]
        if "event_type" in of:
            found[conventions.EXCEPTION_TYPE] = of["event_type"]
        set_attributes(event.attributes, found)
    return span


@pytest.mark.parametrize(
    ("of", "text"),
    [
        ({"type": "ValueError", "message": "no"}, "ValueError: no"),
        ({"event_type": "ValueError", "message": "no"}, "ValueError: no"),
        ({"type": "ValueError", "status": "no"}, "ValueError: no"),
        ({"type": "ValueError"}, "ValueError"),
        ({"status": "no"}, "no"),
        ({}, ""),
        ({"type": "E", "message": "m" * 5000}, "E: " + "m" * (MAX_ERROR_CHARACTERS - 3)),
    ],
)
def test_error_texts(of: dict[str, str], text: str) -> None:
    tables = Tables()
    rows = rows_of([failed(**of)], [0], tables)
    assert rows.columns["status"].tolist() == [Status.ERROR]
    assert tables.strings.entries[int(rows.columns["error"][0])] == text


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(5, 9, (5, 9)), (9, 5, (9, 9)), (0, 5, (5, 5)), (2**64 - 1, 5, (MAX_TIME_NS, MAX_TIME_NS))],
)
def test_times_that_make_no_sense(start: int, end: int, expected: tuple[int, int]) -> None:
    span = Span(start_time_unix_nano=start, end_time_unix_nano=end)
    columns = rows_of([span], [0], Tables()).columns
    assert (columns["start_ns"][0], columns["end_ns"][0]) == expected


def test_a_span_of_somebody_else_is_kept_under_its_name() -> None:
    tables = Tables()
    span = Span(trace_id=trace_id(1), span_id=span_id(1), name="GET /")
    rows = rows_of([span], [0], tables)
    row = {name: column[0].item() for name, column in rows.columns.items()}
    assert row["kind"] == Kind.OTHER
    assert tables.strings.entries[row["name"]] == "GET /"
    assert (row["nbytes"], row["run_id"], row["thread"], row["peer"]) == (-1, -1, 0, 0)
    assert rows.keys[0] == ""


def test_a_transfer_names_its_peer_and_bytes() -> None:
    tables = Tables()
    span = Span(trace_id=trace_id(1), span_id=span_id(1))
    attributes: dict[str, Value] = {
        conventions.ACTION: conventions.ACTION_TRANSFER,
        conventions.TRANSFER_BYTES: 123,
        conventions.TRANSFER_PEER: "tcp://10.0.0.1:1",
    }
    set_attributes(span.attributes, attributes)
    rows = rows_of([span], [0], tables)
    assert rows.columns["kind"].tolist() == [Kind.TRANSFER]
    assert rows.columns["nbytes"].tolist() == [123]
    assert tables.strings.entries[int(rows.columns["peer"][0])] == "tcp://10.0.0.1:1"


def test_kinds() -> None:
    actions = ("compute", "transfer", "disk-read", "disk-write", "deserialize", "graph", "x", 5)
    assert [kind_of(action) for action in actions] == [0, 1, 2, 3, 4, 5, 6, 6]
    assert [kind_of(action) for action in ("send", "client")] == [Kind.SEND, Kind.CLIENT]


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ({conventions.TASK_OUTCOME: "finished"}, Outcome.FINISHED),
        ({conventions.TASK_OUTCOME: "failed"}, Outcome.FAILED),
        ({conventions.TASK_OUTCOME: "cancelled"}, Outcome.CANCELLED),
        ({conventions.TASK_OUTCOME: "rescheduled"}, Outcome.RESCHEDULED),
        ({conventions.TASK_OUTCOME: "lost"}, Outcome.LOST),
        ({conventions.TASK_OUTCOME: "lost", conventions.TASK_EXECUTING: True}, Outcome.LOST),
        (
            {conventions.TASK_OUTCOME: "lost", conventions.TASK_EXECUTING: False},
            Outcome.LOST_WAITING,
        ),
        ({conventions.TASK_OUTCOME: "of a newer version"}, Outcome.NONE),
        ({}, Outcome.NONE),
    ],
)
def test_outcomes(said: dict[str, Value], outcome: Outcome) -> None:
    span = Span()
    set_attributes(span.attributes, said)
    assert rows_of([span], [0], Tables()).columns["outcome"].tolist() == [outcome]


def test_every_outcome_of_the_conventions_is_known() -> None:
    for said in conventions.OUTCOMES:
        span = Span()
        set_attributes(span.attributes, {conventions.TASK_OUTCOME: said})
        assert rows_of([span], [0], Tables()).columns["outcome"][0] != Outcome.NONE


def test_the_bytes_of_a_disk_are_bytes() -> None:
    span = Span()
    set_attributes(
        span.attributes,
        {conventions.ACTION: conventions.ACTION_DISK_WRITE, conventions.DISK_BYTES: 77},
    )
    assert rows_of([span], [0], Tables()).columns["nbytes"].tolist() == [77]
