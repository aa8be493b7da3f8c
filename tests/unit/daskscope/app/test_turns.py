"""Which ticks show something while a recording is read."""

from __future__ import annotations

from collections import Counter

from daskscope.app.turns import Turn, Turns


def test_whatever_is_not_read_is_shown_in_each_tick() -> None:
    turns = Turns()
    seen = {turns.next(i / 60, is_reading=False, is_moved=False) for i in range(60)}
    assert seen == {Turn.ALL}


def test_of_a_second_of_reading_most_ticks_show_nothing() -> None:
    turns = Turns()
    seen = Counter(turns.next(i / 100, is_reading=True, is_moved=False) for i in range(100))
    assert 9 <= seen[Turn.TIMELINE] <= 12
    assert 3 <= seen[Turn.PANELS] <= 5
    assert seen[Turn.ALL] == 0


def test_a_gesture_is_seen_at_once() -> None:
    turns = Turns()
    turns.next(0.0, is_reading=True, is_moved=False)
    assert turns.next(0.01, is_reading=True, is_moved=True) is Turn.TIMELINE
