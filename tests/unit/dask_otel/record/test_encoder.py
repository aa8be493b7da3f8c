"""What goes over the wire, read by protobuf; `test_spans` says what stands in it."""

from __future__ import annotations

import pickle
import random
from typing import Any
from uuid import UUID, uuid4

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from dask_otel import conventions as names
from dask_otel import correlate, events, wire
from dask_otel.record import encoder
from dask_otel.record.spans import SpanMaker
from tests.sinks import plain_attributes

WORKER, SCHEDULER = "tcp://10.0.0.1:4001", "tcp://10.0.0.1:8786"
SPAN_ID = str(UUID("6f7a0a52-7a19-4f0e-9d54-0c6b2b3f1a77"))
TRACEPARENT = f"00-{'ab' * 16}-{'cd' * 8}-01"
KEYS: list[Any] = [
    "",
    "inc-5f3a9b2c1d0e4f5a5f3a9b2c1d0e4f5a",
    "line\nbreak",
    "<b>&amp;</b>",
    "日本語",
    "\udcff",
    "k" * 10_000,
    b"bytes",
    3,
    ("x-1", 0, 2),
    (b"b", 1.5),
    ("a", ("b", None)),
]
FAILURE = events.Failure(
    pickle.dumps(KeyError("lost")), "KeyError('lost')", '  File "a.py", line 1, in f\n'
)


def encoded(event: events.SpanEvent, maker: SpanMaker | None = None) -> list[Span]:
    maker = maker or SpanMaker(WORKER, SCHEDULER)
    return read(encoder.SpanEncoder(maker).encode(event, maker.place(event)))


def read(spans: list[bytes]) -> list[Span]:
    payload = encoder.request(encoder.resource({"service.name": "s", "n": 2}), "1.2", spans)
    request = ExportTraceServiceRequest.FromString(payload)
    (group,) = request.resource_spans
    (scope,) = group.scope_spans
    assert plain_attributes(group.resource.attributes) == {"service.name": "s", "n": 2}
    assert (scope.scope.name, scope.scope.version) == (names.SCOPE_NAME, "1.2")
    assert {scope.schema_url, group.schema_url} == {names.SCHEMA_URL}
    # What protobuf would have written itself: nothing is malformed, repeated or out of place.
    assert ExportTraceServiceRequest.FromString(request.SerializeToString()) == request
    return list(scope.spans)


def attempt(chance: random.Random) -> events.Attempt:
    """An attempt with any of its fields missing."""

    def maybe(value: Any) -> Any:
        return value if chance.random() < 0.6 else None

    def dependency() -> tuple[Any, int, str | None]:
        origin = chance.choice([None, str(uuid4()), TRACEPARENT, "made up"])
        return chance.choice(KEYS), chance.randrange(2**40), origin

    n_dependencies = chance.choice([0, 1, 3, 128])
    otel = {
        events.TRACEPARENT: TRACEPARENT,
        events.DEPENDENCIES: [dependency() for _ in range(n_dependencies)],
        events.DEPENDENCY_COUNT: n_dependencies * 7,
        "baggage": "k=v",
    }
    start_s = chance.uniform(1.7e9, 1.9e9)
    return events.Attempt(
        chance.choice(KEYS),
        chance.choice(["inc", "", "日本", "p" * 2_000]),
        chance.choice([0, 127, 128, 2**31, 2**62]),
        maybe(chance.choice([SPAN_ID, str(uuid4()), "a user's own name", TRACEPARENT])),
        maybe({name: otel[name] for name in chance.sample(sorted(otel), chance.randrange(5))}),
        start_s,
        start_s + chance.expovariate(1) - (chance.random() < 0.1),  # a clock that was set back
        maybe(chance.choice([0, 140_000_000_000_000])),
        maybe(chance.choice([0, 800, 2**50])),
        maybe(chance.choice([int, list, "pandas.DataFrame", ""])),
        maybe(chance.choice([(0, 1, 300, -62), (1.0, 1, 2**40), (), (0.5,)])),
        chance.choice(names.OUTCOMES),
        maybe(chance.choice([FAILURE, FAILURE._replace(pickled=b""), events.Failure(b"", "", "")])),
        maybe(chance.random()),
        maybe(0.0),
        maybe(chance.expovariate(1)),
        tuple(transfer(chance) for _ in range(chance.randrange(4))),
        maybe("tcp://10.0.0.9:1"),
        maybe(chance.choice([True, False])),
    )


def transfer(chance: random.Random) -> events.Transfer:
    start_s = chance.uniform(1.7e9, 1.9e9)
    keys = tuple(chance.sample(KEYS, chance.randrange(len(KEYS))))
    return events.Transfer(
        start_s,
        start_s + chance.random(),
        chance.choice(["tcp://10.0.0.2:4002", "inproc://10.0.0.2/33/4", "tls://[::1]:9", "[oops"]),
        chance.choice([0, 800, 2**50]),
        keys,
        len(keys) + chance.randrange(3),
        chance.choice([0.0, 8e9]),
        chance.choice([None, SPAN_ID, TRACEPARENT]),
        sent=chance.random() < 0.5,
        transfer_id=chance.choice(["", "0123456789abcdef"]),
        shuffle_id=chance.choice([None, "shuffle-1"]),
        failure=chance.choice([None, FAILURE]),
    )


@pytest.mark.parametrize("tracebacks", [True, False])
def test_what_is_written_directly_is_what_the_spans_say(tracebacks: bool) -> None:
    chance = random.Random(4)
    maker = SpanMaker(WORKER, SCHEDULER, tracebacks=tracebacks)
    direct = encoder.SpanEncoder(maker)
    for number in range(1_000):
        event = attempt(chance) if number % 3 else transfer(chance)
        written = read(direct.encode(event, maker.place(event)))
        said = read([wire.field(0x12, encoder.encode(span)) for span in maker.spans(event)])
        assert written == said, event


def test_a_span_has_ids_times_and_flags() -> None:
    event = events.Attempt(
        ("x-1", 0),
        "x",
        7,
        SPAN_ID,
        None,
        1795464516.687147,
        1795464517.000001,
        140_000_000_000_000,
        800,
        list,
        (0, 1, -62),
        names.OUTCOME_FINISHED,
    )
    (span,) = encoded(event)
    trace = correlate.trace_id(SPAN_ID)
    assert (span.trace_id, span.span_id) == (trace, correlate.attempt_span_id(("x-1", 0), 7))
    assert span.parent_span_id == correlate.graph_span_id(trace)
    assert (span.name, span.kind) == ("x", Span.SPAN_KIND_INTERNAL)
    assert span.flags == 0x300  # the graph is the scheduler's
    assert span.start_time_unix_nano == 1795464516_687147_000
    assert span.end_time_unix_nano == 1795464517_000001_000
    assert span.status.code == Status.STATUS_CODE_UNSET
    (root,) = encoded(event._replace(origin=None))
    assert (root.parent_span_id, root.flags) == (b"", 0x100)


def test_a_failure_has_status_event_and_type() -> None:
    event = attempt(random.Random(1))._replace(failure=FAILURE, transfers=())
    (span,) = encoded(event)
    assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, "'lost'")
    assert plain_attributes(span.attributes)[names.ERROR_TYPE] == "KeyError"
    (found,) = span.events
    assert (found.name, found.time_unix_nano) == ("exception", span.end_time_unix_nano)
    assert plain_attributes(found.attributes) == {
        names.EXCEPTION_TYPE: "KeyError",
        names.EXCEPTION_MESSAGE: "'lost'",
        names.EXCEPTION_STACKTRACE: (
            "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 'lost'\n"
        ),
    }


def test_without_tracebacks_the_type_alone_is_sent() -> None:
    event = attempt(random.Random(1))._replace(failure=FAILURE, transfers=())
    maker = SpanMaker(WORKER, SCHEDULER, tracebacks=False)
    (span,) = encoded(event, maker)
    assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, "")
    assert plain_attributes(span.attributes)[names.ERROR_TYPE] == "KeyError"
    assert [plain_attributes(found.attributes) for found in span.events] == [
        {names.EXCEPTION_TYPE: "KeyError"}
    ]
    assert b"lost" not in encoder.SpanEncoder(maker).encode(event, maker.place(event))[0]


def test_links_name_what_a_task_works_on() -> None:
    dependencies = [("y", 4, None), (("z", 1), 5, TRACEPARENT)]
    event = attempt(random.Random(1))._replace(
        origin=SPAN_ID, otel={events.DEPENDENCIES: dependencies}, transfers=()
    )
    (span,) = encoded(event)
    assert [
        (link.trace_id, link.span_id, plain_attributes(link.attributes), link.flags)
        for link in span.links
    ] == [
        (span.trace_id, correlate.attempt_span_id("y", 4), {names.LINK_KEY: "y"}, 0x300),
        (
            bytes.fromhex("ab" * 16),
            correlate.attempt_span_id(("z", 1), 5),
            {names.LINK_KEY: "('z', 1)"},
            0x300,
        ),
    ]


def test_an_attempt_is_named_alike_by_itself_and_by_those_that_work_on_it() -> None:
    maker = SpanMaker(WORKER, SCHEDULER)
    direct = encoder.SpanEncoder(maker)
    before: events.Attempt | None = None
    for run_id in range(10_000):  # more than is remembered
        event = attempt(random.Random(run_id))._replace(
            key=("x", run_id), run_id=run_id, origin=SPAN_ID, transfers=()
        )
        if before is not None:
            said = {events.DEPENDENCIES: [(before.key, before.run_id, None)]}
            event = event._replace(otel=said)
        if run_id % 1_000 < 2:
            (span,) = read(direct.encode(event, maker.place(event)))
            assert span.span_id == correlate.attempt_span_id(event.key, run_id)
            for link in span.links:
                assert before is not None
                assert link.span_id == correlate.attempt_span_id(before.key, before.run_id)
                assert plain_attributes(link.attributes) == {names.LINK_KEY: str(before.key)}
        else:
            direct.encode(event, maker.place(event))
        before = event


def test_attempts_whose_names_take_the_same_place_are_not_mixed_up() -> None:
    maker = SpanMaker(WORKER, SCHEDULER)
    direct = encoder.SpanEncoder(maker)
    made = [("x", 7), ("x", 7 + encoder.N_HELD), ("y", 7), (("x",), 7), ("x", 7)]
    for key, run_id in made:
        said = {events.DEPENDENCIES: [(*other, None) for other in made]}
        event = attempt(random.Random(1))._replace(
            key=key, run_id=run_id, origin=SPAN_ID, otel=said, transfers=()
        )
        (span,) = read(direct.encode(event, maker.place(event)))
        assert span.span_id == correlate.attempt_span_id(key, run_id)
        assert [
            (plain_attributes(link.attributes)[names.LINK_KEY], link.span_id) for link in span.links
        ] == [(str(other), correlate.attempt_span_id(other, number)) for other, number in made]


@pytest.mark.parametrize(
    "mine", [5, [1], ["text"], [("x", 1)], [("x", 1, 5)], [(["x"], 1, None)], {"x": 1}]
)
def test_a_user_annotation_of_that_name_makes_no_links(mine: Any) -> None:
    event = attempt(random.Random(1))._replace(otel={events.DEPENDENCIES: mine}, transfers=())
    (span,) = encoded(event)
    assert list(span.links) == []


@pytest.mark.parametrize(
    ("priority", "kind"),
    [((0, 1, 300, -62), int), ((0, -0.01, 5, -62), float), ((-1.5, 0.0), float), ((2, 1.0), float)],
)
def test_a_priority_holds_numbers_of_one_type(priority: tuple[float, ...], kind: type) -> None:
    event = events.Attempt(
        "k", "k", 0, None, None, 1.0, 2.0, 1, 1, int, priority, names.OUTCOME_FINISHED
    )
    (span,) = encoded(event)
    sent = plain_attributes(span.attributes)[names.TASK_PRIORITY]
    assert sent == list(priority)
    assert {type(number) for number in sent} == {kind}
