"""Which ticks show something while a recording is read."""

from __future__ import annotations

from collections import Counter

from daskscope.app.turns import Turn, Turns


def test_whatever_is_not_read_is_shown_in_each_tick() -> None:
    turns = Turns()
    seen = {turns.next(i / 60, is_reading=False, is_moved=False) for i in range(60)}
    assert seen == {Turn.ALL}


def test_of_a_second_of_reading_most_ticks_show_nothing() -> None:
    turns, begin_s = Turns(), 10_000.0
    turns.next(begin_s - 100, is_reading=False, is_moved=False)
    ticks = [begin_s + i / 100 for i in range(100)]
    seen = Counter(turns.next(now_s, is_reading=True, is_moved=False) for now_s in ticks)
    assert 9 <= seen[Turn.TIMELINE] <= 12
    assert 3 <= seen[Turn.PANELS] <= 5
    assert seen[Turn.ALL] == 0


def test_a_gesture_is_seen_at_once() -> None:
    turns = Turns()
    turns.next(0.0, is_reading=True, is_moved=False)
    assert turns.next(0.01, is_reading=True, is_moved=True) is Turn.TIMELINE


def test_what_shows_something_takes_a_fifth_of_the_time_however_slow_it_is() -> None:
    turns = Turns()
    now_s = shown_s = 0.0
    while now_s < 100.0:
        now_s += 0.02
        if turns.next(now_s, is_reading=True, is_moved=False) is not Turn.NOTHING:
            now_s += 0.3
            shown_s += 0.3
    assert 0.15 < shown_s / now_s < 0.21
