"""Sorting tables is pure: a session and a column make another session."""

from __future__ import annotations

import pytest

from daskscope.app import sort_gestures
from daskscope.session import Session


@pytest.mark.parametrize(
    ("sort", "step", "expected"),
    [
        ("worker", 1, ("cpu", True)),
        ("cpu", -1, ("worker", False)),
        ("worker", -1, ("worker", False)),  # it stays, and so does the order
        ("disk_write", 1, ("disk_write", False)),
        ("unknown", 1, ("cpu", True)),
    ],
)
def test_workers_are_sorted_by_the_column_beside(
    sort: str, step: int, expected: tuple[str, bool]
) -> None:
    after = sort_gestures.step_workers(Session(worker_sort=sort), step)
    assert (after.worker_sort, after.is_sort_descending) == expected


@pytest.mark.parametrize(
    ("sort", "step", "expected"),
    [
        ("prefix", 1, ("count", True)),
        ("count", -1, ("prefix", False)),
        ("prefix", -1, ("prefix", True)),
        ("failed", 1, ("failed", True)),
    ],
)
def test_statistics_are_sorted_by_the_column_beside(
    sort: str, step: int, expected: tuple[str, bool]
) -> None:
    after = sort_gestures.step_statistics(Session(statistics_sort=sort), step)
    assert (after.statistics_sort, after.is_statistics_descending) == expected


@pytest.mark.parametrize("is_descending", [True, False])
def test_an_order_that_is_there_already_stays(is_descending: bool) -> None:
    session = Session()
    for _ in range(2):
        session = sort_gestures.turn_workers(session, is_descending)
        session = sort_gestures.turn_statistics(session, is_descending)
        assert session.is_sort_descending is is_descending
        assert session.is_statistics_descending is is_descending


def test_sorting_by_numbers_begins_with_the_greatest() -> None:
    by_cpu = sort_gestures.sort_workers(Session(), "cpu")

    assert (by_cpu.worker_sort, by_cpu.is_sort_descending) == ("cpu", True)
    assert not sort_gestures.sort_workers(by_cpu, "cpu").is_sort_descending
    assert not sort_gestures.sort_workers(by_cpu, "worker").is_sort_descending


def test_statistics_are_sorted_by_the_greatest_first_and_names_by_the_first() -> None:
    session = sort_gestures.sort_statistics(Session(), "count")
    assert (session.statistics_sort, session.is_statistics_descending) == ("count", True)
    assert not sort_gestures.sort_statistics(session, "count").is_statistics_descending
    assert not sort_gestures.sort_statistics(session, "prefix").is_statistics_descending
