from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ParentBased,
    Sampler,
    StaticSampler,
    TraceIdRatioBased,
)

from dask_otel import conventions as names
from dask_otel import events, sdk
from dask_otel.compat.otlp import Reply
from dask_otel.outputs import direct
from dask_otel.record.spans import SpanMaker

if TYPE_CHECKING:
    from collections.abc import Iterable

ATTEMPT = events.Attempt(
    "k", "inc", 0, None, None, 1.0, 2.0, 1, 1, int, (0,), names.OUTCOME_FINISHED
)
TRANSFER = events.Transfer(1.0, 2.0, "tcp://a:1", 1, ("x",), 1, 1.0, None)
SAMPLED, UNSAMPLED = (f"00-{'ab' * 16}-{'cd' * 8}-{flags}" for flags in ("01", "00"))
RETRY = Reply(False, retry=True)


class FakeLink:
    """Answers as told, in turn, and then takes everything."""

    def __init__(self, *replies: Reply) -> None:
        self.preferred_temporality: dict[type, Any] = {}
        self.replies = list(replies)
        self.payloads: list[bytes] = []
        self.is_ready = True
        self.failing = False

    def ready(self, deadline_s: float | None) -> bool:
        return self.is_ready

    def send(self, payload: bytes, deadline_s: float | None) -> Reply:
        self.payloads.append(payload)
        reply = self.replies.pop(0) if self.replies else Reply(True)
        self.is_ready = not reply.retry
        self.failing = not reply.accepted
        return reply

    def close(self) -> None:
        self.is_ready = False


def spans(link: FakeLink, sampler: Sampler | None = None, n_held: int = 100) -> direct.DirectSpans:
    maker = SpanMaker("tcp://w:1", "tcp://s:1")
    sampled = sdk.TraceSampler(sampler or ParentBased(TraceIdRatioBased(1.0)))
    return direct.DirectSpans(link, Resource({}), "1", maker, sampled, n_held)  # type: ignore[arg-type]


def put(output: direct.DirectSpans, origins: Iterable[str | None]) -> None:
    for run_id, origin in enumerate(origins):
        output.put(ATTEMPT._replace(run_id=run_id, origin=origin))


@pytest.mark.parametrize(
    ("body", "n_dropped"),
    [
        (b"", 0),
        (b"\xff\xff\xffrubbish", 0),
        *(
            (
                ExportTraceServiceResponse(
                    partial_success=ExportTracePartialSuccess(rejected_spans=rejected)
                ).SerializeToString(),
                n_dropped,
            )
            for rejected, n_dropped in ((2, 2), (1_000, 5), (-3, 0))
        ),
    ],
)
def test_whatever_an_endpoint_says_of_rejected_spans_the_counters_agree(
    body: bytes, n_dropped: int
) -> None:
    output = spans(FakeLink(Reply(True, body=body)))
    put(output, [None] * 5)
    output.send(1.0, None)
    assert (output.n_exported, output.n_dropped, len(output)) == (5 - n_dropped, n_dropped, 0)


def test_what_is_refused_for_good_is_dropped() -> None:
    output = spans(FakeLink(Reply(False)))
    put(output, [None] * 5)
    output.send(1.0, None)
    assert (output.n_exported, output.n_dropped, len(output)) == (0, 5, 0)
    assert output.acknowledged_s == 1.0


def test_acknowledged_is_what_was_put_before_and_has_gone() -> None:
    link = FakeLink(RETRY)
    output = spans(link, n_held=3)
    assert output.acknowledged_s == 0.0
    put(output, [None] * 2)
    output.send(10.0, None)
    assert output.acknowledged_s == 0.0
    put(output, [None])
    output.send(11.0, None)  # the link pauses
    output.send(12.0, None)  # nothing new
    assert output.acknowledged_s == 0.0
    put(output, [None] * 2)  # drops what was put before 10.0: it is given up
    output.send(13.0, None)
    assert (output.acknowledged_s, output.n_dropped) == (10.0, 2)
    link.is_ready = True
    output.send(14.0, None)
    assert (output.acknowledged_s, output.n_exported) == (14.0, 3)
    output.send(15.0, None)
    assert output.acknowledged_s == 15.0


def test_whoever_does_not_record_a_trace_gets_none_of_it() -> None:
    output = spans(FakeLink())
    put(output, [SAMPLED, UNSAMPLED, None])
    output.put(ATTEMPT._replace(otel={"traceparent": UNSAMPLED}, transfers=(TRANSFER, TRANSFER)))
    output.put(TRANSFER._replace(origin=UNSAMPLED))
    output.put(events.Graph(UNSAMPLED, 0, 1.0, 2.0, "c", 1, 0, (), 0))
    assert (len(output), output.n_sampled_out) == (2, 6)


def test_a_sampler_decides_about_whole_traces() -> None:
    chosen = [f"{number:08x}-7a19-4f0e-9d54-0c6b2b3f1a77" for number in range(0, 2**32, 2**24)]
    output = spans(FakeLink(), ParentBased(TraceIdRatioBased(0.25)))
    put(output, chosen * 2)
    assert (output.n_sampled_out, len(output) + output.n_dropped) == (2 * 192, 2 * 64)
    output = spans(FakeLink(), ALWAYS_OFF)
    put(output, [SAMPLED])
    assert (len(output), output.n_sampled_out) == (0, 1)


def test_a_call_of_a_client_was_sampled_before_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StaticSampler, "should_sample", lambda *_: pytest.fail("asked again"))
    output = spans(FakeLink(), ALWAYS_OFF)
    output.put(events.ClientCall("compute", 1.0, 2.0, "c", 1, b"t" * 16, b"s" * 8, None))
    assert len(output) == 1


def test_logs_are_kept_but_not_what_was_running() -> None:
    link = FakeLink(RETRY)
    output = direct.DirectLogs(link, Resource({}), "1")  # type: ignore[arg-type]
    output.send(None)
    assert link.payloads == []
    output.put(events.Event(1.0, "first", "", {}))
    output.put(events.Running(1.0, ()))
    output.send(None)
    output.put(events.Event(1.0, "second", "", {}))
    link.is_ready = True
    output.send(None)
    assert b"first" in link.payloads[1]
    assert b"second" in link.payloads[1]
    assert names.EVENT_RUNNING.encode() not in link.payloads[1]
    for number in range(2 * direct.MAX_HELD_LOGS):
        output.put(events.Event(1.0, f"event {number}", "", {}))
    output.send(None)
    assert link.payloads[2].count(b"event ") == direct.MAX_HELD_LOGS
    assert output.n_dropped == direct.MAX_HELD_LOGS


def test_logs_that_are_refused_are_counted() -> None:
    rejected = ExportLogsServiceResponse(
        partial_success=ExportLogsPartialSuccess(rejected_log_records=2)
    ).SerializeToString()
    link = FakeLink(Reply(True, body=rejected), Reply(False), Reply(True, body=b"\xff"))
    output = direct.DirectLogs(link, Resource({}), "1")  # type: ignore[arg-type]
    for n_dropped in (2, 5, 5):
        for _ in range(3):
            output.put(events.Event(1.0, "event", "", {}))
        output.send(None)
        assert output.n_dropped == n_dropped


def test_points_that_were_not_taken_are_sent_as_they_were() -> None:
    link = FakeLink(RETRY)
    output = direct.DirectPoints(link, Resource({}), "1")  # type: ignore[arg-type]
    output.put({(names.CLIENTS, ()): 1})
    output.send(None)
    output.put({(names.CLIENTS, ()): 2})
    output.send(None)
    assert len(link.payloads) == 1
    link.is_ready = True
    output.send(None)
    assert len(link.payloads) == 3
    assert link.payloads[0] == link.payloads[1] != link.payloads[2]
    output.send(None)
    assert len(link.payloads) == 3


def test_points_have_the_schedulers_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = iter([100.0, 105.0, 106.0])
    monkeypatch.setattr("dask_otel.compat.clock.now_s", lambda: next(now_s))
    link = FakeLink()
    output = direct.DirectPoints(link, Resource({}), "1")  # type: ignore[arg-type]
    times_s = []
    for delay_s in (-50.0, -50.5):
        output.put({(names.WORKERS_ADDED, ()): 1}, delay_s)
        output.send(None)
        request = ExportMetricsServiceRequest.FromString(link.payloads[-1])
        metric = request.resource_metrics[0].scope_metrics[0].metrics[0]
        point = metric.sum.data_points[0]
        times_s.append((point.start_time_unix_nano / 1e9, point.time_unix_nano / 1e9))
    assert times_s == [(50.0, 55.0), (50.0, 55.5)]


def test_points_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct, "MAX_HELD_POINTS", 10)
    link = FakeLink()
    output = direct.DirectPoints(link, Resource({}), "1")  # type: ignore[arg-type]
    for number in range(30):
        output.put({(names.TASKS, ((names.TASK_PREFIX, f"prefix-{number}."),)): 1})
    output.send(None)
    assert link.payloads[0].count(b"prefix-") == 10
    assert b"prefix-29." in link.payloads[0]


def test_whether_somebody_listens_again_is_asked_with_little() -> None:
    link = FakeLink(RETRY, RETRY)
    output = spans(link, n_held=1_000)
    put(output, [SAMPLED] * 1_000)
    for _ in range(3):
        link.is_ready = True
        output.send(0.0, None)
    counts = [
        len(ExportTraceServiceRequest.FromString(payload).resource_spans[0].scope_spans[0].spans)
        for payload in link.payloads
    ]
    assert counts == [1_000, direct.MAX_PROBE_SPANS, direct.MAX_PROBE_SPANS, 936]
    assert output.n_exported == 1_000
