"""Queries to the real process beside the window, while it receives and while it reads."""

from __future__ import annotations

import http.client
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from dask_otel import conventions
from daskscope.ingest.export import export
from daskscope.ingest.source import Source
from daskscope.store.inquiry import Asked, Dependents, Query, SpanDetails
from tests.telemetry import gauge, span_id, tasks
from tests.viewer import Window, ids
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

N = 600


def post(source: Source, path: str, body: bytes) -> None:
    host, _, port = source.http[0].rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    connection.request("POST", path, body, {"Content-Type": "application/x-protobuf"})
    assert connection.getresponse().status == 200
    connection.close()


def fill(source: Source) -> None:
    """Six requests of a hundred attempts; each attempt has links to the next three."""
    post(source, "/v1/metrics", gauge("x", 1.0).SerializeToString())
    for first in range(0, N, N // 6):
        post(source, "/v1/traces", tasks(N // 6, first).SerializeToString())


def told(source: Source, window: Window, *queries: Query) -> tuple[SpanDetails, Dependents]:
    """The answers to one query of each kind."""
    for query in queries:
        assert source.ask(query)

    def is_over() -> bool:
        window.drain()
        parts = [one for one in window.answers if isinstance(one, Dependents)]
        return len(window.answers) > len(parts) and any(part.is_over for part in parts)

    wait_for(is_over)
    details = next(one for one in window.answers if isinstance(one, SpanDetails))
    parts = [one for one in window.answers if isinstance(one, Dependents)]
    found = tuple(one for part in parts for one in part.found)
    return details, Dependents(parts[-1].number, found, is_over=True, until=parts[-1].until)


def check(source: Source) -> None:
    window = Window(source)
    window.wait_for_spans(N)
    of = 250
    row = window.column("span_id").index(ids(1, of)[0])
    request = window.column("request")[row]
    details, dependents = told(
        source,
        window,
        Query(1, Asked.SPAN, ids(1, of)[0], request),
        Query(2, Asked.DEPENDENTS, ids(1, of)[0], request),
    )

    assert (details.number, details.problem) == (1, "")
    assert details.attributes is not None
    assert details.attributes[conventions.TASK_PRIORITY] == [0, 1, of]
    assert [link.span_id for link in details.links] == ids(3, of + 1)
    assert dependents.number == 2
    assert {one.span_id for one in dependents.found} == set(ids(3, of - 3))


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    path = tmp_path / "run.dscope"
    with closing(Source.receive(("127.0.0.1:0",), ("127.0.0.1:0",), path)) as source:
        source.wait()
        fill(source)
        check(source)
    return path


def test_a_receiver_and_the_reader_of_its_recording_answer(recorded: Path) -> None:
    with closing(Source.read(recorded)) as source:
        source.wait()
        check(source)


def test_the_reader_of_json_lines_answers(recorded: Path, tmp_path: Path) -> None:
    lines = tmp_path / "run.jsonl"
    export(recorded, lines, "traces", lambda _share: None)
    # Numbers are those of the lines that are OTLP.
    lines.write_bytes(b"{}\n\n" + lines.read_bytes())
    with closing(Source.read(lines)) as source:
        source.wait()
        check(source)


def test_a_receiver_takes_spans_while_it_searches(tmp_path: Path) -> None:
    path = tmp_path / "run.dscope"
    with closing(Source.receive(("127.0.0.1:0",), ("127.0.0.1:0",), path)) as source:
        source.wait()
        fill(source)
        window = Window(source)
        window.wait_for_spans(N)
        wanted = int.from_bytes(span_id(5), "big")
        for number in range(200):
            source.ask(Query(number, Asked.DEPENDENTS, wanted, 1))
            source.ask(Query(number, Asked.SPAN, wanted, number))
        post(source, "/v1/traces", tasks(100, first=N).SerializeToString())
        window.wait_for_spans(N + 100)

        def is_last_answered() -> bool:
            window.drain()
            return any(
                isinstance(one, Dependents) and one.number == 199 and one.is_over
                for one in window.answers
            )

        wait_for(is_last_answered)
