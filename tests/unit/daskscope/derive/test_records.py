"""What the tables of events and errors say of themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dask_otel import conventions
from daskscope.derive.errors import NO_ERRORS, ErrorKeeper
from daskscope.derive.quantity import clock
from daskscope.derive.records import errors_frame, events_frame
from daskscope.derive.sampling import Sampler
from daskscope.store import eventlog
from daskscope.store.schema import Status
from daskscope.store.writer import Store
from tests.builders import SECOND, T0, Source, Span
from tests.layouts import plain

if TYPE_CHECKING:
    from daskscope.store.schema import EventBatch


def test_events_that_were_dropped_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventlog, "MOST_EVENTS", 4)
    source, store = Source(), Store()
    source.text("dask.log")
    store.apply(source.definitions())
    for n in range(4):
        store.apply(source.event("dask.log", n))
    assert events_frame(store.snapshot(), frozenset()).summary == "4\u2009events"
    store.apply(source.event("dask.log", 4))
    assert events_frame(store.snapshot(), frozenset()).summary == "3\u2009events, 2 evicted"


@pytest.mark.parametrize(
    ("workers", "schedulers", "told"),
    [
        (
            (("0", 40_000), ("a", 40_001), ("0", 40_002), ("b", 40_003)),
            ("etl", "train"),
            ("worker 0 :40000", "a", "worker 0 :40002", "b"),
        ),
        (
            (("0", 40_000), ("1", 40_001)) * 2,
            ("etl", "train"),
            tuple(f"worker {n} · {of}" for of in ("etl", "train") for n in range(2)),
        ),
        (
            (("0", 40_000), ("1", 40_001), ("2", 40_000), ("3", 40_001)),
            ("etl", "train"),
            ("worker 0", "worker 1", "worker 2", "worker 3"),
        ),
        (
            (("0", 40_000), ("1", 40_001)) * 2,
            ("etl", "etl"),  # one on another network, of the same name and number
            tuple(
                f"worker {n} · etl, since {clock(T0 + at * SECOND)}"
                for at in (1, 2)
                for n in range(2)
            ),
        ),
    ],
)
def test_workers_of_clusters_that_call_them_alike_are_told_apart(
    workers: tuple[tuple[str, int], ...], schedulers: tuple[str, str], told: tuple[str, ...]
) -> None:
    source, store = Source(), Store()
    messages: list[EventBatch] = []
    spans: list[Span] = []
    for at, name in enumerate(schedulers):
        of_cluster = {
            conventions.SERVICE_NAMESPACE: name,
            conventions.SCHEDULER_ADDRESS: f"tcp://10.0.{at}.9:8786",
        }
        of_scheduler = {**of_cluster, conventions.SERVICE_NAME: "dask-scheduler"}
        if schedulers[0] != schedulers[1]:  # it has another name for itself than its workers
            of_scheduler[conventions.SCHEDULER_ADDRESS] = "tcp://localhost:8786"
        scheduler = source.resource(of_scheduler)
        for shown, port in workers[2 * at : 2 * at + 2]:
            of_worker = {
                conventions.WORKER_ADDRESS: f"tcp://10.0.{at}.11:{port}",
                conventions.WORKER_NAME: shown,
            }
            worker = source.resource({**of_cluster, **of_worker})
            spans.append(
                Span(len(spans), SECOND + len(spans), resource=worker, status=Status.ERROR)
            )
            messages.append(
                source.event(
                    conventions.EVENT_WORKER_ADDED,
                    (1 + at) * SECOND,
                    resource=scheduler,
                    dask_worker_address=of_worker[conventions.WORKER_ADDRESS],
                    dask_worker_name=shown,
                )
            )
        messages.append(source.event("dask.log", 3 * SECOND + at, resource=scheduler))
    batch = source.spans(spans)
    store.apply(source.definitions())
    store.apply(batch)
    for message in messages:
        store.apply(message)
    snapshot, sampler = store.snapshot(), Sampler()
    sampler.knows(snapshot)

    errors = errors_frame(snapshot, ErrorKeeper().of(snapshot), sampler.clusters)
    assert tuple(plain(row.cells[3]) for row in errors.rows) == told
    events = events_frame(snapshot, frozenset(), (), sampler.clusters)
    assert tuple(plain(row.cells[2]) for row in events.rows[:4]) == told
    clusters = [row.cells[2].rpartition("·")[2].strip() for row in events.rows[4:]]
    assert clusters == list(schedulers) or schedulers == ("etl", "etl")
    assert len(set(clusters)) == 2


def test_of_one_cluster_workers_and_services_have_their_names() -> None:
    source, store = Source(), Store()
    worker = source.worker("0", namespace="etl")
    event = source.event("dask.log", 1, resource=worker)
    store.apply(source.definitions())
    store.apply(event)
    snapshot, sampler = store.snapshot(), Sampler()
    sampler.knows(snapshot)
    (row,) = events_frame(snapshot, frozenset(), (), sampler.clusters).rows
    assert row.cells[2] == "worker 0"


def test_of_no_failure_it_is_told_what_is_known() -> None:
    snapshot = Store().snapshot()
    frame = errors_frame(snapshot, NO_ERRORS)
    assert (frame.empty, frame.summary) == ("Nothing has failed", "")
    frame = errors_frame(replace(snapshot, n_evicted=9), NO_ERRORS)
    assert frame.empty == "Nothing that is held has failed; what was evicted is not known"
    assert frame.summary == "0 failed, what was evicted not counted"


def test_of_no_event_it_is_told_whether_there_are_some() -> None:
    source, store = Source(), Store()
    assert events_frame(store.snapshot(), frozenset()).empty == "Nothing has happened yet"
    source.text("dask.log")
    store.apply(source.definitions())
    store.apply(source.event("dask.log", 0))
    frame = events_frame(store.snapshot(), frozenset({"log", "other"}))
    assert (len(frame.rows), frame.empty) == (0, "All of them are filtered out")
