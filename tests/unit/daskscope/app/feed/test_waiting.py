"""What may wait for a later tick, and who has been silent meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from daskscope.app.feed import PUT_OFF_NS, READINGS_WAIT_NS, Feed
from daskscope.store.schema import (
    POINT_COLUMNS,
    Definitions,
    Message,
    PointBatch,
    Series,
    SourceStatus,
)
from daskscope.store.snapshot import STILL
from daskscope.store.writer import Store
from tests.feeds import SECOND, WALL, Link, spans
from tests.gui.working import set_budget

if TYPE_CHECKING:
    import pytest


def reading(n: int) -> Message:
    """One point of a series, `n` ns after the first."""
    values = {"request": 0, "series": 0, "time_ns": WALL + n, "value": 1.0}
    columns = {name: np.array([values[name]], dtype) for name, dtype in POINT_COLUMNS.items()}
    return PointBatch(columns)


def test_readings_wait_a_moment_while_the_window_rests() -> None:
    link = Link()
    link.messages.append(Definitions(series=(Series("memory", "By", 0, False, {}),)))
    feed = Feed(link, Store(1 << 20))
    assert feed.advance(WALL, is_resting=True).series  # who is new does not wait

    def newest(after_ns: int, *messages: Message, is_resting: bool = True) -> int:
        """Number of the newest reading that is known when these have come."""
        link.messages += messages
        snapshot = feed.advance(WALL + after_ns, is_resting=is_resting)
        times_ns = snapshot.newest.time_ns
        return int(times_ns[0]) - WALL if len(times_ns) else 0

    later_ns = READINGS_WAIT_NS
    assert newest(1, reading(1)) == 0
    assert newest(later_ns, reading(2)) == 0
    assert newest(later_ns + 1, reading(3)) == 3
    assert newest(later_ns + 2, reading(4)) == 3
    assert newest(later_ns + 3, reading(5), is_resting=False) == 5
    assert newest(later_ns + 4, reading(6)) == 5
    assert newest(later_ns + 5, spans(1, WALL)) == 6
    assert newest(later_ns + 6, *map(reading, range(7, 107))) > 6  # too many to keep


def test_readings_wait_for_a_tick_that_takes_in_no_spans() -> None:
    link = Link()
    link.messages.append(Definitions(series=(Series("memory", "By", 0, False, {}),)))
    feed = Feed(link, Store(1 << 20))
    feed.advance(WALL)

    def taken(after_ns: int, *messages: Message) -> tuple[int, int]:
        """Number of the newest reading and of spans that are known when these have come."""
        link.messages += messages
        snapshot = feed.advance(WALL + after_ns)
        times_ns = snapshot.newest.time_ns
        return int(times_ns[0]) - WALL if len(times_ns) else 0, snapshot.n_spans

    assert taken(1, reading(1)) == (1, 0)
    assert taken(2, reading(2), spans(1, WALL), reading(3)) == (1, 1)
    assert taken(3, reading(4), spans(1, WALL)) == (1, 2)
    assert not feed.has_more
    assert taken(4) == (4, 2)
    assert taken(5, spans(1, WALL), reading(5)) == (4, 3)
    assert taken(6, reading(6)) == (6, 3)
    # They wait for a tick that need not leave anything to the next one, too.
    link.messages.append(reading(7))
    left = [feed.advance(WALL + 6, leaves=True) for _ in range(2)]
    assert [int(one.newest.time_ns[0]) - WALL for one in left] == [6, 6]
    assert taken(6) == (7, 3)
    # They do not wait for long, however many spans come.
    assert taken(7, reading(8), spans(1, WALL)) == (7, 4)
    assert taken(6 + PUT_OFF_NS, reading(9), spans(1, WALL)) == (7, 5)
    assert taken(7 + PUT_OFF_NS, reading(10), spans(1, WALL)) == (10, 6)
    # Nor where time has jumped, nor for a window that nobody sees.
    assert taken(8 + PUT_OFF_NS, reading(11), spans(1, WALL)) == (10, 7)
    assert taken(0, spans(1, WALL)) == (11, 8)
    link.messages += [reading(12), spans(1, WALL)]
    assert feed.advance(WALL, is_shown=False).newest.time_ns[0] == WALL + 12
    # Nor in a recording, which has an end.
    link.messages.append(SourceStatus(is_live=False, progress=0.5))
    feed.advance(WALL)
    assert taken(0, reading(13), spans(1, WALL)) == (13, 10)


def test_readings_wait_for_none_where_more_comes_than_there_is_time_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_budget(monkeypatch, 0.0)
    link = Link()
    link.messages.append(Definitions(series=(Series("memory", "By", 0, False, {}),)))
    feed = Feed(link, Store(1 << 20))
    for _ in range(3):
        feed.advance(WALL)
    link.messages += [spans(1, WALL), reading(1), spans(1, WALL)]
    ticks = [(feed.advance(WALL).n_spans, feed.has_more) for _ in range(2)]
    assert ticks == [(1, True), (1, True)]
    assert feed.advance(WALL).newest.time_ns.tolist() == [WALL + 1]


def test_what_waits_is_taken_in_in_order() -> None:
    link = Link()
    feed = Feed(link, Store(1 << 20))
    feed.advance(WALL, is_resting=True)
    link.messages.append(SourceStatus(is_live=True, requests=1))
    assert feed.advance(WALL, is_resting=True).status.requests == 0
    link.messages += [SourceStatus(is_live=True, requests=2), spans(1, WALL)]
    snapshot = feed.advance(WALL, is_resting=True)
    assert (snapshot.status.requests, snapshot.n_spans, feed.has_spans) == (2, 1, True)


def hushed(link: Link, feed: Feed, wall_ns: int) -> bool:
    """Whether the one worker is silent in a tick."""
    return bool(feed.advance(wall_ns).heard_until_ns[0] < STILL)


def test_a_live_worker_is_silent_after_a_while_by_the_clusters_clock() -> None:
    link = Link()
    link.messages.append(spans(1, WALL - 100 * SECOND))  # its clock is behind
    feed = Feed(link, Store(1 << 20))
    assert not hushed(link, feed, WALL)
    assert not hushed(link, feed, WALL + 9 * SECOND)
    assert hushed(link, feed, WALL + 11 * SECOND)

    link.messages.append(spans(1, WALL - 89 * SECOND))
    assert not hushed(link, feed, WALL + 11 * SECOND)


def test_nobody_is_silent_while_much_waits_to_be_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    set_budget(monkeypatch, 0.0)
    link = Link()
    feed = Feed(link, Store(1 << 20))
    link.messages.append(spans(1, WALL))
    for _ in range(4):
        feed.advance(WALL)
    link.messages += [spans(1, WALL + SECOND), spans(1, WALL + 2 * SECOND)]
    ticks = [(hushed(link, feed, WALL + 30 * SECOND), feed.has_more) for _ in range(3)]
    assert ticks == [(False, True), (False, True), (True, False)]


def test_of_a_recording_is_silent_who_was_so_long_before_its_end() -> None:
    link = Link()
    status = SourceStatus(is_live=False, progress=0.5, ends_ns=WALL + 60 * SECOND)
    link.messages += [status, spans(1, WALL)]
    feed = Feed(link, Store(1 << 20))
    assert not hushed(link, feed, 0)  # what comes later has not been read

    link.messages.append(Definitions(resources_base=1, resources=({"service.name": "other"},)))
    other = spans(1, WALL + 11 * SECOND)
    other.columns["resource"][:] = 1
    link.messages += [other, replace(status, progress=1.0)]
    assert hushed(link, feed, 0)
