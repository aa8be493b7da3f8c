from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from dask_otel import conventions as names
from dask_otel.points import scheduler as points
from dask_otel.points.readings import REFRESH_S
from dask_otel.points.scheduler import Prefixes

if TYPE_CHECKING:
    import pytest


def scheduler(n_prefixes: int) -> Any:
    prefixes = {
        f"p{number}": SimpleNamespace(states=Counter(), state_counts=Counter(waiting=1))
        for number in range(n_prefixes)
    }
    return SimpleNamespace(transition_counter=0, task_prefixes=prefixes)


def found(prefixes: Prefixes, everything: bool = False) -> set[str]:
    return {name for name, _ in prefixes.changed(everything)}


def change(watched: Any, name: str) -> None:
    watched.task_prefixes[name].state_counts["memory"] += 1
    watched.transition_counter += 1


def test_only_prefixes_that_changed_are_found() -> None:
    watched = scheduler(2)
    prefixes = Prefixes(watched, 10)
    assert found(prefixes) == {"p0", "p1"}
    assert found(prefixes) == set()
    change(watched, "p1")
    assert found(prefixes) == {"p1"}
    assert found(prefixes, everything=True) == {"p0", "p1"}


def test_all_are_found_again_in_time_and_before_any_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = 1_000.0
    monkeypatch.setattr(points, "monotonic", lambda: now_s)
    prefixes = Prefixes(scheduler(3), 10)
    prefixes.changed()
    seen: set[str] = set()
    for _ in range(int(REFRESH_S * 1.1 / 0.1)):
        now_s += 0.1
        seen |= found(prefixes)
    assert seen == {"p0", "p1", "p2"}


def test_of_too_many_those_that_waited_longest_come_first() -> None:
    watched = scheduler(25)
    prefixes = Prefixes(watched, 10)
    waited = dict.fromkeys(watched.task_prefixes, 0)
    for _ in range(20):
        for name in watched.task_prefixes:
            change(watched, name)
        names_found = found(prefixes)
        assert len(names_found) == 10
        waited = {name: 0 if name in names_found else n + 1 for name, n in waited.items()}
        assert max(waited.values()) <= 2


def test_those_that_had_to_wait_come_without_another_change() -> None:
    prefixes = Prefixes(scheduler(25), 10)
    assert [len(found(prefixes)) for _ in range(4)] == [10, 10, 5, 0]


def test_a_state_that_is_left_falls_to_zero() -> None:
    prefix = SimpleNamespace(states={"released": 1}, state_counts=Counter(forgotten=1, memory=1))
    assert dict(zip(names.TASK_STATES, points._task_counts(prefix), strict=True)) == {  # type: ignore[arg-type]
        **dict.fromkeys(names.TASK_STATES, 0),
        "released": 1,
        "forgotten": 1,
    }
