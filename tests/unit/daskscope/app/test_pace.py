"""A pace is due once a period."""

from __future__ import annotations

from daskscope.app.pace import REST, Pace


def test_due_once_a_period() -> None:
    pace = Pace(0.25)

    asked = [pace.is_due(step / 8) for step in range(1, 9)]

    assert asked == [True, True, False, True, False, True, False, True]


def test_two_phases_never_meet() -> None:
    one, other = Pace(1.0), Pace(1.0, 0.5)
    one.is_due(0.0)
    other.is_due(0.0)

    due = [(one.is_due(step / 60), other.is_due(step / 60)) for step in range(1, 600)]

    assert (True, True) not in due
    assert {(True, False), (False, True)} <= set(due)


def test_hurry_is_for_one_time() -> None:
    pace = Pace(10.0)
    assert pace.is_due(1.0)

    pace.hurry()

    assert pace.is_due(1.1)
    assert not pace.is_due(1.2)


def test_what_takes_long_rests_for_longer() -> None:
    pace = Pace(0.25)
    assert pace.is_due(1.0)

    pace.rest(1.001, 0.001)
    assert not pace.is_due(1.2)
    assert pace.is_due(1.25)

    pace.rest(1.75, 0.5)
    assert not pace.is_due(1.75 + REST * 0.5 - 0.01)
    assert pace.is_due(1.75 + REST * 0.5)

    pace.rest(9.0, 1.0)
    pace.hurry()
    assert pace.is_due(9.1)
