from __future__ import annotations

import time

import pytest

from daskscope.derive.commands import (
    Entry,
    KeyGroup,
    KeyRow,
    columns,
    key_caps,
    matches,
    matching_keys,
)

ENTRIES = [
    Entry("in", "Zoom in", "Time"),
    Entry("out", "Zoom out", "Time"),
    Entry("inc", "inc", "Prefix"),
    Entry("main", "Main window", "Panels"),
    Entry("time", "Timeline", "Panels"),
]


def found(typed: str, recent: list[str] | None = None) -> list[str]:
    return [match.entry.id for match in matches(ENTRIES, typed, recent or [])]


def test_nothing_typed_is_everything_with_what_was_chosen_last_first() -> None:
    assert found("") == ["in", "out", "inc", "main", "time"]
    assert found("", ["main", "out"]) == ["main", "out", "in", "inc", "time"]


@pytest.mark.parametrize(
    ("typed", "ids"),
    [
        ("in", ["inc", "in", "main", "time"]),  # start, start of a word, inside
        ("IN", ["inc", "in", "main", "time"]),
        ("time", ["time", "in", "out"]),  # then the group
        ("zo ou", ["out"]),  # every word
        ("zot", ["out"]),  # letters in order
        ("mw", ["main"]),
        ("xyz", []),
        ("(", []),  # no pattern
    ],
)
def test_what_is_nearer_to_what_was_typed_stands_first(typed: str, ids: list[str]) -> None:
    assert found(typed) == ids


def test_recent_entries_come_first_among_equals_only() -> None:
    assert found("zoom", ["out"]) == ["out", "in"]
    assert found("in", ["main"]) == ["inc", "in", "main", "time"]


def test_marks_are_what_was_typed() -> None:
    (match,) = matches([Entry("x", "İ Zoom in", "Time")], "zoom", [])
    assert [match.entry.text[start:end] for start, end in match.marks] == ["Zoom"]
    (match,) = matches([Entry("x", "Zoom out", "Time")], "zt", [])
    assert [match.entry.text[start:end] for start, end in match.marks] == ["Z", "t"]


def test_ten_thousand_workers_are_searched_while_one_types() -> None:
    entries = [Entry(f"w{n}", f"w{n} 10.0.4.11:{n}", "Worker") for n in range(10_000)]
    started = time.thread_time()
    assert matches(entries, "w9999", [])[0].entry.id == "w9999"
    assert time.thread_time() - started < 0.2


@pytest.mark.parametrize(
    ("keys", "caps"),
    [
        ("Ctrl+Shift+P", ("Ctrl", "Shift", "P")),
        ("Ctrl++", ("Ctrl", "+")),
        ("+", ("+",)),
        ("Shift + wheel", ("Shift", "wheel")),
        ("?", ("?",)),
    ],
)
def test_keys_are_taken_apart(keys: str, caps: tuple[str, ...]) -> None:
    assert key_caps(keys) == caps


KEYS = (
    KeyGroup("Time", (KeyRow((("W",),), "zoom in"), KeyRow((("Ctrl", "O"),), "open"))),
    KeyGroup("Help", (KeyRow((("?",), ("F1",)), "all keys"),)),
)


@pytest.mark.parametrize(
    ("typed", "abouts"),
    [
        ("", ["zoom in", "open", "all keys"]),
        ("ctrl+o", ["open"]),
        ("help", ["all keys"]),
        ("time ZOOM", ["zoom in"]),
        ("f2", []),
    ],
)
def test_keys_are_searched_by_key_heading_and_text(typed: str, abouts: list[str]) -> None:
    assert [row.about for group in matching_keys(KEYS, typed) for row in group.rows] == abouts


@pytest.mark.parametrize(
    ("heights", "n_columns", "placed"),
    [
        ([], 3, []),
        ([5], 3, [0]),
        ([5, 5, 5, 5], 2, [0, 1, 0, 1]),
        ([9, 1, 1, 1], 2, [0, 1, 1, 1]),
        ([1, 1, 1, 9], 3, [0, 1, 0, 2]),
        ([3, 3, 3], 1, [0, 0, 0]),
        ([2, 3, 9, 4], 2, [0, 0, 1, 0]),
    ],
)
def test_columns_are_about_as_long(heights: list[int], n_columns: int, placed: list[int]) -> None:
    assert columns(heights, n_columns) == placed
