"""Ticks from nanoseconds to centuries."""

from __future__ import annotations

import itertools

import pytest

from daskscope.derive.quantity import THIN
from daskscope.derive.timeaxis import LEAST_APART_PX, STEPS_NS, ticks
from daskscope.session import Viewport
from daskscope.store.schema import MAX_TIME_NS
from tests.builders import MS, SECOND, T0

WIDTH = 1_000
DAY = 86_400 * SECOND


pytestmark = pytest.mark.usefixtures("utc")


def view(span_ns: int, start_ns: int = T0) -> Viewport:
    return Viewport(start_ns, span_ns / WIDTH, WIDTH)


SPANS = [1_000 * 4**power for power in range(26)] + [400 * DAY, MAX_TIME_NS - T0]


@pytest.mark.parametrize("span_ns", SPANS)
@pytest.mark.parametrize("since_ns", [0, 204_542_123_456, 3 * DAY + 7])
def test_labels_have_room_and_never_repeat(span_ns: int, since_ns: int) -> None:
    found = ticks(view(span_ns, T0 + since_ns), T0)
    labelled = [tick for tick in found if tick.elapsed]

    assert 1 <= len(labelled) <= WIDTH // LEAST_APART_PX + 1
    for left, right in itertools.pairwise(labelled):
        # What is drawn at 11 px: no label touches the next.
        longest = max(len(left.elapsed), len(left.clock))
        assert right.x_px - left.x_px >= max(LEAST_APART_PX - 1, 6 * longest)
        assert left.elapsed != right.elapsed
    assert all(0 <= tick.x_px <= WIDTH for tick in found)
    assert [tick.x_px for tick in found] == sorted(tick.x_px for tick in found)


def test_half_a_minute_has_ticks_every_five_seconds() -> None:
    start = T0 + 197 * SECOND
    found = ticks(view(30 * SECOND, start), T0)
    labelled = [(tick.elapsed, tick.clock) for tick in found if tick.elapsed]

    assert labelled[:2] == [("3:20", "22:16:40"), ("3:25", "22:16:45")]
    assert len(labelled) == 6
    assert len(found) == 30


def test_small_steps_have_digits() -> None:
    found = ticks(view(2 * MS, T0 + 204 * SECOND), T0)
    labels = [tick.elapsed.replace(THIN, " ") for tick in found if tick.elapsed]

    assert labels[:3] == ["3:24.000 0", "3:24.000 5", "3:24.001 0"]


def test_a_span_of_1970_makes_an_axis_of_decades() -> None:
    found = [tick for tick in ticks(view(2 * T0, 0), 0) if tick.elapsed]
    labels = [(tick.elapsed.replace(THIN, " "), tick.clock) for tick in found]

    assert labels == [(f"{n} y", f"{1970 + n}") for n in range(0, 108, 10)]


def test_months_have_their_year() -> None:
    found = [tick for tick in ticks(view(1_300 * DAY), T0) if tick.elapsed]
    labels = [(tick.elapsed.replace(THIN, " "), tick.clock) for tick in found]

    assert labels[:2] == [("0 d", "Nov 2023"), ("200 d", "Jun 2024")]


def test_ticks_scroll_with_the_picture() -> None:
    one = ticks(view(30 * SECOND, T0 + 100 * SECOND), T0)
    two = ticks(view(30 * SECOND, T0 + 100 * SECOND + 90 * MS), T0)  # three pixels later

    moved = {(tick.x_px - 3, tick.elapsed) for tick in one if tick.x_px >= 3}
    assert moved <= {(tick.x_px, tick.elapsed) for tick in two}


def test_there_are_no_ticks_before_the_run() -> None:
    found = ticks(view(60 * SECOND, T0 - 30 * SECOND), T0)

    assert found[0].elapsed == "0:00"
    assert found[0].x_px == 500


def test_steps_are_round_and_grow() -> None:
    assert list(STEPS_NS) == sorted(set(STEPS_NS))
