from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dask_otel import conventions as names
from dask_otel.points import heartbeat
from dask_otel.points.heartbeat import Activities, UserMetrics

if TYPE_CHECKING:
    from collections.abc import Hashable


def at(context: str, prefix: str, activity: str) -> tuple[tuple[str, str], ...]:
    return (
        (names.ACTIVITY_CONTEXT, context),
        (names.TASK_PREFIX, prefix),
        (names.ACTIVITY_NAME, activity),
    )


@pytest.mark.parametrize(
    ("key", "metric", "attributes"),
    [
        (
            ("execute", "inc", "thread-cpu", "seconds"),
            names.ACTIVITY_TIME,
            at("execute", "inc", "thread-cpu"),
        ),
        (("get-data", "network", "seconds"), names.ACTIVITY_TIME, at("get-data", "", "network")),
        (
            ("gather-dep", "decompress", "bytes"),
            names.ACTIVITY_IO,
            at("gather-dep", "", "decompress"),
        ),
        (
            ("p2p", "background-comms", "process", "count"),
            names.ACTIVITY_COUNT,
            at("p2p", "", "background-comms.process"),
        ),
        (
            ("execute", "inc", ("my", 1), "furlongs"),
            names.ACTIVITY_CUSTOM,
            (*at("execute", "inc", "my.1"), (names.ACTIVITY_UNIT, "furlongs")),
        ),
    ],
)
def test_each_kind_of_sum_has_its_metric(
    key: Hashable, metric: names.Metric, attributes: tuple[tuple[str, str], ...]
) -> None:
    assert Activities().points({key: 2.0}) == {(metric, attributes): 2.0}


def test_other_digests_are_no_activities() -> None:
    assert Activities().points({"latency": 1.0, ("a", "b"): 1.0, 3: 1.0}) == {}


def test_sums_go_on_over_heartbeats_and_only_those_that_grow_are_told() -> None:
    activities = Activities()
    one, two = ("get-data", "network", "seconds"), ("get-data", "network", "bytes")
    attributes = at("get-data", "", "network")
    assert activities.points({one: 1.0}) == {(names.ACTIVITY_TIME, attributes): 1.0}
    activities.add({one: 1.5, two: 10})
    assert activities.points({one: 0.25}) == {
        (names.ACTIVITY_TIME, attributes): 1.75,
        (names.ACTIVITY_IO, attributes): 10,
    }
    activities.add({one: 0.25})
    assert activities.points({}) == {(names.ACTIVITY_TIME, attributes): 1.75}
    assert activities.points({}) == {}


def test_what_users_name_is_bounded_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "MAX_ACTIVITIES", 10)
    activities = Activities()
    for number in range(100):
        activities.add({("execute", f"prefix-{number}", f"label-{number}", "seconds"): 1.0})
    found = activities.points({})
    assert len(found) == 11
    assert sum(found.values()) == 100
    other = at("execute", names.ACTIVITY_OTHER, names.ACTIVITY_OTHER)
    assert found[names.ACTIVITY_TIME, other] == 90


def test_numbers_of_users_are_told_and_nothing_else() -> None:
    user = UserMetrics()
    measured = {
        "cpu": 1.0,  # Dask's own
        "queue": 3,
        "share": np.float32(0.5),
        "ready": True,
        "words": "no number",
        "nested": {"a": 1, "b": {"c": 2.5}, "d": None},
        "rmm": {"rmm-used": 10, "rmm-total": 20},
        "dask-otel": {"acknowledged": 1.0},
    }
    user.update(measured, {name: None for name in measured if name != "cpu"} | {"failed": None})
    found = user.points()
    own = {
        attributes[0][1]: value
        for (metric, attributes), value in found.items()
        if metric is names.USER_METRICS
    }
    assert own == {"queue": 3, "share": 0.5, "ready": 1, "nested.a": 1, "nested.b.c": 2.5}
    assert found[names.RMM_USED, ()] == 10
    assert found[names.RMM_TOTAL, ()] == 20


def test_not_more_numbers_are_told_than_promised() -> None:
    user = UserMetrics()
    measured = {f"m{number}": number for number in range(1_000)}
    user.update(measured, measured)
    assert len(user.points()) == heartbeat.MAX_USER_METRICS
