"""What a tick drains goes into the store; rate and time follow from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from daskscope.app import feed as feeding
from daskscope.app.feed import RATE_WINDOW_NS, Feed
from daskscope.store.schema import (
    POINT_COLUMNS,
    RUNNING_COLUMNS,
    WORD_COLUMNS,
    Definitions,
    Message,
    PointBatch,
    RunningWords,
    Series,
    SourceStatus,
    TextColumn,
)
from daskscope.store.writer import Store
from tests.builders import Source
from tests.feeds import SECOND, WALL, Link, spans
from tests.gui.working import set_budget


def test_spans_reach_the_store() -> None:
    link = Link()
    link.messages.append(spans(5, WALL))

    snapshot = Feed(link, Store(1 << 20)).advance(WALL)

    assert snapshot.n_spans == 5
    assert snapshot.last_ns == WALL


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
    set_budget(monkeypatch, 0.0)
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
    set_budget(monkeypatch, 0.0)
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
    set_budget(monkeypatch, 0.0)
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
    set_budget(monkeypatch, 0.0)
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
    set_budget(monkeypatch, 0.0)
    monkeypatch.setattr(feeding, "READING_BUDGET_S", 9.0)
    link = Link()
    link.messages += [spans(5, WALL), spans(6, WALL)]
    feed = Feed(link, Store(1 << 20))

    assert feed.advance(WALL).n_spans == 0
    assert feed.has_more
    assert feed.advance(WALL, is_shown=False).n_spans == 11


def test_a_tick_that_takes_nothing_notices_silence_as_well() -> None:
    link = Link()
    link.messages.append(spans(1, WALL))
    feed = Feed(link, Store(1 << 20))
    feed.advance(WALL)
    assert feed.advance(WALL + 11 * SECOND, is_resting=True).heard_until_ns.tolist() == [WALL]
