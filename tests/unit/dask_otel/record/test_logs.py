from __future__ import annotations

import logging

from dask_otel import conventions as names
from dask_otel import correlate, events
from dask_otel.record.logs import log

ORIGIN = "6f7a0a52-7a19-4f0e-9d54-0c6b2b3f1a77"


def test_running_tasks_are_arrays() -> None:
    task = events.RunningTask(("x", 1), "x", 4, 99, 1.25)
    found = log(events.Running(2.0, (task,)))
    assert (found.event_name, found.time_ns, found.body) == (
        names.EVENT_RUNNING,
        2 * 10**9,
        "1 running",
    )
    assert found.attributes == {
        names.RUNNING_KEYS: ("('x', 1)",),
        names.RUNNING_PREFIXES: ("x",),
        names.RUNNING_RUN_IDS: (4,),
        names.RUNNING_THREADS: (99,),
        names.RUNNING_STARTS: (1_250_000_000,),
    }
    assert set(log(events.Running(2.0, ())).attributes.values()) == {()}


def test_an_event_belongs_to_its_graph() -> None:
    event = events.Event(
        1.5, names.EVENT_STEAL, "said", {"a": 1}, severity=logging.WARNING, origin=ORIGIN
    )
    found = log(event)
    assert (found.time_ns, found.event_name, found.body, found.severity) == (
        1_500_000_000,
        names.EVENT_STEAL,
        "said",
        logging.WARNING,
    )
    assert found.attributes == {"a": 1}
    assert found.place == correlate.place(ORIGIN)
    assert log(event._replace(origin=None)).place is None
