from __future__ import annotations

import logging
import os
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from dask_otel.config import Target
from dask_otel.outputs import link, outages
from tests.sinks import HttpSink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dask_otel.config import Signal

SIGNALS: tuple[Signal, ...] = ("traces", "metrics", "logs")


@pytest.fixture
def refusing() -> dict[str, int]:
    """What each signal is answered."""
    return {"traces": 503, "metrics": 503, "logs": 503}


@pytest.fixture
def sink(
    refusing: dict[str, int], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> HttpSink:
    caplog.set_level(logging.INFO, link.__name__)
    # Another test of this process may have had the same port a moment ago.
    monkeypatch.setattr(outages, "_outages", outages._Outages())
    return HttpSink(answer=lambda signal: refusing[signal])


@contextmanager
def links(sink: HttpSink, n_parts: int = 3) -> Iterator[list[link.Link]]:
    """Those of a cluster with as many parts, in one process."""
    with ExitStack() as stack:
        found = [
            link.Link(signal, Target("http/protobuf", f"{sink.endpoint}/v1/{signal}"))
            for _ in range(n_parts)
            for signal in SIGNALS
        ]
        for each in found:
            stack.callback(each.close)
        yield found


def send(found: list[link.Link]) -> None:
    for each in found:
        each.send(b"", time.monotonic() + 5)


def said(caplog: pytest.LogCaptureFixture, sink: HttpSink) -> list[str]:
    host = sink.endpoint.partition("//")[2]
    lines = [record.message.replace(host, "HOST") for record in caplog.records]
    caplog.clear()
    return [line.partition(": ")[0] for line in lines]


def test_an_endpoint_that_fails_is_one_line_however_many_meet_it(
    sink: HttpSink, refusing: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    with sink, links(sink) as found:
        for _ in range(3):
            send(found)
        assert said(caplog, sink) == ["Traces for HOST are kept until it answers"]
        refusing.update(traces=200, metrics=200)
        send(found)
        assert said(caplog, sink) == []  # the log records are not taken yet
        refusing.update(logs=200)
        send(found)
        assert said(caplog, sink) == ["HOST takes all again"]


def test_each_signal_that_is_not_wanted_is_one_line(
    sink: HttpSink, refusing: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    refusing.update(traces=200, metrics=404, logs=404)
    with sink, links(sink) as found:
        send(found)
        send(found)
        lines = ["Metrics for HOST are dropped", "Logs for HOST are dropped"]
        assert said(caplog, sink) == lines
        refusing.update(metrics=200)
        send(found)
        assert said(caplog, sink) == ["HOST takes metrics again"]


def test_what_comes_and_goes_is_not_said_each_time(
    sink: HttpSink,
    refusing: dict[str, int],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with sink, links(sink, n_parts=1) as found:
        for _ in range(5):
            for answer in (503, 200):
                refusing.update(traces=answer, metrics=answer, logs=answer)
                send(found)
        assert len(said(caplog, sink)) == 2
        monkeypatch.setattr(outages, "APART_S", 0.0)
        refusing.update(traces=503)
        send(found)
        assert len(said(caplog, sink)) == 1


def test_links_that_are_closed_concern_nobody(
    sink: HttpSink,
    refusing: dict[str, int],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outages, "APART_S", 0.0)
    with sink:
        for _ in range(2):  # a cluster, and another one after it
            with links(sink) as found:
                send(found)
            assert said(caplog, sink) == ["Traces for HOST are kept until it answers"]


def test_a_child_knows_none_of_them() -> None:
    parents = link.Link("traces", Target("http/protobuf", "http://127.0.0.1:1/v1/traces"))
    what = ("forked", "traces")
    assert outages.begin(what, parents)
    child = os.fork()
    if child == 0:
        os._exit(0 if outages.begin(what, parents) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert outages.end(what, parents)
