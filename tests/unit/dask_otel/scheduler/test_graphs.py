from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from dask_otel import correlate
from dask_otel.scheduler import graphs
from dask_otel.scheduler.graphs import Graphs

if TYPE_CHECKING:
    import pytest

ORIGIN = str(uuid4())


def submit(found: Graphs, keys: list[str], origin: str = ORIGIN, at_s: float = 1.0) -> None:
    found.submitted(origin, origin, "Client-1", {"inc": len(keys)}, at_s)
    for key in keys:
        found.began(key, origin)


def test_a_graph_ends_with_its_last_task() -> None:
    found = Graphs(100)
    submit(found, ["a", "b"])
    found.ended("a", 2.0)
    assert found.close() == []
    found.ended("b", 3.0)
    (graph,) = found.close()
    event = graph.event("code")
    assert (event.start_s, event.stop_s, event.n_tasks, event.prefixes) == (1.0, 3.0, 2, ("inc",))
    assert (event.origin, event.n_before, event.continues, event.code) == (ORIGIN, 0, None, "code")
    assert found.close() == []


def test_a_task_that_is_tried_again_keeps_its_graph_open() -> None:
    found = Graphs(100)
    submit(found, ["a"])
    found.ended("a", 2.0)
    found.began("a", ORIGIN)
    assert found.close() == []
    found.ended("a", 4.0)
    assert [graph.stop_s for graph in found.close()] == [4.0]


def test_what_is_submitted_into_an_open_graph_belongs_to_it() -> None:
    found = Graphs(100)
    submit(found, ["a"])
    submit(found, ["b", "c"], at_s=2.0)
    for key in "abc":
        found.ended(key, 3.0)
    (graph,) = found.close()
    assert (graph.n_tasks, graph.start_s) == (3, 1.0)
    submit(found, ["d"], at_s=4.0)
    found.ended("d", 5.0)
    (graph,) = found.close()
    assert (graph.event().n_before, graph.n_tasks, graph.start_s) == (1, 1, 4.0)


def test_a_graph_of_tasks_that_are_all_there_ends_at_once() -> None:
    found = Graphs(100)
    found.submitted(ORIGIN, None, "Client-1", {"inc": 3}, 1.0)
    (graph,) = found.close()
    assert (graph.start_s, graph.stop_s) == (1.0, 1.0)


def test_erred_tasks_are_counted() -> None:
    found = Graphs(100)
    submit(found, ["a", "b"])
    for key in "ab":
        found.erred(ORIGIN)
        found.ended(key, 2.0)
    assert [graph.n_erred for graph in found.close()] == [2]


def test_a_large_trace_goes_on_in_others() -> None:
    found = Graphs(3)
    keys = [str(i) for i in range(7)]
    submit(found, keys)
    continuations = [found.assigned(ORIGIN, 10 + i, 1, 2.0 + i) for i in range(7)]
    first, second = correlate.continuation(ORIGIN, 1), correlate.continuation(ORIGIN, 2)
    origins = [None if graph is None else graph.origin for graph in continuations]
    assert origins == [None] * 3 + [first] * 3 + [second]
    trace = found.known(ORIGIN)
    assert trace is not None
    assert [trace.place(10 + i) for i in range(7)] == ([ORIGIN] * 3 + [first] * 3 + [second])
    for i, graph in enumerate(continuations):
        if graph is not None:
            found.attempt_ended(graph, 20.0 + i, erred=i == 4)
        if i == 5:  # the first continuation ends before the whole
            (closed,) = found.close()
            event = closed.event()
            assert (event.origin, event.continues, event.continuation) == (first, ORIGIN, 1)
            assert (event.start_s, event.stop_s, event.n_tasks, event.n_erred) == (5.0, 25.0, 3, 1)
        found.ended(keys[i], 20.0 + i)
    assert {graph.origin for graph in found.close()} == {ORIGIN, second}


def test_a_later_graph_of_a_continued_trace_is_a_continuation_of_its_own() -> None:
    found = Graphs(1)
    submit(found, ["a", "b"])
    for run_id in (1, 2):
        graph = found.assigned(ORIGIN, run_id, 1, 1.0)
        if graph is not None:
            found.attempt_ended(graph, 2.0)
    for key in "ab":
        found.ended(key, 2.0)
    assert len(found.close()) == 2
    submit(found, ["c"])
    graph = found.assigned(ORIGIN, 3, 1, 3.0)
    assert graph is not None
    assert graph.origin == correlate.continuation(ORIGIN, 2)


def test_an_attempt_after_its_graph_has_ended_leaves_nothing_open() -> None:
    found = Graphs(1)
    submit(found, ["a"])
    assert found.assigned(ORIGIN, 1, 1, 1.0) is None
    found.ended("a", 2.0)
    assert len(found.close()) == 1
    graph = found.assigned(ORIGIN, 2, 1, 3.0)  # its value was lost, and is computed again
    assert graph is not None
    found.attempt_ended(graph, 4.0)
    assert found.close() == [graph]
    assert found.close_everything(5.0) == []


def test_everything_that_is_open_can_be_closed() -> None:
    found = Graphs(1)
    submit(found, ["a", "b"])
    found.assigned(ORIGIN, 1, 1, 1.0)
    found.assigned(ORIGIN, 2, 1, 2.0)
    closed = found.close_everything(9.0)
    assert {graph.continues for graph in closed} == {True, False}
    assert {graph.stop_s for graph in closed} == {9.0}


def test_traces_without_a_graph_are_forgotten_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "MAX_TRACES", 10)
    found = Graphs(100)
    submit(found, ["open"], origin="open")

    def n_before(origin: str) -> int:
        submit(found, [origin], origin=origin)
        found.ended(origin, 2.0)
        (graph,) = found.close()
        return graph.number

    assert [n_before(str(i)) for i in range(50)] == [0] * 50
    assert n_before("49") == 1
    assert n_before("0") == 0  # it has been forgotten
    found.ended("open", 3.0)
    assert [graph.origin for graph in found.close()] == ["open"]
