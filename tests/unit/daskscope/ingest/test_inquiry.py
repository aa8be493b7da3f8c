from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from dask_otel import conventions
from daskscope.ingest import codec, inquiry
from daskscope.ingest.envelope import Encoding
from daskscope.ingest.inquiry import Search, span_details
from daskscope.store.inquiry import Asked, Dependent, Dependents, Query, SpanDetails
from tests.archives import Requests
from tests.telemetry import (
    WORKER,
    fill_task,
    gauge,
    record,
    set_attributes,
    span_id,
    tasks,
    trace_id,
)

if TYPE_CHECKING:
    from daskscope.ingest.otlp import Request

ENCODINGS = pytest.mark.parametrize("encoding", list(Encoding))


def number_of(of: int) -> int:
    return int.from_bytes(span_id(of), "big")


def asked(of: int, request: int = 1, least: int = 1) -> Query:
    return Query(1, Asked.DEPENDENTS, number_of(of), request, least)


def all_of(search: Search, budget_s: float = 60.0) -> list[Dependents]:
    parts = [search.advance(budget_s)]
    while not parts[-1].is_over:
        parts.append(search.advance(budget_s))
    return parts


def found_in(parts: list[Dependents]) -> set[int]:
    return {one.span_id for part in parts for one in part.found}


def chance_requests(seed: int) -> list[Request]:
    """Requests of several resources and scopes, some with fields that we do not know."""
    chance = random.Random(seed)
    requests: list[Request] = []
    for number in range(chance.randint(1, 12)):
        if chance.random() < 0.3:
            requests.append(gauge("dask.process.cpu.usage", 1.0))
            continue
        request = ExportTraceServiceRequest()
        for _ in range(chance.randint(0, 3)):
            group = request.resource_spans.add()
            set_attributes(group.resource.attributes, WORKER)
            for _ in range(chance.randint(0, 2)):
                scope = group.scope_spans.add()
                scope.schema_url = "x" * chance.randint(0, 300)
                for _ in range(chance.randint(0, 40)):
                    fill_task(scope.spans.add(), chance.randint(0, 60))
        if chance.random() < 0.3:  # a varint field of a later version
            group = request.resource_spans.add()
            scope = group.scope_spans.add()
            fill_task(scope.spans.add(), number)
            scope.MergeFromString(b"\xf8\x01\x05")
        requests.append(request)
    return requests


def linked_to(requests: list[Request], wanted: bytes) -> set[int]:
    """Brute force."""
    return {
        int.from_bytes(span.span_id, "big")
        for request in requests
        if isinstance(request, ExportTraceServiceRequest)
        for group in request.resource_spans
        for scope in group.scope_spans
        for span in scope.spans
        if any(link.span_id == wanted for link in span.links)
    }


@ENCODINGS
@pytest.mark.parametrize("seed", range(20))
def test_the_dependents_are_those_of_a_walk_over_all_spans(seed: int, encoding: Encoding) -> None:
    requests = chance_requests(seed)
    archive = Requests(requests, encoding)
    for of in (1, 20, 41, 62):
        parts = all_of(Search(archive, asked(of, request=seed % 12)), budget_s=0.0)
        assert found_in(parts) == linked_to(requests, span_id(of))


def test_a_dependent_is_told_with_what_finds_it() -> None:
    archive = Requests([gauge("x", 1.0), tasks(5)])
    (part,) = all_of(Search(archive, asked(of=4)))

    assert (part.share, part.until, part.is_over, part.is_cut) == (1.0, 2, True, False)
    assert part.found[0] == Dependent(
        span_id=number_of(1),
        request=2,
        name="add",
        key="('add-5f3a9b2c1d0e', 1, 1)",
        worker="tcp://127.0.0.1:40101",
        start_ns=1_700_000_000_000_001_000,
        end_ns=1_700_000_000_000_001_900,
        nbytes=7919,
    )


def test_the_worker_that_a_span_names_is_where_it_was() -> None:
    request = tasks(1)
    span = request.resource_spans[0].scope_spans[0].spans[0]
    set_attributes(span.attributes, {conventions.WORKER_ADDRESS: "tcp://gone:1"})
    (part,) = all_of(Search(Requests([request]), asked(of=1)))
    assert [one.worker for one in part.found] == ["tcp://gone:1"]


def test_children_of_a_span_are_no_dependents() -> None:
    request = tasks(1)
    span = request.resource_spans[0].scope_spans[0].spans.add()
    fill_task(span, 40)
    span.parent_span_id = span_id(50)
    (part,) = all_of(Search(Requests([request]), asked(of=50)))
    assert part.found == ()


def test_the_search_begins_at_the_request_of_the_span() -> None:
    archive = Requests([tasks(1, first=10 * n) for n in range(6)])
    parts = all_of(Search(archive, asked(of=1, request=4)), budget_s=0.0)

    assert archive.read == [4, 5, 6, 3, 2, 1]
    assert [part.share for part in parts] == pytest.approx([n / 6 for n in range(1, 7)])
    assert [part.is_over for part in parts] == [False] * 5 + [True]


def test_what_came_since_is_searched_alone() -> None:
    archive = Requests([tasks(1, first=10 * n) for n in range(6)])
    parts = all_of(Search(archive, asked(of=1, request=5, least=5)), budget_s=0.0)
    assert archive.read == [5, 6]
    assert parts[-1].until == 6

    (nothing,) = all_of(Search(archive, asked(of=1, request=7, least=7)))
    assert nothing.is_over
    assert nothing.share == 1.0


def test_a_search_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inquiry, "MAX_DEPENDENTS", 7)
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number in range(20):
        span = scope.spans.add()
        fill_task(span, 100 + number)
        span.links[0].span_id = span_id(1)
    parts = all_of(Search(Requests([request] * 3), asked(of=1)), budget_s=0.0)

    assert sum(len(part.found) for part in parts) == 7
    assert parts[-1].is_cut
    assert parts[-1].is_over


@ENCODINGS
def test_everything_about_a_span_is_told(encoding: Encoding) -> None:
    request = tasks(9)
    span = request.resource_spans[0].scope_spans[0].spans[5]
    span.status.code = span.status.STATUS_CODE_ERROR
    span.status.message = "<b>no</b>"
    event = span.events.add(name="exception", time_unix_nano=77)
    set_attributes(event.attributes, {conventions.EXCEPTION_STACKTRACE: "a\nb", "n": [1, 2]})
    query = Query(5, Asked.SPAN, number_of(5), 2)
    details = span_details(Requests([record("x", {}), request], encoding), query)

    assert (details.number, details.problem) == (5, "")
    assert details.trace_id == trace_id(1).hex()
    assert details.status_text == "<b>no</b>"
    assert details.attributes is not None
    assert details.attributes[conventions.TASK_PRIORITY] == [0, 1, 5]
    assert [(e.name, e.time_ns) for e in details.events] == [("exception", 77)]
    assert details.events[0].attributes == {conventions.EXCEPTION_STACKTRACE: "a\nb", "n": [1, 2]}
    assert [link.span_id for link in details.links] == [number_of(n) for n in (6, 7, 8)]
    assert details.links[1].key == "('sum-5f3a9b', 1)"


@pytest.mark.parametrize(("of", "request_number"), [(99, 1), (1, 2), (1, 0), (1, 2**32 - 1)])
def test_what_is_not_there_is_said(of: int, request_number: int) -> None:
    query = Query(5, Asked.SPAN, number_of(of), request_number)
    details = span_details(Requests([tasks(3), gauge("x", 1.0)]), query)
    assert details.problem
    assert details.attributes is None


def test_an_answer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inquiry, "MAX_TEXT", 10)
    request = tasks(1)
    span = request.resource_spans[0].scope_spans[0].spans[0]
    set_attributes(span.attributes, {f"{n:04}": "y" * 20 for n in range(500)})
    set_attributes(span.attributes, {"list": ["z" * 5] * 5})
    for _ in range(3_000):
        span.links.add(span_id=span_id(3))
        span.events.add(name="e" * 20)
    details = span_details(Requests([request]), Query(1, Asked.SPAN, number_of(0), 1))

    assert details.attributes is not None
    assert len(details.attributes) <= inquiry.MAX_ATTRIBUTES
    assert max(len(str(value)) for value in details.attributes.values()) <= 26
    assert details.attributes["0001"] == "y" * 10 + "…"
    assert len(details.links) == inquiry.MAX_LINKS
    assert len(details.events) == inquiry.MAX_EVENTS
    assert details.events[0].name == "e" * 10 + "…"


def test_answers_survive_the_link() -> None:
    details = span_details(Requests([tasks(9)]), Query(5, Asked.SPAN, number_of(5), 1))
    (part,) = all_of(Search(Requests([tasks(9)]), asked(of=4)))
    for answer in (details, part, SpanDetails(1, "\ud800<b>")):
        decoded = codec.decode_linked(codec.encode(answer))
        assert type(decoded) is type(answer)
        assert decoded.number == answer.number
    assert codec.decode_linked(codec.encode(part)) == part
    assert codec.decode_linked(codec.encode(details)) == details
    with pytest.raises(codec.FrameError):
        codec.decode(codec.encode(part))
