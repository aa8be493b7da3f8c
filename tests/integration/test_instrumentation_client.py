"""The client's calls on real clusters: whose children they are, and what their children are."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dask.config
import pytest
from dask.delayed import delayed
from distributed import Client, futures_of, get_client, worker_client
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider, sampling
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dask_otel import conventions as names
from dask_otel import preload
from dask_otel.outputs import Providers
from tests.clusters import held, instrumented
from tests.seen import events
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.sinks import SeenSpan, Sink

pytestmark = pytest.mark.cluster

CLIENT = {"distributed.client.preload": ["dask_otel"]}
SCRIPT = """
from distributed import Client

if __name__ == "__main__":
    one = Client(processes=False, n_workers=1, dashboard_address=":0")
    two = Client(one.scheduler.address, set_as_default=False)
    print(one.submit(abs, -1).result() + two.submit(abs, -2).result())
    {end}
"""


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch, sink: Sink, **options: Any) -> Iterator[Client]:
    """A cluster whose clients are instrumented as its servers are."""
    with dask.config.set(CLIENT), instrumented(monkeypatch, sink.endpoint, **options) as client:
        yield client


def calls(sink: Sink) -> list[SeenSpan]:
    return [
        seen for seen in sink.spans() if seen.resource[names.SERVICE_NAME] == names.SERVICE_CLIENT
    ]


def by_name(sink: Sink, name: str) -> list[SeenSpan]:
    return [seen for seen in sink.spans() if seen.span.name == name]


def nested(n: int) -> int:
    with worker_client() as client:
        total: int = client.submit(sum, list(range(n)), key="inner").result()
        return total


async def nested_async(n: int) -> int:
    client = await get_client()  # connected: Dask starts preloads then
    total: int = await client.submit(sum, list(range(n)), key="inner")
    return total


@pytest.mark.parametrize("options", [{}, {"processes": True}], ids=["threads", "nannies"])
def test_one_trace_from_the_users_span_to_the_tasks(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, options: dict[str, Any]
) -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("user")
    with watched(monkeypatch, sink, **options) as client:
        scheduler: Any = client.cluster.scheduler  # type: ignore[union-attr]
        with tracer.start_as_current_span("analysis") as user:
            parts = [delayed(abs)(-i, dask_key_name=f"part-{i}") for i in range(3)]
            assert delayed(sum)(parts, dask_key_name="total").compute() == 3
    (call,) = calls(sink)
    (graph,) = by_name(sink, names.SPAN_GRAPH)
    attempts = by_name(sink, "part") + by_name(sink, "total")
    assert len(attempts) == 4
    assert call.span.name == "dask.client.compute"
    assert call.span.kind == Span.SPAN_KIND_PRODUCER
    assert int.from_bytes(call.span.trace_id, "big") == user.get_span_context().trace_id
    assert int.from_bytes(call.span.parent_span_id, "big") == user.get_span_context().span_id
    assert graph.span.parent_span_id == call.span.span_id
    assert {seen.span.parent_span_id for seen in attempts} == {graph.span.span_id}
    assert {seen.span.trace_id for seen in [*attempts, graph]} == {call.span.trace_id}
    assert call.attributes == {
        names.ACTION: names.ACTION_CLIENT,
        names.GRAPH_CLIENT: client.id,
        names.CLIENT_COUNT: 1,
    }
    assert call.resource[names.SERVICE_NAMESPACE] == scheduler.id
    assert call.resource[names.SCHEDULER_ADDRESS] == scheduler.address
    assert call.resource[names.GRAPH_CLIENT] == client.id
    assert call.resource[names.PROCESS_PID] == os.getpid()
    assert call.resource[names.HOST_NAME] == attempts[0].resource[names.HOST_NAME]


def test_each_submission_is_a_trace_of_its_own_where_no_span_is_open(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    with watched(monkeypatch, sink) as client:
        futures = [client.submit(abs, -i, key=f"one-{i}") for i in range(3)]
        futures += client.map(abs, [-4, -5], key="many")
        kept = client.persist(delayed(abs)(-6, dask_key_name="kept"))
        (scattered,) = client.scatter([7])
        gathered = client.gather([*futures, kept, scattered])
        assert gathered[:-2] == [0, 1, 2, 4, 5]
    graphs = {seen.span.trace_id: seen for seen in by_name(sink, names.SPAN_GRAPH)}
    submitting = [seen for seen in calls(sink) if seen.span.trace_id in graphs]
    assert [seen.span.name.rpartition(".")[2] for seen in submitting] == [
        *3 * ["submit"],
        "map",
        "persist",
    ]
    for seen in submitting:
        graph = graphs.pop(seen.span.trace_id)
        assert graph.span.parent_span_id == seen.span.span_id
        assert graph.attributes[names.GRAPH_TASKS] == seen.attributes[names.CLIENT_COUNT]
    assert graphs == {}
    others = {seen.span.name: seen for seen in calls(sink) if seen not in submitting}
    assert others.keys() == {"dask.client.scatter", "dask.client.gather"}
    assert others["dask.client.gather"].attributes[names.CLIENT_COUNT] == 7
    kinds = {name: seen.span.kind for name, seen in others.items()}
    assert set(kinds.values()) == {Span.SPAN_KIND_CLIENT}


def test_what_is_made_of_others_is_a_graph_without_them(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, tmp_path: Path
) -> None:
    path = tmp_path / "held"
    first = delayed(abs)(-1, dask_key_name="first")
    done = delayed(abs)(first, dask_key_name="done")
    with watched(monkeypatch, sink) as client:
        kept = client.persist(done)
        assert kept.compute() == 1
        wait_for(lambda: by_name(sink, names.SPAN_GRAPH))  # it is over
        again = client.persist(done)  # of what is there one part is released
        running = client.submit(held, str(path), key="running")
        wait_for(path.exists)
        waiting = client.submit(lambda *_: 2, *futures_of(kept), running, key="waiting")
        last = client.submit(abs, waiting, key="last")
        wait_for(lambda: len(events(sink, names.EVENT_GRAPH_SUBMITTED)) == 4)
        path.unlink()
        assert last.result() == 2
        del again
    said = {
        tuple(seen.attributes[names.GRAPH_PREFIXES]): seen.attributes[names.GRAPH_TASKS]
        for seen in by_name(sink, names.SPAN_GRAPH)
    }
    assert said == {("done", "first"): 2, ("running",): 1, ("waiting",): 1, ("last",): 1}
    assert len(by_name(sink, names.SPAN_GRAPH)) == 4
    submitted = events(sink, names.EVENT_GRAPH_SUBMITTED)
    assert [seen.attributes[names.GRAPH_TASKS] for seen in submitted] == [2, 1, 1, 1]


@pytest.mark.parametrize("function", [nested, nested_async])
@pytest.mark.parametrize("options", [{}, {"processes": True}], ids=["threads", "nannies"])
def test_what_a_task_submits_is_under_its_attempt(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, function: Any, options: dict[str, Any]
) -> None:
    with watched(monkeypatch, sink, **options) as client:
        assert client.submit(function, 4, key="outer").result() == 6
        wait_for(lambda: by_name(sink, "inner"))
    (outer,), (inner,) = by_name(sink, "outer"), by_name(sink, "inner")
    ids = {seen.span.span_id: seen for seen in sink.spans()}
    above = []
    seen = inner
    while seen.span.parent_span_id:
        seen = ids[seen.span.parent_span_id]
        above.append(seen.span.name)
    assert above == [
        names.SPAN_GRAPH,
        "dask.client.submit",
        "outer",
        names.SPAN_GRAPH,
        "dask.client.submit",
    ]
    assert inner.span.trace_id == outer.span.trace_id


def test_what_the_users_sampler_drops_is_dropped_everywhere(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    tracer = TracerProvider(sampling.ALWAYS_OFF, shutdown_on_exit=False).get_tracer("user")
    with watched(monkeypatch, sink) as client:
        with tracer.start_as_current_span("ignored"):
            assert client.submit(abs, -1, key="dropped").result() == 1
        assert client.submit(abs, -2, key="kept").result() == 2
    (call,) = calls(sink)
    assert {seen.span.trace_id for seen in sink.spans()} == {call.span.trace_id}
    assert by_name(sink, "kept")
    assert not by_name(sink, "dropped")


def test_a_provider_that_the_user_brings_makes_the_spans_of_the_calls(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"mine": "yes"}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with instrumented(monkeypatch, sink.endpoint) as client:
        assert client.sync(preload.instrument, client, None, Providers(provider))
        with provider.get_tracer("user").start_as_current_span("analysis") as user:
            assert client.submit(abs, -1, key="one").result() == 1
        client.sync(preload.uninstrument, client)
    made = {span.name: span for span in exporter.get_finished_spans()}
    assert made.keys() == {"analysis", "dask.client.submit"}
    call = made["dask.client.submit"]
    assert call.parent is not None
    assert call.parent.span_id == user.get_span_context().span_id
    assert call.resource.attributes["mine"] == "yes"
    (graph,) = by_name(sink, names.SPAN_GRAPH)
    assert int.from_bytes(graph.span.parent_span_id, "big") == call.context.span_id
    assert int.from_bytes(graph.span.trace_id, "big") == user.get_span_context().trace_id
    assert calls(sink) == []


def test_a_call_that_fails_says_why(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    with watched(monkeypatch, sink), pytest.raises(ZeroDivisionError):
        delayed(divmod)(1, 0, dask_key_name="bad").compute()
    (call,) = calls(sink)
    (attempt,) = by_name(sink, "bad")
    for seen in (call, attempt):
        assert seen.span.status.code == Status.STATUS_CODE_ERROR
        assert seen.span.status.message == "integer division or modulo by zero"
        assert seen.attributes[names.ERROR_TYPE] == "ZeroDivisionError"


def test_it_can_be_taken_out_and_leaves_the_client_as_it_was(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    with instrumented(monkeypatch, sink.endpoint) as client:
        before = dict(vars(client))
        assert client.sync(preload.instrument, client)
        assert not client.sync(preload.instrument, client)
        assert vars(client).keys() > before.keys()
        assert client.submit(abs, -1).result() == 1
        assert client.sync(preload.uninstrument, client)
        assert len(calls(sink)) == 1
        assert vars(client).keys() == before.keys()
        assert all(vars(client)[name] is value for name, value in before.items())
        assert client.submit(abs, -2).result() == 2
    assert len(calls(sink)) == 1


@pytest.mark.parametrize("end", ["", "one.close()", "import sys; sys.exit(3)"])
def test_the_spans_of_a_short_script_get_out_however_it_ends(
    sink: Sink, tmp_path: Path, end: str
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(end=end))
    found = subprocess.run(
        [sys.executable, str(script)],
        env={
            **os.environ,
            "DASK_CONFIG": str(tmp_path),
            "DASK_DISTRIBUTED__CLIENT__PRELOAD": "dask_otel",
            "DASK_DISTRIBUTED__SCHEDULER__PRELOAD": "[]",
            "DASK_DISTRIBUTED__WORKER__PRELOAD": "[]",
            "OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (found.returncode, found.stdout) == (3 if "exit" in end else 0, "3\n"), found.stderr
    # Dask warns where a worker of the cluster goes before its client: that is none of ours.
    lines = found.stderr.splitlines()
    warned = [line for line in lines if "WARNING" in line and "cluster to lose" not in line]
    assert warned == []
    assert "ERROR" not in found.stderr
    assert len(calls(sink)) == 2
    assert len({seen.resource[names.GRAPH_CLIENT] for seen in calls(sink)}) == 2


def test_a_client_closes_in_time_where_nobody_answers(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    sink.answer = lambda _signal: time.sleep(30) or 200  # type: ignore[func-returns-value]
    with instrumented(monkeypatch, sink.endpoint) as client:
        with dask.config.set(CLIENT):
            other = Client(client.cluster, set_as_default=False)
        assert preload.is_instrumented(other)
        assert other.submit(abs, -1).result() == 1
        began_s = time.monotonic()
        other.close()
        assert time.monotonic() - began_s < 3
