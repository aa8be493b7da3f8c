from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dask_otel import conventions
from daskscope.ingest import records
from daskscope.ingest.definitions import Tables
from daskscope.store.schema import EVENT_COLUMNS, RUNNING_COLUMNS, WORD_COLUMNS, RunningWords
from tests.telemetry import START_NS, Value, record

if TYPE_CHECKING:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest


def read(
    request: ExportLogsServiceRequest, number: int, received_ns: int, tables: Tables
) -> tuple[list[records.Event], RunningWords]:
    events, words = records.read(request.SerializeToString(), received_ns, tables)
    return events, records.words_of([(number, words)])


RUNNING: dict[str, Value] = {
    conventions.RUNNING_KEYS: ["('inc', 1)", "\x00"],
    conventions.RUNNING_PREFIXES: ["inc", "add"],
    conventions.RUNNING_RUN_IDS: [5, 6],
    conventions.RUNNING_THREADS: [140_000_000_001, 2],
    conventions.RUNNING_STARTS: [START_NS - 5, START_NS - 6],
}


def test_running_attempts() -> None:
    tables = Tables()
    events, running = read(record(conventions.EVENT_RUNNING, RUNNING), 9, 0, tables)
    assert events == []
    word = {name: column.tolist() for name, column in running.words.items()}
    assert word == {"request": [9], "time_ns": [START_NS], "resource": [0], "n": [2]}
    assert running.columns["run_id"].tolist() == [5, 6]
    assert running.columns["thread"].tolist() == [140_000_000_001, 2]
    assert running.columns["start_ns"].tolist() == [START_NS - 5, START_NS - 6]
    assert [tables.strings.entries[n] for n in running.columns["name"]] == ["inc", "add"]
    assert [running.keys[0], running.keys[1]] == ["('inc', 1)", "\x00"]
    assert {name: col.dtype for name, col in running.columns.items()} == dict(RUNNING_COLUMNS)
    assert {name: col.dtype for name, col in running.words.items()} == dict(WORD_COLUMNS)


def test_nothing_runs_any_more() -> None:
    empty: dict[str, Value] = {name: [] for name in RUNNING}
    for attributes in (empty, {}):
        _, running = read(record(conventions.EVENT_RUNNING, attributes), 1, 0, Tables())
        assert running.words["n"].tolist() == [0]
        assert len(running) == 0


def test_odd_arrays_are_made_to_fit() -> None:
    odd: dict[str, Value] = {
        **RUNNING,
        conventions.RUNNING_RUN_IDS: [2**40],
        conventions.RUNNING_THREADS: ["x", True, 3],
        conventions.RUNNING_STARTS: "no array",
    }
    _, running = read(record(conventions.EVENT_RUNNING, odd), 1, 0, Tables())
    assert running.columns["run_id"].tolist() == [-1, -1]
    assert running.columns["thread"].tolist() == [0, 0]
    assert running.columns["start_ns"].tolist() == [START_NS, START_NS]


def test_starts_that_make_no_sense_are_when_it_was_said() -> None:
    starts: list[Value] = [-(2**63), 0, 2**63 - 1, START_NS - 5]
    odd: dict[str, Value] = {
        conventions.RUNNING_KEYS: ["a", "b", "c", "d"],
        conventions.RUNNING_STARTS: starts,
    }
    _, running = read(record(conventions.EVENT_RUNNING, odd), 1, 0, Tables())
    assert running.columns["start_ns"].tolist() == [START_NS] * 3 + [START_NS - 5]


def test_events_keep_their_name_body_and_attributes() -> None:
    tables = Tables()
    request = record(conventions.EVENT_WORKER_ADDED, {"a": [1, "x"], "b": "ü\x00"}, "added")
    (event,), running = read(request, 1, 0, tables)
    assert not len(running.words["n"])
    assert tables.strings.entries[event.name] == conventions.EVENT_WORKER_ADDED
    assert event.severity == 9
    assert event.body == "added"
    assert json.loads(event.attributes) == {"a": [1, "x"], "b": "ü\x00"}


def test_names_in_an_attribute_and_times_that_are_missing() -> None:
    tables = Tables()
    request = record("", {records.EVENT_NAME_ATTRIBUTE: "older", "x": 1}, time_ns=0)
    (event,), _ = read(request, 1, START_NS, tables)
    assert tables.strings.entries[event.name] == "older"
    assert event.time_ns == START_NS
    assert json.loads(event.attributes) == {"x": 1}
    request.resource_logs[0].scope_logs[0].log_records[0].observed_time_unix_nano = 77
    assert read(request, 1, START_NS, tables)[0][0].time_ns == 77


def test_a_body_that_is_no_text_becomes_json() -> None:
    request = record("", {})
    body = request.resource_logs[0].scope_logs[0].log_records[0].body
    body.kvlist_value.values.add(key="k").value.int_value = 5
    (event,), _ = read(request, 1, 0, Tables())
    assert event.name == 0
    assert json.loads(event.body) == {"k": 5}


def test_a_batch_says_which_request_each_event_came_with() -> None:
    tables = Tables()
    parts = [(n, read(record("e", {"n": n}), n, 0, tables)[0]) for n in (3, 4)]
    batch = records.batch_of(parts)
    assert batch.columns["request"].tolist() == [3, 4]
    assert {name: column.dtype for name, column in batch.columns.items()} == dict(EVENT_COLUMNS)
    assert [json.loads(batch.attributes[row]) for row in range(2)] == [{"n": 3}, {"n": 4}]
