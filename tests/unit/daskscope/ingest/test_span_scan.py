from __future__ import annotations

import random

import numpy as np
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from dask_otel import conventions
from daskscope.ingest.definitions import Tables
from daskscope.ingest.span_scan import read_spans
from daskscope.ingest.spans import is_identified, rows_of
from daskscope.store.schema import SPAN_COLUMNS, Kind, Outcome, SpanBatch, Status
from tests.telemetry import (
    WORKER,
    Value,
    fill_task,
    nested,
    set_attributes,
    span_id,
    tasks,
    trace_id,
)

STRANGE_TEXTS = ("", "x", "ключ", "a\x00b", "<b>&amp;", "\n", "𝄞" * 40, "k" * 10_000, "1234567890")


def scan(request: ExportTraceServiceRequest, tables: Tables) -> tuple[SpanBatch, int]:
    found, rejected = read_spans([(5, request.SerializeToString())], tables)
    assert set(found.columns["request"].tolist()) <= {5}
    return found, rejected.get(5, 0)


def check_alike(request: ExportTraceServiceRequest) -> None:
    """The walk in step gives the same as reading span by span."""
    spans = request.resource_spans[0].scope_spans[0].spans
    tables = Tables()
    kept = [span for span in spans if is_identified(span)]
    in_step, n_rejected = scan(request, tables)
    one_by_one = rows_of(kept, [tables.resource(WORKER)] * len(kept), tables)
    assert n_rejected == len(spans) - len(kept)
    for name, column in one_by_one.columns.items():
        assert in_step.columns[name].dtype == SPAN_COLUMNS[name]
        np.testing.assert_array_equal(in_step.columns[name], column, name)
    texts = [in_step.keys[row] for row in range(len(kept))]
    assert texts == [one_by_one.keys[row] for row in range(len(kept))]


def test_values_of_one_task() -> None:
    tables = Tables()
    rows, _ = scan(tasks(100), tables)
    row = {name: column[7].item() for name, column in rows.columns.items()}
    assert row["start_ns"] == 1_700_000_000_000_007_000
    assert row["end_ns"] - row["start_ns"] == 900
    assert row["kind"] == Kind.COMPUTE
    assert row["status"] == Status.UNSET
    assert row["run_id"] == 7
    assert row["thread"] == 140_000_000_003
    assert row["nbytes"] == 55_433
    assert row["outcome"] == Outcome.FINISHED
    assert rows.columns["wait_data_s"][7] == 0.25
    assert rows.columns["wait_thread_s"][7] == 3.5
    assert row["resource"] == tables.resource(WORKER)
    assert tables.strings.entries[row["name"]] == "add"
    assert tables.strings.entries[row["type"]] == "numpy.ndarray"
    assert tables.traces.entries[row["trace"]] == trace_id(1)
    assert rows.keys[7] == "('add-5f3a9b2c1d0e', 7, 7)"


def test_uniform_request() -> None:
    check_alike(tasks(500))


def strange_value(chance: random.Random) -> Value:
    number = chance.choice((0, 1, -1, 2**31, -(2**31), 2**63 - 1, -(2**63), 127, 128, 300))
    text = chance.choice(STRANGE_TEXTS)
    real = chance.choice((1.5, 0.0, -1.0, 1e300, float("nan"), float("inf")))
    outcome = chance.choice(conventions.OUTCOMES)
    values: list[Value] = [text, text, number, number, real, False, [text, text], outcome]
    return chance.choice(values)


def bad_trace(span: Span, chance: random.Random) -> None:
    span.trace_id = chance.choice((b"", bytes(16), b"short", trace_id(chance.randrange(5))))


def bad_ids(span: Span, chance: random.Random) -> None:
    span.span_id = chance.choice((b"", bytes(8), bytes(16), b"12345678"))
    span.parent_span_id = chance.choice((b"", b"odd", bytes(8)))


def bad_times(span: Span, chance: random.Random) -> None:
    span.start_time_unix_nano = chance.choice((0, 1, 2**64 - 1))
    span.end_time_unix_nano = chance.choice((0, 1, 2**64 - 1))


def other_attributes(span: Span, chance: random.Random) -> None:
    if chance.random() < 0.5:
        del span.attributes[:]
    names = chance.sample(NAMES, chance.randrange(len(NAMES)))
    set_attributes(span.attributes, {name: strange_value(chance) for name in names})


def half_attributes(span: Span, chance: random.Random) -> None:
    span.attributes.add().value.string_value = "no name"
    span.attributes.add().key = chance.choice(NAMES)


def failure(span: Span, chance: random.Random) -> None:
    span.status.code = chance.choice(list(Span().status.StatusCode.values()))
    span.status.message = chance.choice(STRANGE_TEXTS)
    event = span.events.add()
    event.name = conventions.EVENT_EXCEPTION
    set_attributes(event.attributes, {conventions.EXCEPTION_MESSAGE: "no", "\x0a": 1})


def links(span: Span, chance: random.Random) -> None:
    for number in range(chance.choice((1, 2, 128))):
        link = span.links.add(trace_id=trace_id(9), span_id=span_id(number))
        set_attributes(link.attributes, {conventions.LINK_KEY: chance.choice(STRANGE_TEXTS)})
    span.dropped_links_count = chance.choice((0, 300))


def other_fields(span: Span, chance: random.Random) -> None:
    span.links.add().trace_id = trace_id(9)
    span.trace_state = chance.choice(STRANGE_TEXTS)
    span.name = chance.choice(STRANGE_TEXTS)
    span.dropped_links_count = 2**32 - 1
    span.ClearField("flags")


DISTORTIONS = (
    bad_trace,
    bad_ids,
    bad_times,
    other_attributes,
    half_attributes,
    failure,
    links,
    other_fields,
)
NAMES = (
    conventions.ACTION,
    conventions.TASK_KEY,
    conventions.TASK_TYPE,
    conventions.TRANSFER_PEER,
    conventions.TASK_RUN_ID,
    conventions.THREAD_ID,
    conventions.TRANSFER_BYTES,
    conventions.DISK_BYTES,
    conventions.TASK_OUTCOME,
    conventions.TASK_EXECUTING,
    conventions.TASK_WAIT_DEPENDENCIES,
    conventions.TASK_WAIT_READY,
    conventions.WORKER_ADDRESS,
    "k" * 126,
    "k" * 127,
    "k" * 128,
    "ü",
)


@pytest.mark.parametrize("seed", range(40))
def test_any_spans_are_read_alike(seed: int) -> None:
    chance = random.Random(seed)
    request = tasks(600)
    share = chance.choice((0.01, 0.2, 0.9))
    for span in request.resource_spans[0].scope_spans[0].spans:
        if chance.random() < share:
            chance.choice(DISTORTIONS)(span, chance)
    check_alike(request)


TYPE = nested(b"dask.task.type", 0x0A)
THREAD = nested(b"thread.id", 0x0A)
WAIT = nested(b"dask.task.wait.ready", 0x0A)


@pytest.mark.parametrize(
    "attribute",
    [
        TYPE + nested(b"int", 0x12, 0x0A),
        TYPE + nested(b"int", 0x12, 0x0A) + nested(b"new", 0x1A),
        TYPE + nested(nested(b"int", 0x0A) + nested(b"new", 0x4A), 0x12),
        TYPE + nested(nested(b"int", 0x0A) + b"\x18\x07", 0x12),
        TYPE + nested(nested(b"int", 0x0A) + nested(b"str", 0x0A), 0x12),
        TYPE + nested(b"int", 0x12, 0x0A) + nested(b"str", 0x12, 0x0A),
        TYPE + nested(b"", 0x12, 0x0A),
        TYPE + nested(b"", 0x12),
        TYPE,
        TYPE + b"\x12\x86\x00" + nested(b"long", 0x0A),
        b"\x0a\x8e\x00" + TYPE[2:] + nested(b"int", 0x12, 0x0A),
        nested(b"dask.action", 0x0A) + nested(b"", 0x12, 0x0A),
        THREAD + nested(b"\x18\x07", 0x12),
        THREAD + nested(b"\x18\x87\x00", 0x12),
        THREAD + nested(b"\x18" + b"\xff" * 9 + b"\x01", 0x12),
        THREAD + nested(b"\x18\x07\x18\x08", 0x12),
        THREAD + nested(b"\x18\x07", 0x12) + nested(b"", 0x12),
        THREAD + nested(b"", 0x12),
        WAIT + nested(b"\x21" + b"\x3f" * 8, 0x12),
        WAIT + nested(b"\x21" + b"\x3f" * 8 + nested(b"x", 0x4A), 0x12),
    ],
)
def test_attributes_laid_out_as_no_sender_does(attribute: bytes) -> None:
    """Alike in all spans, in all but a few, or the last thing in them."""
    for n_alike, rest in ((100, b"\x39" + bytes(8)), (60, b"\x39" + bytes(8)), (100, b"")):
        datas = []
        for number in range(100):
            ids = nested(trace_id(1), 0x0A) + nested(span_id(number), 0x12)
            more = attribute if number < n_alike else TYPE + nested(b"x" * number, 0x12, 0x0A)
            datas.append(ids + nested(more, 0x4A) + rest)
        body = nested(b"".join(nested(data, 0x12) for data in datas), 0x0A, 0x12)
        tables = Tables()
        found, _ = read_spans([(1, body)], tables)
        expected = rows_of([Span.FromString(data) for data in datas], [0] * 100, tables)
        for name, column in expected.columns.items():
            np.testing.assert_array_equal(found.columns[name], column, name)


def test_several_layouts_in_one_request() -> None:
    request = tasks(300)
    for number, span in enumerate(request.resource_spans[0].scope_spans[0].spans):
        if number % 2:
            del span.attributes[:]
            set_attributes(span.attributes, {"http.route": "/", conventions.THREAD_ID: number})
    check_alike(request)


def test_unknown_fields_of_newer_versions_are_skipped() -> None:
    request = tasks(200)
    plain, _ = scan(request, Tables())
    spans = request.resource_spans[0].scope_spans[0].spans
    for span in spans:
        span.MergeFromString(b"\xa2\x06\x03new")  # field 100
    rows, n_rejected = scan(request, Tables())
    assert n_rejected == 0
    for name in SPAN_COLUMNS.keys() - {"request", "resource"}:
        np.testing.assert_array_equal(rows.columns[name], plain.columns[name])


def test_several_resources_and_scopes() -> None:
    request = ExportTraceServiceRequest()
    n_all = 0
    for worker in range(3):
        group = request.resource_spans.add()
        group.schema_url = "https://example.com"
        set_attributes(group.resource.attributes, {"service.name": f"w{worker}"})
        for n_spans in (40, 0, 3, 200):
            scope = group.scope_spans.add()
            for _ in range(n_spans):
                n_all += 1
                fill_task(scope.spans.add(), n_all)
            scope.schema_url = "https://example.com"
    found, n_rejected = scan(request, Tables())
    assert n_rejected == 0
    np.testing.assert_array_equal(found.columns["resource"], np.repeat([0, 1, 2], 243))
    np.testing.assert_array_equal(found.columns["run_id"], np.arange(1, n_all + 1))


def test_a_few_spans_of_each_of_many_requests() -> None:
    requests, n_bad = [], 0
    for number in range(1, 61):
        request = tasks(5, first=5 * number)
        if number % 20 == 0:
            request.resource_spans[0].scope_spans[0].spans[3].span_id = b""
            n_bad += 1
        requests.append((number, request.SerializeToString()))
    tables = Tables()
    found, rejected = read_spans(requests, tables)
    assert rejected == {20: 1, 40: 1, 60: 1}
    one_by_one = [read_spans([request], tables)[0] for request in requests]
    for name, column in found.columns.items():
        expected = np.concatenate([batch.columns[name] for batch in one_by_one])
        np.testing.assert_array_equal(column, expected, name)
    assert [found.keys[row] for row in range(len(found))] == [
        batch.keys[row] for batch in one_by_one for row in range(len(batch))
    ]


def test_a_resource_of_which_the_layout_cannot_be_told_is_read_span_by_span() -> None:
    data = tasks(40).SerializeToString()
    # A field that nobody knows, of a wire type that has no length in front.
    strange = b"\x85\x7d\x00\x00\x00\x00"
    whole = data + strange
    requests = ((1, whole), (2, tasks(40, first=40).SerializeToString()))
    found, rejected = read_spans(requests, Tables())
    assert not rejected
    np.testing.assert_array_equal(found.columns["run_id"], np.arange(80))
    np.testing.assert_array_equal(found.columns["request"], np.repeat([1, 2], 40))
