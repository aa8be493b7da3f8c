"""A pace is due once a period."""

from __future__ import annotations

from daskscope.app.pace import Pace


def test_due_once_a_period() -> None:
    pace = Pace(0.25)

    asked = [pace.is_due(step / 10) for step in range(1, 9)]

    assert asked == [True, False, False, True, False, False, True, False]


def test_hurry_is_for_one_time() -> None:
    pace = Pace(10.0)
    assert pace.is_due(1.0)

    pace.hurry()

    assert pace.is_due(1.1)
    assert not pace.is_due(1.2)
