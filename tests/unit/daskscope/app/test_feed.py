"""What a tick drains goes into the store; rate and time follow from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from daskscope.app import feed as feeding
from daskscope.app.feed import PUT_OFF_NS, RATE_WINDOW_NS, READINGS_WAIT_NS, Feed
from daskscope.store.schema import (
    POINT_COLUMNS,
    RUNNING_COLUMNS,
    SPAN_COLUMNS,
    WORD_COLUMNS,
    Definitions,
    Message,
    PointBatch,
    RunningWords,
    Series,
    SourceStatus,
    SpanBatch,
    TextColumn,
)
from daskscope.store.snapshot import STILL
from daskscope.store.writer import Store
from tests.builders import Source

SECOND = 1_000_000_000
WALL = 1_700_000_000 * SECOND


class Link:
    """A link whose messages are literals."""

    def __init__(self) -> None:
        self.messages: list[Message] = [
            SourceStatus(is_live=True),
            Definitions(
                strings=("", "inc"),
                resources=({"service.name": "dask-worker", "host.name": "node"},),
                traces=(bytes(15) + b"\1",),
            ),
        ]
        self.is_closed = False

    def drain(self, budget_s: float) -> list[Message]:
        assert budget_s >= 0
        messages, self.messages = self.messages, []
        return messages


def spans(n: int, end_ns: int) -> SpanBatch:
    """`n` finished tasks of 1 ms, one after the other; the last one ends at `end_ns`."""
    columns = {name: np.zeros(n, dtype) for name, dtype in SPAN_COLUMNS.items()}
    columns["end_ns"] += end_ns - np.arange(n)[::-1] * 1_000_000
    columns["start_ns"] += columns["end_ns"] - 1_000_000
    columns["name"] += np.uint32(1)
    columns["thread"] += 7
    columns["span_id"] = np.arange(1, n + 1, dtype="u8")
    columns["run_id"] = np.arange(n, dtype="i4")
    return SpanBatch(columns, TextColumn.of(f"inc-{i}" for i in range(n)))


def test_spans_reach_the_store() -> None:
    link = Link()
    link.messages.append(spans(5, WALL))

    snapshot = Feed(link, Store(1 << 20)).advance(WALL)

    assert snapshot.n_spans == 5
    assert snapshot.last_ns == WALL


def take_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each tick have no more time than one message needs."""
    for name in ("DRAIN_BUDGET_S", "BEHIND_BUDGET_S"):
        monkeypatch.setattr(feeding, name, 0.0)


def test_a_burst_is_taken_over_many_ticks() -> None:
    class Burst(Link):
        def drain(self, budget_s: float) -> list[Message]:
            first, self.messages = self.messages[:1], self.messages[1:]
            return first

    link = Burst()
    link.messages += [spans(8_192, WALL + n * 10 * SECOND) for n in range(40)]
    feed = Feed(link, Store(1 << 30))
    n_spans = []
    for _ in range(100):
        n_spans.append(feed.advance(WALL).n_spans)
        if not feed.has_more:
            break
    assert n_spans[-1] == 40 * 8_192
    assert len(n_spans) > 5
    assert n_spans[5] < 20 * 8_192


def test_rate_is_that_of_the_last_seconds() -> None:
    link = Link()
    feed = Feed(link, Store(1 << 20))
    for tick in range(10):
        link.messages.append(spans(100, WALL + tick * SECOND // 10))
        feed.advance(WALL + tick * SECOND // 10)

    assert feed.spans_per_s == 1000 * SECOND / RATE_WINDOW_NS

    feed.advance(WALL + 10 * SECOND)
    assert feed.spans_per_s == 0


def test_now_is_the_wall_clock_while_clocks_agree() -> None:
    link = Link()
    link.messages.append(spans(1, WALL - SECOND // 2))
    feed = Feed(link, Store(1 << 20))
    snapshot = feed.advance(WALL)

    assert feed.now_ns(snapshot, WALL + 5) == WALL + 5


def test_now_is_the_clusters_clock_where_clocks_differ() -> None:
    link = Link()
    ahead_ns = 3600 * SECOND
    link.messages.append(spans(1, WALL + ahead_ns - 40))
    feed = Feed(link, Store(1 << 20))
    feed.advance(WALL)
    link.messages.append(spans(1, WALL + ahead_ns - SECOND))
    snapshot = feed.advance(WALL + SECOND)

    assert feed.now_ns(snapshot, WALL + SECOND) == WALL + SECOND + ahead_ns - 40


@pytest.mark.parametrize("off_ns", [-3600 * SECOND, 3600 * SECOND, 1 << 60])
def test_a_clock_that_was_set_right_is_believed_again(off_ns: int) -> None:
    link = Link()
    feed = Feed(link, Store(1 << 20))
    link.messages.append(spans(1, WALL + off_ns))
    snapshot = feed.advance(WALL)
    assert feed.now_ns(snapshot, WALL) == WALL + off_ns
    for second in range(10, 80, 10):
        link.messages.append(spans(1, WALL + second * SECOND))
        snapshot = feed.advance(WALL + second * SECOND)

    assert feed.now_ns(snapshot, WALL + 70 * SECOND) == WALL + 70 * SECOND


def test_now_stands_still_when_the_source_is_gone() -> None:
    link = Link()
    link.messages.append(spans(1, WALL))
    feed = Feed(link, Store(1 << 20))
    snapshot = feed.advance(WALL)
    link.is_closed = True

    assert feed.now_ns(snapshot, WALL + 60 * SECOND) == WALL
    assert not feed.is_connected


def test_a_recording_ends_where_it_ends() -> None:
    link = Link()
    link.messages[0] = SourceStatus(is_live=False)
    link.messages.append(spans(1, WALL - 9 * SECOND))
    feed = Feed(link, Store(1 << 20))

    assert feed.now_ns(feed.advance(WALL), WALL) == WALL - 9 * SECOND


def test_a_recording_stands_at_its_end_while_it_is_read_to_there() -> None:
    link = Link()
    status = SourceStatus(is_live=False, progress=0.2, ends_ns=WALL + 9 * SECOND)
    link.messages += [spans(1, WALL), status]
    feed = Feed(link, Store(1 << 20))
    assert feed.now_ns(feed.advance(WALL), 0) == WALL + 9 * SECOND
    # Where reading was stopped, or has come to the end, there is nothing more.
    stopped, damaged = replace(status, is_stopped=True), replace(status, problem="cut short")
    for over in (stopped, damaged, replace(status, progress=1.0)):
        link.messages.append(over)
        assert feed.now_ns(feed.advance(WALL), 0) == WALL


def test_points_of_very_many_series_are_taken_over_several_ticks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    take_one_at_a_time(monkeypatch)
    n = 20_000
    columns = {name: np.zeros(n, dtype) for name, dtype in POINT_COLUMNS.items()}
    columns["series"] += np.arange(n, dtype=columns["series"].dtype)
    columns["time_ns"] += WALL
    columns["value"] = np.arange(n, dtype=np.float64)
    link = Link()
    store = Store(1 << 20)
    series = tuple(Series("m", "1", 0, is_cumulative=False, attributes={}) for _ in range(n))
    store.apply(Definitions(resources=({},), series=series))
    link.messages = [PointBatch(columns)]
    feed = Feed(link, store)

    held = [len(feed.advance(WALL).newest.value) for _ in range(5)]

    assert held == [4_000, 8_000, 12_000, 16_000, n]
    assert feed.advance(WALL).newest.value.tolist() == list(range(n))


def test_many_spans_are_taken_over_several_ticks_and_none_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    take_one_at_a_time(monkeypatch)
    link = Link()
    link.messages.append(spans(10_000, WALL))
    feed = Feed(link, Store(1 << 20))

    ticks = [(feed.advance(WALL).n_spans, feed.has_more, feed.is_behind) for _ in range(8)]
    assert ticks[1:] == [
        (0, True, True),
        (2_000, True, True),
        (4_000, True, True),
        (6_000, True, True),
        (8_000, True, True),
        (10_000, True, True),
        (10_000, False, False),
    ]


def test_more_than_one_tick_has_time_for_waits_for_the_next_one_before_they_are_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    take_one_at_a_time(monkeypatch)
    link = Link()
    feed = Feed(link, Store(1 << 20))
    for _ in range(4):
        feed.advance(WALL)
    found = []
    for n in (4_000, 0, 0, 1_000, 1_000, 0):
        link.messages += [spans(n, WALL)] if n else []
        feed.advance(WALL)
        found.append((feed.has_more, feed.is_behind))
    # Whether more waits in the link is known when the next tick finds nothing there.
    one, behind, over = (True, False), (True, True), (False, False)
    assert found == [one, behind, over, one, behind, over]


def test_words_of_many_workers_are_taken_over_several_ticks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    take_one_at_a_time(monkeypatch)
    source, n = Source(), 2_500
    said = [
        source.running(source.worker(f"w{i}"), i, [("inc", i, 2 * i + k, k) for k in range(i % 3)])
        for i in range(n)
    ]
    link = Link()
    link.messages = [
        source.definitions(),
        RunningWords(
            {name: np.concatenate([word.words[name] for word in said]) for name in WORD_COLUMNS},
            {name: np.concatenate([one.columns[name] for one in said]) for name in RUNNING_COLUMNS},
            TextColumn.joined([word.keys for word in said]),
        ),
    ]
    feed = Feed(link, Store(1 << 20))

    running = [feed.advance(WALL).running for _ in range(4)]
    assert [max(found, default=0) for found in running] == [0, 1_022, 2_047, 2_498]
    for worker in range(1, n):
        keys = [f"inc-{2 * worker + k}" for k in range(worker % 3)]
        found = running[-1].get(worker)
        assert [found.keys[k] for k in range(len(keys))] == keys if found else not keys


def test_a_crowd_of_workers_ends_a_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "DRAIN_BUDGET_S", 9.0)
    link = Link()
    some, crowd = ({"service.name": "dask-worker"},), ({"service.name": "dask-worker"},) * 40
    link.messages = [
        Definitions(resources=some),
        Definitions(resources_base=1, resources=crowd),
        Definitions(resources_base=41, resources=crowd),
    ]
    feed = Feed(link, Store(1 << 20))

    assert len(feed.advance(WALL).resources) == 41
    assert feed.has_more
    assert len(feed.advance(WALL).resources) == 81


def test_a_tick_that_shows_nothing_takes_more(monkeypatch: pytest.MonkeyPatch) -> None:
    take_one_at_a_time(monkeypatch)
    monkeypatch.setattr(feeding, "READING_BUDGET_S", 9.0)
    link = Link()
    link.messages += [spans(5, WALL), spans(6, WALL)]
    feed = Feed(link, Store(1 << 20))

    assert feed.advance(WALL).n_spans == 0
    assert feed.has_more
    assert feed.advance(WALL, is_shown=False).n_spans == 11


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
    take_one_at_a_time(monkeypatch)
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


def test_a_tick_that_takes_nothing_notices_silence_as_well() -> None:
    link = Link()
    link.messages.append(spans(1, WALL))
    feed = Feed(link, Store(1 << 20))
    feed.advance(WALL)
    assert feed.advance(WALL + 11 * SECOND, is_resting=True).heard_until_ns.tolist() == [WALL]


def test_nobody_is_silent_while_much_waits_to_be_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    take_one_at_a_time(monkeypatch)
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
