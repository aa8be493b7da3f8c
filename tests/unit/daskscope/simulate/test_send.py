"""Requests over HTTP and gRPC, and what is made of the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from daskscope.simulate import run
from daskscope.simulate.requests import Request
from daskscope.simulate.run import send_all
from daskscope.simulate.send import RETRY_S, Answer, SendError, _seconds, _taken, connect
from tests.sinks import GrpcSink, HttpSink
from tests.telemetry import tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sinks import Sink

Kind: TypeAlias = type[HttpSink] | type[GrpcSink]

BODY = tasks(3).SerializeToString()
REQUEST = Request(0, "traces", BODY, 3)


@pytest.fixture(params=[HttpSink, GrpcSink])
def sink(request: pytest.FixtureRequest) -> Kind:
    kind: Kind = request.param
    return kind


def url_of(sink: Sink) -> str:
    return sink.endpoint if isinstance(sink, HttpSink) else sink.endpoint.replace("http", "grpc")


def never() -> bool:
    return False


def test_everything_arrives_once(sink: Kind) -> None:
    with sink() as receiver:
        many = [
            Request(n, "traces", tasks(3, first=3 * n).SerializeToString(), 3) for n in range(50)
        ]
        totals = send_all(many, url_of(receiver), never)
        assert totals.sent["traces"] == 150
        assert len({span.span.span_id for span in receiver.spans()}) == 150
        assert len(receiver.requests) == 50
        assert totals.retries == 0


def test_no_proxy_stands_between(sink: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # where nobody listens
    monkeypatch.delenv("no_proxy", raising=False)
    with sink() as receiver:
        assert send_all([REQUEST], url_of(receiver), never).retries == 0


def test_what_is_asked_for_again_is_sent_again(sink: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daskscope.simulate.send.RETRY_S", 0.01)
    answers = iter([503, 503, 200])
    with sink(answer=lambda _signal: next(answers)) as receiver:
        totals = send_all([REQUEST], url_of(receiver), never)
        assert (totals.sent["traces"], totals.retries, totals.unsent["traces"]) == (3, 2, 0)
        assert totals.reason
        assert len(receiver.requests) == 1


def test_what_is_refused_is_counted_and_not_sent_again() -> None:
    with HttpSink(answer=lambda _signal: 400) as receiver:
        totals = send_all([REQUEST], receiver.endpoint, never)
        assert (totals.sent["traces"], totals.refused["traces"], totals.retries) == (0, 3, 0)
        assert len(receiver.headers) == 1


def test_partial_success_is_counted() -> None:
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 2
    answer.partial_success.error_message = "two of them"
    assert _taken(REQUEST, answer.SerializeToString()) == Answer(2, reason="two of them")
    assert _taken(REQUEST, b"") == Answer()


def test_a_page_of_something_else_took_nothing() -> None:
    """A thread that ended over it would leave the queue full, and the command without an end."""
    answer = Answer(3, reason="what answers is no OTLP receiver")
    assert _taken(REQUEST, b"<!doctype html><html></html>") == answer


def test_when_it_is_stopped_each_request_is_tried_once_more() -> None:
    with HttpSink(answer=lambda _signal: 503) as receiver:
        is_stopped: Callable[[], bool] = lambda: bool(receiver.headers)  # noqa: E731
        totals = send_all([REQUEST, REQUEST], receiver.endpoint, is_stopped)
        assert totals.sent["traces"] == 0
        assert totals.unsent["traces"] >= 3


def test_nobody_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_PATIENCE_S", 0.2)
    with pytest.raises(SendError, match=r"nobody answers at http://127\.0\.0\.1:1: .*refused"):
        send_all([REQUEST], "http://127.0.0.1:1", never)


def test_one_that_has_gone_is_waited_for_and_given_up(
    sink: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daskscope.simulate.send.RETRY_S", 0.01)
    monkeypatch.setattr(run, "_PATIENCE_S", 1e6)  # with one that has never been there
    monkeypatch.setattr(run, "_LOST_S", 0.5)
    answers = iter([200])
    with sink(answer=lambda _signal: next(answers, 503)) as receiver:
        totals = send_all(4 * [REQUEST], url_of(receiver), never)
    assert (totals.sent["traces"], totals.unsent["traces"], totals.is_lost) == (3, 9, True)
    assert totals.retries > 3


@pytest.mark.parametrize(
    "url", ["localhost:4318", "https://h:1", "http://", "grpc:4317", "http://[::"]
)
def test_other_urls_are_none(url: str) -> None:
    with pytest.raises(SendError):
        connect(url)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("3", 3.0),
        (" 0 ", 0.0),
        ("9999", 30.0),
        (None, RETRY_S),
        ("-1", RETRY_S),
        ("Fri, 31 Dec 1999 23:59:59 GMT", RETRY_S),
    ],
)
def test_how_long_to_wait(said: str | None, seconds: float) -> None:
    assert _seconds(said) == seconds
