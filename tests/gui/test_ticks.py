"""What a tick draws, leaves to the next one, or need not draw at all."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

import pytest

from daskscope.app import panels
from daskscope.app.clock import FRAME_S, elapsed_s
from daskscope.app.feed import Feed
from daskscope.app.pace import Pace
from daskscope.app.tempo import IDLE_STEP_S
from daskscope.app.timeline import DRAWN_WORK_S, UNFINISHED_PERIOD_S
from daskscope.derive import quantity
from daskscope.derive.picture import Picture
from daskscope.derive.taskstream import TaskStream
from daskscope.store.schema import SourceStatus
from daskscope.store.writer import Store
from tests.builders import MS, SECOND, Span, points
from tests.gui.working import NOW, Hand, Link, cluster, set_budget, set_clock, with_series

if TYPE_CHECKING:
    from daskscope.app.run import Run
    from daskscope.derive.frames import Bars, TaskStreamFrame
    from daskscope.store.snapshot import Snapshot


def bars(run: Run) -> Bars:
    """Those of the frame that was drawn last; other labels beside the lanes make none."""
    assert run.frame is not None
    return run.frame.bars


def test_a_tick_that_changes_nothing_draws_nothing(busy: Run) -> None:
    frames = []
    for _ in range(8):
        busy.tick(NOW + 16 * MS)
        frames.append(busy.frame)

    # The gutter's memory bars may fall due once meanwhile.
    assert len({id(frame) for frame in frames}) <= 2


def test_readings_are_told_by_a_tick_that_draws_nothing(busy: Run, link: Link) -> None:
    link.messages = [SourceStatus(is_live=True, http=link.http, requests=4)]  # something comes
    busy.tick(NOW + 16 * MS)
    before, pace = busy.frame, busy._stage.timeline._readings_pace
    assert before is not None
    pace.hurry()
    while pace.is_hurried:  # jobs take turns
        busy.tick(NOW + 16 * MS)
    told = busy.frame
    assert told is not None
    assert told.layout is not before.layout
    assert told.bars is before.bars
    busy.tick(NOW + SECOND)
    assert busy.frame is not None
    assert busy.frame.layout is told.layout
    assert busy.frame.bars is not told.bars


def test_readings_that_come_alone_draw_nothing(busy: Run, link: Link) -> None:
    number = with_series(busy, link)
    before = bars(busy)
    link.messages = [points([(number, 9 * SECOND, 3.0)])]
    busy.tick(NOW + 16 * MS)
    assert busy.snapshot.newest.value[number] == 3.0
    assert bars(busy) is before


def test_a_start_of_the_run_that_only_a_reading_tells_moves_the_axis(busy: Run, link: Link) -> None:
    number = with_series(busy, link)
    before = bars(busy)
    link.messages = [points([(number, 1 * SECOND, 3.0)])]
    busy.tick(NOW + 16 * MS)
    assert bars(busy) is not before


def test_a_picture_that_is_made_is_drawn_now_and_then_but_at_once_where_a_hand_moves_the_view(
    busy: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Picture, "is_exact", lambda *_: False)
    clock = [elapsed_s()]
    monkeypatch.setattr("daskscope.app.stage.elapsed_s", lambda: clock[0])

    def draws(number: int) -> bool:
        before = bars(busy)
        clock[0] += 0.01
        busy.tick(NOW + number * SECOND)
        return bars(busy) is not before

    alone = [draws(number) for number in range(2, 26)]
    drawn = [number for number, is_drawn in enumerate(alone) if is_drawn]
    assert all(0.01 * (b - a) >= UNFINISHED_PERIOD_S for a, b in itertools.pairwise(drawn))
    assert len(drawn) >= 2
    by_hand = []
    for number in range(26, 34):
        busy.window.timeline.zoomed.emit(900.0, 0.9)
        by_hand.append(draws(number))
    assert all(by_hand)


def begun_picture(busy: Run, monkeypatch: pytest.MonkeyPatch) -> TaskStreamFrame:
    """What is shown while the exact picture is not finished."""
    busy.replace(span_ns=busy.session.span_ns // 2)
    with monkeypatch.context() as patch:
        patch.setattr(Picture, "is_exact", lambda *_: False)
        busy.tick(NOW)
    begun = busy.frame
    assert begun is not None
    assert not begun.is_exact
    return begun


def test_what_others_take_of_the_machine_lets_no_panel_rest() -> None:
    pace = Pace(0.001)
    with panels._resting(pace):
        time.sleep(0.1)
    assert pace.left_s(elapsed_s()) < 0.1  # by the wall clock it would be more than a second


def test_a_picture_whose_end_took_its_time_is_drawn_by_the_next_tick(
    busy: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = begun_picture(busy, monkeypatch)

    def go_on(stream: TaskStream) -> bool:
        time.sleep(DRAWN_WORK_S)
        return finish(stream)

    finish = TaskStream.go_on
    monkeypatch.setattr(TaskStream, "go_on", go_on)
    for name in ("UNSEEN_WORK_S", "UNFINISHED_PERIOD_S"):  # however slow the machine is
        monkeypatch.setattr(f"daskscope.app.timeline.{name}", 10.0)
    busy.tick(NOW)
    assert bars(busy) is begun.bars
    assert busy._clock.period_s == 0.0
    busy.tick(NOW)
    assert busy.frame is not None
    assert busy.frame.is_exact


def test_a_picture_that_a_tick_finishes_which_shows_nothing_is_drawn_by_the_next_one(
    busy: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun_picture(busy, monkeypatch)
    busy._stage.timeline.go_on(elapsed_s() + 10.0)
    busy.tick(NOW)
    assert busy.frame is not None
    assert busy.frame.is_exact


def test_what_took_long_to_take_in_is_drawn_with_the_next_tick_unless_a_hand_moves_the_view(
    busy: Run, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_budget(monkeypatch, 0.0)
    source, _ = cluster()
    clock = itertools.count(elapsed_s(), 1e-6)  # so slow that each picture is finished
    set_clock(monkeypatch, lambda: next(clock))

    def shown(second: int) -> int:
        """Ticks with many spans of a second; those of them that are in view then."""
        spans = [Span(second * SECOND + n, second * SECOND + n + MS, "sum") for n in range(1_500)]
        link.messages = [source.spans(spans)]
        busy.tick(NOW + second * SECOND)
        assert busy.frame is not None
        return busy.frame.n_spans_in_view

    busy.replace(span_ns=22 * SECOND)
    busy.tick(NOW + SECOND)
    before = busy.frame
    assert before is not None
    n_before = before.n_spans_in_view
    assert shown(2) == n_before + 1_500  # it may have been a moment's burst
    before_bars = bars(busy)
    assert shown(3) == n_before + 1_500
    assert bars(busy) is before_bars
    assert busy._clock.period_s == 0.0
    taken_ms = busy._frame_times._taken_ms
    assert taken_ms > 0
    assert shown(4) == n_before + 4_500
    assert busy._frame_times.last_ms > taken_ms  # its frame takes both
    busy.window.timeline.zoomed.emit(900.0, 1.1)
    assert shown(5) == n_before + 6_000


@pytest.mark.parametrize(
    ("budget_s", "is_pointed", "draws"),
    [(0.0, False, [True, False]), (1e9, False, [True, True]), (1e9, True, [False, True])],
)
def test_of_ticks_that_all_take_in_much_every_other_one_draws_if_that_is_long_or_somebody_points(
    budget_s: float,
    is_pointed: bool,
    draws: list[bool],
    busy: Run,
    link: Link,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_budget(monkeypatch, budget_s)
    source, _ = cluster()
    if is_pointed:
        busy.window.timeline.stream.hovered.emit(300, 60)
    while busy._stage.timeline.has_work:
        busy.tick(NOW + 16 * MS)
    clock = [elapsed_s()]
    set_clock(monkeypatch, lambda: clock[0])
    drawn = []
    for second in range(2, 10):
        clock[0] += 1.0
        spans = [Span(second * SECOND + n, second * SECOND + n + MS, "sum") for n in range(1_500)]
        link.messages = [source.spans(spans)]
        before = bars(busy)
        busy.tick(NOW + second * SECOND)
        drawn.append(bars(busy) is not before)
    assert drawn == draws * 4


def test_what_comes_is_taken_by_a_tick_that_does_not_scroll_where_few_do(
    busy: Run, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daskscope.app.rota.TURN_S", 1e9)  # no tick comes for panels
    source, _ = cluster()

    def taken(since_s: int, span_ns: int) -> list[int]:
        """Of ticks that each get a span: spans that they take; the third one and later scroll."""
        busy.replace(span_ns=span_ns)
        px_ns = span_ns // busy.window.timeline.lanes_size_px[0]
        for _ in range(2):  # the view is there
            busy.tick(NOW + since_s * SECOND)
        found = []
        for n, now_px in enumerate((0, 0, 2, 2, 4, 6, 8)):
            link.messages = [
                *link.messages,
                source.spans([Span(since_s * SECOND + n, since_s * SECOND + n + MS, "sum")]),
            ]
            before = busy.snapshot.n_spans
            busy.tick(NOW + since_s * SECOND + now_px * px_ns)
            found.append(busy.snapshot.n_spans - before)
        return found[1:]

    assert taken(1, 100 * SECOND) == [1, 0, 2, 0, 2, 0]
    assert taken(2, 10 * SECOND) == [1, 1, 1, 1, 1, 1]
    busy.toggle_pause()
    assert taken(3, 100 * SECOND) == [1, 1, 1, 1, 1, 1]


def test_a_pointer_that_moves_makes_no_frame(busy: Run) -> None:
    frames = []
    for x_px in range(300, 308):
        busy.window.timeline.stream.hovered.emit(x_px, 60)
        busy.tick(NOW + 16 * MS)
        frames.append(busy.frame)

    # The gutter's memory bars may fall due once meanwhile.
    assert len({id(frame) for frame in frames}) <= 2


def test_an_idle_window_shows_what_is_no_span_with_the_next_step(
    run: Run, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    set_clock(monkeypatch, lambda: clock[0])

    def frames(n_ticks: int) -> set[int]:
        """Ticks a tenth of a second apart, each with news."""
        found: list[TaskStreamFrame | None] = []
        for _ in range(n_ticks):
            clock[0] += 0.1
            news = SourceStatus(is_live=True, http=Link.http, requests=len(found))
            link.messages = [*link.messages, news]
            run.tick(NOW + round((clock[0] - 100) * SECOND))
            found.append(run.frame)
        return {id(frame) for frame in found}

    link.messages = cluster()[1][:-1]  # nothing runs
    assert len(frames(10)) > 5
    frames(40)
    n_steps = round(4.0 / IDLE_STEP_S)
    counted: list[object] = []
    monkeypatch.setattr(run.ledger, "advance", lambda *_, **__: counted.append(run.frame))
    assert n_steps <= len(frames(40)) <= n_steps + 1
    assert n_steps <= len(counted) <= n_steps + 1


def test_a_view_that_is_held_draws_no_frame_for_all_that_arrives(busy: Run, link: Link) -> None:
    busy.toggle_pause()
    busy.tick(NOW + SECOND)  # now has left the view
    source, _ = cluster()
    frames = []
    begin_s = time.monotonic()
    for n in range(12):
        start = (60 + n) * SECOND
        link.messages = [source.spans([Span(start, start + MS, "sum", 0, 11)])]
        busy.tick(NOW + SECOND)
        frames.append(busy.frame)

    # Beside the first, two a second for late spans and one for the gutter's readings, each of
    # which may be followed by a more exact one.
    assert len({id(frame) for frame in frames}) <= 5 + 4 * (time.monotonic() - begin_s)


def test_a_minimised_window_draws_nothing_and_still_receives(busy: Run, link: Link) -> None:
    busy.window.showMinimized()
    before, n_spans = busy.frame, busy.snapshot.n_spans
    for n in range(4):
        link.messages = cluster()[1]
        busy.tick(NOW + (1 + n) * SECOND)
    assert busy.frame is before
    assert busy.snapshot.n_spans > n_spans

    busy.window.showNormal()
    busy.tick(NOW + 9 * SECOND)
    assert busy.frame is not before


def test_a_tick_that_draws_leaves_the_toolbar_to_the_next_one(
    busy: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daskscope.app.rota.PATIENCE_S", 1e9)  # however slow the machine is
    span_box = busy.window.toolbar._range
    for _ in range(8):  # jobs take turns
        busy.tick(NOW + 16 * MS)
    busy.window.timeline.zoomed.emit(200.0, 0.7)
    told = {True: "", False: ""}
    while not told[False]:
        before = bars(busy)
        busy.tick(NOW + 16 * MS)
        told[bars(busy) is not before] = span_box.placeholderText()
    assert told == {True: "", False: quantity.duration(busy.session.span_ns)}


@pytest.mark.parametrize("taking_s", [0.0, 0.004])
def test_a_tick_that_comes_for_panels_leaves_the_task_stream_alone_and_delays_no_frame(
    taking_s: float, busy: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = Hand(busy, monkeypatch)
    advance = Feed.advance

    def taken(feed: Feed, wall_ns: int, **how: bool) -> Snapshot:
        hand.now_s += 0.0 if how["leaves"] else taking_s
        return advance(feed, wall_ns, **how)

    monkeypatch.setattr(Feed, "advance", taken)
    busy.replace(span_ns=SECOND)  # each tick scrolls
    hand.waits(0.5)

    def draws() -> tuple[bool, float]:
        """Whether a tick draws, and how long the clock waits then."""
        before = bars(busy)
        period_s = hand.tick()
        return bars(busy) is not before, period_s

    drawn_s: list[float] = []
    periods_s: list[float] = []
    for _ in range(40):
        at_s, (is_drawn, period_s) = hand.now_s, draws()
        assert is_drawn is (0.0 not in periods_s[-1:])
        periods_s.append(period_s)
        drawn_s += [at_s] if is_drawn else []
    apart_s = [late - early for early, late in itertools.pairwise(drawn_s)]
    assert apart_s == pytest.approx([FRAME_S] * len(apart_s))
    assert periods_s.count(0.0) >= 3
    for change in (busy.toggle_theme, lambda: busy.window.timeline.panned.emit(-5.0)):
        while draws()[1] > 0:
            pass
        change()
        assert draws()[0]


def test_what_the_store_has_put_off_is_done_by_a_tick_that_takes_and_draws_nothing(
    busy: Run, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = Hand(busy, monkeypatch)
    busy.replace(span_ns=SECOND)  # each tick scrolls
    hand.waits(0.5)
    monkeypatch.setattr("daskscope.app.rota.TURN_S", 1e9)
    monkeypatch.setattr(Store, "has_due", True)
    has_time: list[bool] = []
    monkeypatch.setattr(Store, "go_on", lambda *_, **said: has_time.append(said["has_time"]))
    source, _ = cluster()
    found: list[tuple[bool, int, bool]] = []
    for n in range(8):
        link.messages = [*link.messages, source.spans([Span(n, n + MS, "sum", 0, 11)])]
        before, n_before, has_time[:] = bars(busy), busy.snapshot.n_spans, []
        hand.tick()
        n_taken = busy.snapshot.n_spans - n_before
        found.append((bars(busy) is not before, n_taken, has_time == [True]))
    first = found.index((True, 2, False))
    assert len(found) - first >= 6
    assert set(found[first::2]) == {(True, 2, False)}
    assert set(found[first + 1 :: 2]) == {(False, 0, True)}
