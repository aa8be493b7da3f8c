"""What a group of requests says, whoever sent it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dask_otel import conventions
from daskscope.ingest.decoder import Counts, Decoder, Numbered
from daskscope.ingest.envelope import Encoding, Signal
from daskscope.ingest.otlp import parse
from daskscope.store.schema import Outcome, SpanBatch
from tests.telemetry import SCHEDULER, WORKER, set_attributes, tasks

if TYPE_CHECKING:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

ADDRESS = str(WORKER[conventions.WORKER_ADDRESS])


def reported(n: int, outcome: str, first: int = 0) -> ExportTraceServiceRequest:
    """Return attempts of a worker as the scheduler reports them when the worker is gone."""
    request = tasks(n, first, sender=SCHEDULER)
    for span in request.resource_spans[0].scope_spans[0].spans:
        for pair in span.attributes:
            if pair.key == conventions.TASK_OUTCOME:
                pair.value.string_value = outcome
        set_attributes(span.attributes, {conventions.WORKER_ADDRESS: ADDRESS})
        if outcome == conventions.OUTCOME_LOST:
            set_attributes(span.attributes, {conventions.TASK_EXECUTING: False})
            span.status.code = span.status.STATUS_CODE_ERROR
    return request


def decoded(*requests: ExportTraceServiceRequest) -> tuple[list[SpanBatch], Decoder, Counts]:
    decoder, counts, batches = Decoder(), Counts(), []
    for number, request in enumerate(requests, 1):
        parsed = parse(Signal.TRACES, Encoding.PROTOBUF, request.SerializeToString())
        group = decoder.decode([Numbered(number, 0, parsed)])
        decoder.accept(group)
        counts = counts.plus(group, 1)
        if group.spans is not None:
            batches.append(group.spans)
    return batches, decoder, counts


@pytest.mark.parametrize("n", [3, 300])
def test_what_the_scheduler_makes_good_is_the_workers(n: int) -> None:
    (own, other), decoder, _ = decoded(tasks(n), reported(n, "finished", first=n))

    assert set(own.columns["resource"].tolist()) == set(other.columns["resource"].tolist())
    assert decoder.tables.resources[int(other.columns["resource"][0])] == WORKER


@pytest.mark.parametrize("n", [3, 300])
def test_what_two_schedulers_report_is_of_two_workers_at_one_address(n: int) -> None:
    request, other = reported(n, "lost"), reported(n, "lost", first=n)
    resource = other.resource_spans[0].resource
    resource.ClearField("attributes")
    set_attributes(resource.attributes, {**SCHEDULER, conventions.SERVICE_NAMESPACE: "cluster-2"})
    request.MergeFrom(other)
    (_, lost), decoder, _ = decoded(tasks(n, first=2 * n), request)

    numbers = lost.columns["resource"].tolist()
    assert len(set(numbers[:n])) == len(set(numbers[n:])) == 1
    worker, another = (decoder.tables.resources[number] for number in (numbers[0], numbers[-1]))
    assert worker == WORKER
    assert another == WORKER | {conventions.SERVICE_NAMESPACE: "cluster-2"}


@pytest.mark.parametrize("n", [3, 300])
def test_an_attempt_that_both_report_is_kept_once_as_the_first_said_it(n: int) -> None:
    (own,), _, counts = decoded(tasks(n), reported(n, "lost"))
    assert set(own.columns["outcome"].tolist()) == {Outcome.FINISHED}
    assert (counts.spans, counts.duplicates, counts.tasks) == (n, n, n)

    (lost,), _, counts = decoded(reported(n, "lost"), tasks(n))
    assert set(lost.columns["outcome"].tolist()) == {Outcome.LOST_WAITING}
    assert (counts.spans, counts.duplicates, counts.tasks, counts.erred) == (n, n, 0, 0)


def test_attempts_without_a_result_are_no_tasks_done() -> None:
    _, _, counts = decoded(
        *(reported(2, said, 9 * i) for i, said in enumerate(conventions.OUTCOMES))
    )
    assert (counts.spans, counts.tasks) == (10, 4)


@pytest.mark.parametrize("n", [1, 300])
def test_of_a_transfer_is_known_which_task_waited_for_it(n: int) -> None:
    request = tasks(n)
    spans = request.resource_spans[0].scope_spans[0].spans
    attempt = spans[0]
    moved = spans.add(
        name="transfer", trace_id=attempt.trace_id, span_id=b"transfer", start_time_unix_nano=1
    )
    moved.parent_span_id = attempt.span_id
    set_attributes(moved.attributes, {conventions.ACTION: conventions.ACTION_TRANSFER})
    (batch,), decoder, _ = decoded(request)
    assert decoder.tables.strings.entries[batch.columns["type"][-1]] == attempt.name
