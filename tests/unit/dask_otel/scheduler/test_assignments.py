from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from dask_otel import correlate
from dask_otel.conventions import MAX_LINKS
from dask_otel.events import ANNOTATION
from dask_otel.scheduler.assignments import Assignments
from dask_otel.scheduler.graphs import Graphs

SPAN, OTHER_SPAN = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
CARRIER = {"traceparent": correlate.traceparent(b"t" * 16, b"s" * 8), "baggage": "team=blue"}


def task(key: Any, run_id: int | None, *dependencies: Any, span: str = SPAN, **more: Any) -> Any:
    return SimpleNamespace(
        key=key,
        run_id=run_id,
        dependencies=dependencies,
        annotations=more.get("annotations"),
        group=SimpleNamespace(span_id=span),
        prefix=SimpleNamespace(name="inc"),
        processing_on=None,
    )


def assign(found: Assignments, ts: Any) -> dict[str, Any]:
    message = {"run_id": ts.run_id, "annotations": ts.annotations or {}}
    found.assigned(ts, message, 1.0)
    annotations: dict[str, Any] = message["annotations"]
    return annotations


def test_a_task_of_its_own_is_sent_as_it_is() -> None:
    found = Assignments(Graphs(10))
    annotations = {"retries": 3}
    ts = task("a", 1, annotations=annotations)
    assert assign(found, ts) is annotations
    assert assign(found, task("b", 2, annotations={ANNOTATION: CARRIER})) == {ANNOTATION: CARRIER}
    assert annotations == {"retries": 3}


def test_dependencies_are_named_with_their_attempts() -> None:
    found = Assignments(Graphs(10))
    made = task(("x", 0), 3)
    elsewhere = task("y", 4, span=OTHER_SPAN)
    scattered = task("data", None)
    said = assign(found, task("z", 5, made, elsewhere, scattered, annotations={"retries": 1}))
    assert said == {
        "retries": 1,
        ANNOTATION: {
            "dependencies": [[("x", 0), 3, None], ["y", 4, OTHER_SPAN]],
            "n_dependencies": 3,
        },
    }


def test_no_more_links_than_opentelemetry_keeps() -> None:
    found = Assignments(Graphs(10))
    many = [task(str(i), i) for i in range(MAX_LINKS + 50)]
    said = assign(found, task("z", 999, *many))[ANNOTATION]
    assert (len(said["dependencies"]), said["n_dependencies"]) == (MAX_LINKS, MAX_LINKS + 50)


def test_a_clients_carrier_stays() -> None:
    found = Assignments(Graphs(10))
    annotations = {ANNOTATION: CARRIER}
    made = task("x", 1, annotations=annotations)
    said = assign(found, task("z", 2, made, annotations=annotations))
    assert said == {ANNOTATION: {**CARRIER, "dependencies": [["x", 1, None]], "n_dependencies": 1}}
    assert annotations == {ANNOTATION: CARRIER}


def test_a_continuation_is_told_and_its_dependencies_found_where_they_were() -> None:
    found = Assignments(Graphs(1))
    first, second = task("a", 1), task("b", 2)
    assert assign(found, first) == {}
    continued = correlate.continuation(SPAN, 1)
    assert assign(found, second) == {ANNOTATION: {"traceparent": continued}}
    third = assign(found, task("c", 3, first, second))[ANNOTATION]
    assert third == {
        "traceparent": correlate.continuation(SPAN, 2),
        "dependencies": [["a", 1, SPAN], ["b", 2, continued]],
        "n_dependencies": 2,
    }


def test_a_continuation_keeps_the_rest_of_a_carrier() -> None:
    found = Assignments(Graphs(1))
    assign(found, task("a", 1, annotations={ANNOTATION: CARRIER}))
    said = assign(found, task("b", 2, annotations={ANNOTATION: CARRIER}))[ANNOTATION]
    continued = correlate.continuation(CARRIER["traceparent"], 1)
    assert said == {**CARRIER, "traceparent": continued}


def test_an_annotation_that_is_none_of_ours_is_ignored() -> None:
    found = Assignments(Graphs(10))
    for odd in ("text", 3, None, {"traceparent": 5}, ["a"]):
        ts = task("a", 1, annotations={ANNOTATION: odd})
        assert assign(found, ts) == {ANNOTATION: odd}
        assignment = found.end("a", 2.0)
        assert assignment is not None
        assert assignment.origin == SPAN


def test_an_attempt_is_known_until_it_ends() -> None:
    found = Assignments(Graphs(10))
    assign(found, task("a", 1))
    current = found.current("a")
    assert current is not None
    assert (current.time_s, current.run_id, current.origin) == (1.0, 1, SPAN)
    assert found.end("a", 2.0) is current
    assert found.end("a", 2.0) is None
    assert len(found) == 0


def test_a_stolen_task_does_not_keep_its_continuation_open() -> None:
    graphs = Graphs(1)
    found = Assignments(graphs)
    assign(found, task("a", 1))
    assign(found, task("b", 2))  # first continuation
    assign(found, task("b", 3))  # again, on the thief, in the second
    (closed,) = graphs.close()
    assert closed.origin == correlate.continuation(SPAN, 1)
    found.end("b", 2.0)
    assert [graph.number for graph in graphs.close()] == [2]
