"""How often the window ticks."""

from __future__ import annotations

import pytest

from daskscope.app.clock import FRAME_S
from daskscope.app.tempo import HELD_STEP_S, IDLE_AFTER_S, IDLE_STEP_S, STEP_REST, Tempo


def test_ticks_come_less_often_once_nothing_happens() -> None:
    tempo = Tempo()
    tempo.happen(10.0)
    assert tempo.period_s(10.0, has_work=False) == FRAME_S
    idle_s = 10.1 + IDLE_AFTER_S
    assert not tempo.is_resting(idle_s)
    assert FRAME_S < tempo.period_s(idle_s, has_work=False) <= IDLE_STEP_S
    assert tempo.period_s(idle_s, has_work=True) == 0.0
    tempo.happen(20.0)
    assert tempo.period_s(20.0, has_work=False) == FRAME_S


def test_a_view_that_is_held_is_shown_in_steps_unless_work_waits() -> None:
    tempo = Tempo()
    tempo.attend(10.0)
    assert not tempo.is_left(10.0 + IDLE_AFTER_S)
    tempo.happen(20.0)
    assert tempo.is_left(20.0)
    assert not tempo.is_resting(20.0, is_held=True)
    assert tempo.is_resting(20.1, is_held=True)
    assert FRAME_S < tempo.period_s(20.1, has_work=False, is_held=True) <= HELD_STEP_S
    assert tempo.period_s(20.1, has_work=True, is_held=True) == 0.0
    assert not tempo.is_resting(20.1)
    assert tempo.period_s(20.1, has_work=False) == FRAME_S


def test_a_step_that_takes_long_is_followed_by_a_long_wait() -> None:
    tempo = Tempo()
    now_s = 20.0
    assert not tempo.is_resting(now_s)
    assert tempo.rest(now_s, 0.03) == pytest.approx(0.03 * STEP_REST)
    assert tempo.is_resting(now_s + 0.02 * STEP_REST)
    assert tempo.rest(now_s + 0.02 * STEP_REST, 9.0) == 0.0  # it was no step
    now_s += 0.031 * STEP_REST
    assert not tempo.is_resting(now_s)
    assert tempo.rest(now_s, 0.001) > 0.001 * STEP_REST


def test_now_stands_still_while_nothing_is_shown() -> None:
    tempo = Tempo()
    assert tempo.shown_ns(7, is_resting=False) == 7
    assert tempo.shown_ns(9, is_resting=True) == 7
    assert tempo.shown_ns(11, is_resting=False) == 11


def test_an_idle_window_rests_but_for_a_tick_in_each_step() -> None:
    tempo = Tempo()
    tempo.happen(10.0)
    assert not tempo.is_resting(11.0)
    ticks = [20.0 + n * 0.1 for n in range(100)]
    n_steps = round(100 * 0.1 / IDLE_STEP_S)
    assert sum(not tempo.is_resting(now_s) for now_s in ticks) in (n_steps, n_steps + 1)


def test_an_idle_window_ticks_when_its_next_step_is_due() -> None:
    tempo = Tempo()
    now_s = 20.3
    for _ in range(5):
        assert not tempo.is_resting(now_s)
        assert tempo.is_resting(now_s + 0.1)
        now_s += tempo.period_s(now_s, has_work=False)
