"""How long a window waits: while somebody is there, while nobody is, and while it is not seen."""

from __future__ import annotations

import importlib
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPointF, Qt
from PySide6.QtGui import QExposeEvent, QMouseEvent, QRegion

from daskscope.app.clock import ARRIVAL_REST_S, FRAME_S
from daskscope.app.tempo import HELD_STEP_S, IDLE_AFTER_S, IDLE_STEP_S
from daskscope.derive.panels import WorkerRowKind
from daskscope.store.schema import SourceStatus
from tests.builders import MS, SECOND, Span, points
from tests.gui.working import NOW, cluster, set_budget
from tests.readings import Cluster

if TYPE_CHECKING:
    from daskscope.app.run import Run
    from tests.gui.working import Hand, Link


def move_pointer(run: Run) -> None:
    at, none = QPointF(300, 300), Qt.MouseButton.NoButton
    still = Qt.KeyboardModifier.NoModifier
    event = QMouseEvent(QEvent.Type.MouseMove, at, at, none, none, still)
    QCoreApplication.sendEvent(run.window.windowHandle(), event)


def test_an_idle_window_waits_for_its_next_step_or_for_somebody(hand: Hand, link: Link) -> None:
    link.messages = cluster()[1][:-1]  # nothing runs
    assert max(hand.waits(IDLE_AFTER_S / 2)) <= FRAME_S
    importlib.import_module("daskscope.views.resources.plot")  # a thread loads it in real time
    hand.waits(2 * IDLE_AFTER_S)
    assert min(hand.waits(5 * IDLE_STEP_S)) > IDLE_STEP_S / 2
    assert not hand.run.window.resources.is_waiting  # a step draws all charts

    move_pointer(hand.run)
    assert max(hand.waits(IDLE_AFTER_S / 2)) <= FRAME_S


def test_what_runs_keeps_a_window_awake(hand: Hand, link: Link) -> None:
    link.messages = cluster()[1]
    hand.tick()
    assert max(hand.waits(2 * IDLE_AFTER_S)) <= FRAME_S


def test_spans_wake_a_window_and_leave_it_idle_soon(hand: Hand, link: Link) -> None:
    link.messages = cluster()[1][:-1]
    hand.waits(2 * IDLE_AFTER_S)
    link.messages = cluster()[1][-2:-1]
    assert hand.tick() <= FRAME_S
    hand.waits(IDLE_AFTER_S)
    assert hand.tick() > FRAME_S


@pytest.fixture
def counted(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often counters are shown."""
    counter: Counter[str] = Counter()
    for name in ("status", "progress"):
        shown = getattr(hand.run.window, name).show_frame

        def show(frame: object, name: str = name, shown: Any = shown) -> None:
            counter[name] += 1
            shown(frame)

        monkeypatch.setattr(getattr(hand.run.window, name), "show_frame", show)
    return counter


def test_a_view_that_is_held_and_left_alone_takes_in_ten_times_a_second_what_comes(
    hand: Hand, link: Link, counted: Counter[str]
) -> None:
    run = hand.run
    source, link.messages = cluster()
    hand.waits(0.1)

    def live(n_ticks: int) -> list[float]:
        """Ticks with a span each, which has just begun; how long the clock waits each time."""
        found = []
        for _ in range(n_ticks):
            start = 20 * SECOND + round((hand.now_s - 100) * SECOND)
            link.messages = [source.spans([Span(start, start + MS, "sum", 0, 11)])]
            found.append(hand.tick(ARRIVAL_REST_S))
        return found

    run.toggle_pause()
    assert max(live(60)) <= FRAME_S
    hand.waits(IDLE_AFTER_S)
    n_spans, held = run.snapshot.n_spans, run.frame
    counted.clear()
    n_ticks = 40
    live(n_ticks)
    assert run.snapshot.n_spans == n_spans + n_ticks
    n_steps = n_ticks * ARRIVAL_REST_S / HELD_STEP_S
    assert n_steps - 1 <= counted["status"] <= n_steps + 1
    assert n_steps - 1 <= counted["progress"] <= n_steps + 1

    assert held is not None
    link.messages = [source.spans([Span(13 * SECOND, 14 * SECOND, "sum", 0, 11)])]
    hand.waits(HELD_STEP_S)
    assert run.frame is not None
    assert run.frame.view == held.view
    assert run.frame.n_spans_in_view == held.n_spans_in_view + 1
    run.follow()
    assert hand.tick() <= FRAME_S
    assert run.frame.view.end_ns > held.view.end_ns


def test_what_runs_in_a_view_that_is_held_grows_on(hand: Hand, link: Link) -> None:
    run = hand.run
    link.messages = cluster()[1]
    hand.waits(0.1)
    run.replace(is_following=False, end_ns=NOW + 5 * SECOND)
    before = hand.run.frame
    assert max(hand.waits(4.5)) <= FRAME_S
    assert before is not None
    assert hand.run.frame is not None
    assert hand.run.frame.now_px != before.now_px
    hand.waits(1.5)
    assert FRAME_S < hand.tick() <= HELD_STEP_S

    move_pointer(run)
    assert max(hand.waits(IDLE_AFTER_S / 2)) <= FRAME_S


def test_an_action_from_a_menu_wakes_a_window(hand: Hand, link: Link) -> None:
    link.messages = cluster()[1][:-1]
    hand.waits(3 * IDLE_AFTER_S)
    hand.run._menu.actions["panel.workers"].trigger()
    assert hand.tick() <= FRAME_S


def test_a_window_that_is_covered_waits_for_what_arrives(
    hand: Hand, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, handle = hand.run, hand.run.window.windowHandle()
    link.messages = cluster()[1]
    hand.waits(0.1)
    before, counted = run.frame, []
    with monkeypatch.context() as patch:
        patch.setattr(run.ledger, "advance", lambda *_: counted.append(run.frame))
        patch.setattr(handle, "isExposed", lambda: False)
        QCoreApplication.sendEvent(handle, QExposeEvent(QRegion()))
        for _ in range(4):
            link.messages = cluster()[1]
            assert hand.tick() >= IDLE_STEP_S
        assert (run.frame, counted) == (before, [])

    QCoreApplication.sendEvent(handle, QExposeEvent(QRegion()))
    assert hand.tick() <= FRAME_S
    assert run.frame is not before


def test_a_window_that_nobody_sees_takes_in_more_at_once(
    hand: Hand, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_budget(monkeypatch, 0.0)
    monkeypatch.setattr("daskscope.app.feed.READING_BUDGET_S", 1e9)
    link.messages = cluster()[1]
    hand.tick()
    assert not hand.run.snapshot.n_spans
    hand.run.window.showMinimized()
    hand.tick()
    assert hand.run.snapshot.n_spans


def test_what_a_minimised_window_was_told_to_show_anew_it_shows_later(
    hand: Hand, link: Link
) -> None:
    run = hand.run
    link.messages = cluster()[1]
    hand.waits(0.1)
    run.window.showMinimized()
    run.choose_theme("dark")
    assert hand.tick() >= IDLE_STEP_S
    assert not run._stage.is_settled
    before = run.frame
    run.window.showNormal()
    run.tick(NOW + 100 * MS)
    assert run.frame is not before


def test_workers_of_whom_nothing_comes_are_silent_until_something_does(
    hand: Hand, link: Link
) -> None:
    def states() -> set[str]:
        rows = hand.run.window.workers._frame.rows
        return {row.state for row in rows if row.kind is WorkerRowKind.WORKER}

    readings = Cluster()
    worker = readings.worker("w0", at_s=20, busy=1)
    spans = readings.source.spans([Span(SECOND, 2 * SECOND, "sum", worker)])
    status = SourceStatus(is_live=True, http=link.http, requests=3, last_request_ns=NOW)
    link.messages = [readings.source.definitions(), points(readings._rows), spans, status]
    hand.waits(2)
    assert states() == {"running"}
    hand.waits(12)
    assert states() == {"silent"}
    link.messages = [replace(status, last_request_ns=NOW + 14 * SECOND)]
    hand.waits(2)
    assert states() == {"running"}
