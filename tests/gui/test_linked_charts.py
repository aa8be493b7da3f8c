"""Charts in the task stream's time: what is done to one is seen in the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from dask_otel import conventions as names
from daskscope.paint.wheel import ZOOM_STEP
from daskscope.theme import GUTTER_PX
from daskscope.views.resources.cross import Cross
from daskscope.views.resources.panel import AXIS_PX
from daskscope.views.timeline.pointer import PointerLine
from tests.builders import SECOND, T0, points
from tests.gui.working import NOW, Link, cluster

if TYPE_CHECKING:
    from collections.abc import Callable

    from daskscope.app.run import Run
    from daskscope.derive.panels import ResourcesFrame

NO_BUTTON, LEFT = Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton
NO_KEY, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def step_s() -> list[float]:
    """By how much time goes on whenever somebody looks at the clock."""
    return [0.02]


@pytest.fixture
def charted(run: Run, link: Link, step_s: list[float], monkeypatch: pytest.MonkeyPatch) -> Run:
    """A window on two workers that have been read each second: one core busy, two from 10 s on."""
    now_s = [100.0]

    def elapsed_s() -> float:
        now_s[0] += step_s[0]
        return now_s[0]

    for module in ("run", "stage", "panels", "timeline"):
        monkeypatch.setattr(f"daskscope.app.{module}.elapsed_s", elapsed_s)
    monkeypatch.setattr("daskscope.app.panels.spent_s", elapsed_s)
    source, messages = cluster()
    series = source.metric(names.CPU_USAGE, 0)
    rows = [(series, second * SECOND, 1.0 + (second >= 10)) for second in range(21)]
    link.messages = [*messages, source.definitions(), points(rows)]
    ticks(run, 40)
    return run


def ticks(run: Run, n: int = 24) -> None:
    for _ in range(n):
        run.tick(NOW)
        QApplication.processEvents()
    assert run.error is None


def charts(run: Run) -> ResourcesFrame:
    frame = run.window.resources._frame
    assert frame is not None
    return frame


def is_linked(run: Run) -> bool:
    """The charts begin and end where the task stream does."""
    assert run.frame is not None
    stream, view = run.frame.view, charts(run).view
    return view.start_ns == stream.start_ns and abs(view.end_ns - stream.end_ns) <= 2


def turn(run: Run, share: float, angle: int, keys: Qt.KeyboardModifier = NO_KEY) -> None:
    """Turn the wheel over a share of the charts."""
    charts = run.window.resources
    place = QPointF(AXIS_PX + share * charts.charts_px, 100.0)
    event = QWheelEvent(
        place, charts.mapToGlobal(place), QPoint(), QPoint(0, angle), NO_BUTTON, keys,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(charts, event)


def point(run: Run, share: float) -> None:
    """Move the pointer over the charts."""
    charts = run.window.resources
    place = QPointF(AXIS_PX + share * charts.charts_px, 100.0)
    kind = QEvent.Type.MouseMove
    event = QMouseEvent(kind, place, charts.mapToGlobal(place), NO_BUTTON, NO_BUTTON, NO_KEY)
    QApplication.sendEvent(charts, event)


def line_of(run: Run) -> PointerLine:
    """The line of the task stream."""
    line = run.window.timeline.findChild(PointerLine)
    assert line is not None
    return line


def told(run: Run) -> list[str]:
    titles = run.window.resources._titles
    return [title.told.value_text.replace("\u2009", " ") for title in titles if title.told]


def test_charts_show_the_time_of_the_task_stream(charted: Run) -> None:
    assert is_linked(charted)
    stream = charted.window.timeline
    gestures: tuple[Callable[[], object], ...] = (
        lambda: stream.zoomed.emit(300.0, 0.5),
        lambda: stream.panned.emit(-200.0),
        lambda: stream.zoomed.emit(300.0, 0.01),
        lambda: stream.panned.emit(50.0),
        charted.fit,
        lambda: stream.zoomed.emit(300.0, 0.3),
        charted.follow,
    )
    for gesture in gestures:
        before = charts(charted).view
        gesture()
        ticks(charted)
        assert charts(charted).view != before
        assert is_linked(charted)


def test_charts_follow_a_hand_and_do_not_wait_for_their_pace(
    charted: Run, step_s: list[float]
) -> None:
    step_s[0] = 1e-4
    for _ in range(5):
        charted.window.timeline.panned.emit(-50.0)
        ticks(charted, 8)
        assert is_linked(charted)


def test_in_a_view_that_was_paused_charts_stay_where_it_is(charted: Run) -> None:
    charted.toggle_pause()
    ticks(charted)
    view = charts(charted).view
    for _ in range(60):
        charted.tick(NOW + 30 * SECOND)
    assert charts(charted).view == view
    assert is_linked(charted)


def test_the_wheel_over_a_chart_zooms_both_around_that_time(charted: Run) -> None:
    charted.toggle_pause()
    ticks(charted)
    frame = charts(charted)
    at_ns = frame.view.time_ns(0.25 * frame.view.width_px)
    turn(charted, 0.25, 120)
    ticks(charted)
    after = charts(charted)
    assert is_linked(charted)
    assert after.view.ns_per_px == pytest.approx(frame.view.ns_per_px / ZOOM_STEP, rel=0.01)
    assert after.view.x_px(at_ns) == pytest.approx(0.25 * frame.view.width_px, abs=1.5)
    turn(charted, 0.25, 120, SHIFT)
    ticks(charted)
    assert charts(charted).view.start_ns < after.view.start_ns
    assert is_linked(charted)


def test_a_drag_in_a_chart_pans_both(charted: Run) -> None:
    view, widget = charts(charted).view, charted.window.resources
    start = QPoint(AXIS_PX + 100, 100)
    QTest.mousePress(widget, LEFT, NO_KEY, start)
    QTest.mouseMove(widget, start + QPoint(60, 0))
    QTest.mouseRelease(widget, LEFT, NO_KEY, start + QPoint(60, 0))
    ticks(charted)
    assert not charted.session.is_following
    moved_px = (view.start_ns - charts(charted).view.start_ns) / view.ns_per_px
    assert moved_px == pytest.approx(60, abs=2)
    assert is_linked(charted)


def test_pointing_at_the_task_stream_tells_what_the_charts_show(charted: Run) -> None:
    newest = told(charted)
    frame = charted.frame
    assert frame is not None
    for second, cores in ((5, "1.0 cores"), (15, "2.0 cores")):
        x_px = round(frame.view.x_px(T0 + second * SECOND))
        charted.window.timeline.stream.hovered.emit(x_px, 40)
        ticks(charted, 8)
        assert told(charted)[0] == cores
        cross = charted.window.resources.findChild(Cross)
        assert cross is not None
        assert cross.isVisible()
        share = cross.x_px / charted.window.resources.charts_px
        assert share == pytest.approx(x_px / frame.view.width_px, abs=0.01)
        # Where the pointer is there is no need of a line.
        assert not line_of(charted).isVisible()
    charted.window.timeline.stream.left.emit()
    ticks(charted, 8)
    assert told(charted) == newest


def test_pointing_at_a_chart_marks_the_time_in_the_task_stream(charted: Run) -> None:
    line = line_of(charted)
    assert not line.isVisible()
    point(charted, 0.5)
    ticks(charted, 8)
    frame = charted.frame
    assert frame is not None
    assert line.isVisible()
    assert line.width() == 1
    assert line.height() == charted.window.timeline.stream.height()
    assert line.x() - GUTTER_PX == pytest.approx(frame.view.width_px / 2, abs=2)
    QApplication.sendEvent(charted.window.resources, QEvent(QEvent.Type.Leave))
    ticks(charted, 8)
    assert not line.isVisible()


@pytest.mark.parametrize("way", ["button", "action"])
def test_charts_can_be_left_at_the_last_minutes(charted: Run, way: str) -> None:
    resources = charted.window.resources

    def toggle() -> None:
        if way == "button":
            resources.buttons.click()
        else:
            charted._menu.actions["panel.link"].trigger()
        ticks(charted)

    toggle()
    assert not charts(charted).is_linked
    assert not resources.buttons.isChecked()
    assert charts(charted).ticks[-1][1] == "now"
    view = charts(charted).view
    charted.window.timeline.zoomed.emit(300.0, 0.1)
    ticks(charted)
    assert charts(charted).view == view
    session = charted.session
    turn(charted, 0.5, 120)
    ticks(charted)
    assert charted.session == session
    toggle()
    assert charts(charted).is_linked
    assert resources.buttons.isChecked()
    assert is_linked(charted)


@pytest.mark.parametrize("way", ["dock", "window"])
def test_readings_are_summed_up_while_charts_are_hidden(charted: Run, link: Link, way: str) -> None:
    if way == "dock":
        charted.window.toggle_dock("resources")
    else:
        charted.window.hide()
    totals = charted._stage._crowd.totals
    for number in range(3):
        rows = [(0, (30 + number) * SECOND + at, 1.0) for at in range(40_000)]
        link.messages = [points(rows)]
        charted.rouse()
        ticks(charted, 40)
    assert totals.n_waiting(charted.snapshot) <= 1
