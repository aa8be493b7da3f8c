from __future__ import annotations

import random
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from dask_otel import conventions as names
from dask_otel import points


def test_minimum_is_that_of_the_window() -> None:
    draw = random.Random(1)
    minimum, seen = points.Minimum(3.0), []
    for step in range(2_000):
        now_s = step * 0.1
        seen.append((now_s, draw.randrange(100)))
        expected = min(value for time_s, value in seen if time_s >= now_s - 3.0)
        assert minimum.update(now_s, seen[-1][1]) == expected


def worker(process: int, n_bytes: int, spilled: tuple[int, int] | None) -> Any:
    return SimpleNamespace(
        monitor=SimpleNamespace(recent=lambda: {"memory": process}),
        state=SimpleNamespace(
            nbytes=n_bytes,
            nthreads=2,
            task_counter=SimpleNamespace(current_count=lambda by_prefix: Counter(memory=1)),
        ),
        data=SimpleNamespace(spilled_total=spilled) if spilled else {},
        latency=0.001,
        memory_manager=SimpleNamespace(memory_limit=None),
        transfer_outgoing_bytes_total=3,
        transfer_outgoing_count_total=1,
    )


def split(found: points.Points) -> dict[str, float]:
    return {
        attributes[0][1]: value
        for (metric, attributes), value in found.items()
        if metric is names.WORKER_MEMORY
    }


@pytest.mark.parametrize(
    ("process", "n_bytes", "spilled", "expected"),
    [
        (100, 30, None, (30, 70, 0, 0)),
        (100, 30, (10, 7), (20, 80, 0, 7)),
        (100, 300, None, (100, 0, 0, 0)),  # sizeof() is only an estimate
        (100, 5, (10, 7), (0, 100, 0, 7)),
    ],
)
def test_memory_adds_up_to_the_process(
    process: int, n_bytes: int, spilled: tuple[int, int] | None, expected: tuple[int, ...]
) -> None:
    found = split(points.WorkerPoints(worker(process, n_bytes, spilled)).all(0.0))
    kinds = ("managed", "unmanaged_old", "unmanaged_recent", "spilled")
    assert tuple(found[kind] for kind in kinds) == expected


def test_unmanaged_memory_is_recent_until_it_has_stayed() -> None:
    watched = worker(100, 0, None)
    reader = points.WorkerPoints(watched)
    assert split(reader.all(0.0))["unmanaged_recent"] == 0
    watched.monitor.recent = lambda: {"memory": 150}
    assert split(reader.all(1.0))["unmanaged_recent"] == 50
    found = split(reader.all(32.0))  # Dask's recent-to-old-time is 30 s
    assert (found["unmanaged_old"], found["unmanaged_recent"]) == (150, 0)


def test_a_state_that_is_left_falls_to_zero() -> None:
    watched = worker(100, 0, None)
    reader = points.WorkerPoints(watched)
    reader.all(0.0)
    watched.state.task_counter = SimpleNamespace(
        current_count=lambda by_prefix: Counter(executing=2)
    )
    found = reader.all(1.0)
    assert found[names.WORKER_TASKS, ((names.TASK_STATE, "memory"),)] == 0
    assert found[names.WORKER_TASKS, ((names.TASK_STATE, "executing"),)] == 2


def scheduler(**prefixes: dict[str, int]) -> Any:
    return SimpleNamespace(
        transition_counter=0,
        task_prefixes={
            name: SimpleNamespace(states=states, state_counts=Counter(forgotten=1))
            for name, states in prefixes.items()
        },
    )


def test_only_prefixes_that_changed_are_sent_and_with_all_their_states() -> None:
    watched = scheduler(a={"memory": 1}, b={"waiting": 2})
    reader = points.SchedulerPoints(watched)
    assert len(reader.tasks()) == 2 * len(names.TASK_STATES)
    assert reader.tasks() == {}
    watched.task_prefixes["a"].states = {"released": 1}
    watched.transition_counter += 1
    found = {attributes[1][1]: value for (_, attributes), value in reader.tasks().items()}
    assert found == {**dict.fromkeys(names.TASK_STATES, 0), "released": 1, "forgotten": 1}
    assert len(reader.tasks(everything=True)) == 2 * len(names.TASK_STATES)
