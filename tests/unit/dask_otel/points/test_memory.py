from __future__ import annotations

import random

import pytest

from dask_otel.points.memory import MemorySplit, Minimum


def test_minimum_is_that_of_the_window() -> None:
    draw = random.Random(1)
    minimum, seen = Minimum(3.0), []
    for step in range(2_000):
        now_s = step * 0.1
        seen.append((now_s, draw.randrange(100)))
        expected = min(value for time_s, value in seen if time_s >= now_s - 3.0)
        assert minimum.update(now_s, seen[-1][1]) == expected


@pytest.mark.parametrize(
    ("process", "held", "on_disk", "expected"),
    [
        (100, 30, 0, (30, 70, 0, 0)),
        (100, 20, 7, (20, 80, 0, 7)),
        (100, 300, 0, (100, 0, 0, 0)),  # sizeof() is only an estimate
        (100, -5, 7, (0, 100, 0, 7)),
    ],
)
def test_memory_adds_up_to_the_process(
    process: int, held: int, on_disk: int, expected: tuple[int, ...]
) -> None:
    found = MemorySplit(30.0).of(0.0, process, held, on_disk)
    kinds = ("managed", "unmanaged_old", "unmanaged_recent", "spilled")
    assert tuple(found[kind] for kind in kinds) == expected


def test_unmanaged_memory_is_recent_until_it_has_stayed() -> None:
    split = MemorySplit(30.0)
    assert split.of(0.0, 100, 0, 0)["unmanaged_recent"] == 0
    assert split.of(1.0, 150, 0, 0)["unmanaged_recent"] == 50
    found = split.of(32.0, 150, 0, 0)
    assert (found["unmanaged_old"], found["unmanaged_recent"]) == (150, 0)
