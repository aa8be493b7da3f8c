"""The window at work: messages in, gestures on it, ticked by hand."""

from __future__ import annotations

import gc
import itertools
import weakref
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QToolTip

from daskscope.app.hovering import TOOLTIP_DELAY_S
from daskscope.app.options import WindowOptions
from daskscope.app.run import Run
from daskscope.derive.frames import BarState
from daskscope.session import WHOLE_RUN
from daskscope.store.schema import Kind, Message, SourceStatus
from daskscope.theme import GUTTER_PX, THEMES, Theme
from daskscope.views.timeline.tooltip import Tooltip
from tests.builders import MS, SECOND
from tests.gui.working import LONG_KEY, NOW, Link, bar, cluster

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot


def test_the_empty_state_leaves_when_something_comes(run: Run, link: Link) -> None:
    run.tick(NOW)
    assert run.window.is_welcome

    link.messages = cluster()[1]
    run.tick(NOW + 16 * MS)

    assert not run.window.is_welcome


def test_every_state_is_drawn(busy: Run) -> None:
    frame = busy.frame
    assert frame is not None

    drawn = set(zip(frame.bars.state.tolist(), frame.bars.kind.tolist(), strict=True))

    assert drawn == {
        (BarState.FINISHED, Kind.COMPUTE),
        (BarState.ERRED, Kind.COMPUTE),
        (BarState.RUNNING, Kind.COMPUTE),
        (BarState.FINISHED, Kind.TRANSFER),
    }
    assert frame.n_spans_in_view == 4


def test_the_tooltip_comes_when_the_pointer_rests(busy: Run, qtbot: QtBot) -> None:
    stream = busy.window.timeline.stream
    x_px, y_px = bar(busy, BarState.FINISHED)
    QTest.mouseMove(stream, QPoint(GUTTER_PX + x_px, y_px))
    busy.tick(NOW + 16 * MS)
    tips = [w for w in QApplication.topLevelWidgets() if type(w).__name__ == "Tooltip"]
    assert not any(tip.isVisible() for tip in tips)

    qtbot.wait(round(TOOLTIP_DELAY_S * 1000) + 30)
    busy.tick(NOW + 300 * MS)

    tips = [w for w in QApplication.topLevelWidgets() if type(w).__name__ == "Tooltip"]
    assert any(tip.isVisible() for tip in tips)


def test_no_tooltip_covers_what_was_opened_by_key(busy: Run, qtbot: QtBot) -> None:
    stream = busy.window.timeline.stream
    tooltip = stream.findChild(Tooltip)
    assert tooltip is not None
    busy.toggle_pause()
    busy.tick(NOW + 32 * MS)
    stream.hovered.emit(*bar(busy, BarState.FINISHED))
    qtbot.wait(int(TOOLTIP_DELAY_S * 1_000) + 20)
    busy.tick(NOW + 200 * MS)
    assert tooltip.isVisible()

    busy.overlays.toggle_palette()
    busy.tick(NOW + 216 * MS)
    assert not tooltip.isVisible()

    busy.window.commands.close_sheet()
    busy.tick(NOW + 232 * MS)
    assert tooltip.isVisible()


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_tips_have_the_colours_of_the_theme(busy: Run, theme: Theme) -> None:
    busy.choose_theme(theme.name)
    stream = busy.window.timeline.stream
    QToolTip.showText(stream.mapToGlobal(QPoint(20, 20)), "what it is", stream)
    (tip,) = (w for w in QApplication.topLevelWidgets() if w.objectName() == "qtooltip_label")
    image = tip.grab().toImage()
    edge, ground = (image.pixel(x, tip.height() // 2) & 0xFFFFFF for x in (0, 3))
    assert (edge, ground) == (theme.tipline, theme.tipbg)
    QToolTip.hideText()


def test_a_double_click_in_the_legend_shows_one_prefix_alone_and_then_all(busy: Run) -> None:
    legend, funnel = busy.window.timeline.legend, busy.window.timeline.filter
    at = QPoint(30, 14)
    for hidden in ({"sum", "fit"}, set()):
        place = legend.mapTo(busy.window, at)
        QTest.mouseClick(legend, Qt.MouseButton.LeftButton, pos=at)
        busy.tick(NOW + 32 * MS)
        assert legend.mapTo(busy.window, at) == place  # the second press meets what the first did
        QTest.mouseDClick(legend, Qt.MouseButton.LeftButton, pos=at)
        busy.tick(NOW + 48 * MS)
        assert busy.session.filter.hidden_prefixes == hidden

    QTest.mouseClick(legend, Qt.MouseButton.LeftButton, pos=at)
    busy.tick(NOW + 64 * MS)
    assert not funnel.findChildren(QLabel)[0].text()
    QApplication.sendEvent(legend, QEvent(QEvent.Type.Leave))
    assert funnel.findChildren(QLabel)[0].text() == "1 hidden"


def test_the_hovered_task_is_known_by_its_whole_key(busy: Run) -> None:
    hit = busy.hit(*bar(busy, BarState.FINISHED))

    assert hit is not None
    assert hit.key == LONG_KEY
    assert dict(hit.fields)["Worker"].startswith("w0")


def test_the_wheel_zooms_and_keeps_following(busy: Run) -> None:
    stream = busy.window.timeline.stream
    before = busy.session.span_ns
    centre = QPointF(GUTTER_PX + 300, 100)
    event = QWheelEvent(
        centre, stream.mapToGlobal(centre), QPoint(), QPoint(0, 120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(stream, event)

    assert busy.session.is_following
    assert busy.session.span_ns == pytest.approx(before / 1.25, rel=1e-6)


def test_pause_holds_the_picture_while_time_goes_on(busy: Run) -> None:
    busy.toggle_pause()
    busy.tick(NOW + 16 * MS)
    held = busy.frame
    busy.tick(NOW + 60 * SECOND)
    later = busy.frame
    assert held is not None
    assert later is not None

    assert later.view == held.view
    busy.follow()
    busy.tick(NOW + 60 * SECOND)
    assert busy.frame is not None
    assert busy.frame.view.end_ns > held.view.end_ns


def test_fit_while_following_shows_the_whole_run(busy: Run) -> None:
    busy.fit()

    assert busy.session.span_ns == WHOLE_RUN


def test_folding_a_host_leaves_one_row(busy: Run) -> None:
    frame = busy.frame
    assert frame is not None
    host = frame.layout.rows[0].host
    busy.window.timeline.stream.host_folded.emit(host)
    busy.tick(NOW + 32 * MS)

    assert busy.frame is not None
    assert busy.frame.layout.rows[0].is_folded
    assert len(busy.frame.densities) == 1


def test_a_hidden_prefix_is_a_ghost_of_itself(busy: Run) -> None:
    stream = busy.window.timeline.stream
    x_px, y_px = bar(busy, BarState.FINISHED)
    before = stream.grab().toImage().pixelColor(GUTTER_PX + x_px, y_px)
    busy.window.timeline.legend.toggled.emit("read")
    busy.tick(NOW + 32 * MS)

    after = stream.grab().toImage().pixelColor(GUTTER_PX + x_px, y_px)
    assert busy.session.filter.hidden_prefixes == {"read"}
    assert after.lightness() > before.lightness() + 20


def test_the_theme_can_be_changed_at_any_time(busy: Run) -> None:
    before = busy.window.grab().toImage().pixel(640, 700)
    busy.window.toolbar.theme_toggled.emit()
    busy.tick(NOW + 32 * MS)

    assert busy.window.grab().toImage().pixel(640, 700) != before


@pytest.mark.parametrize("view", ["task-stream", "progress", "workers", "resources"])
def test_one_view_can_stand_alone(busy: Run, view: str) -> None:
    busy.window.show_only(view)
    busy.tick(NOW + 2 * SECOND)
    shown = {
        "task-stream": busy.window.timeline,
        "progress": busy.window.progress,
        "workers": busy.window.workers,
        "resources": busy.window.resources,
    }

    assert {name for name, widget in shown.items() if widget.isVisible()} == {view}


def test_a_lost_source_is_said_and_the_picture_stays(busy: Run, link: Link) -> None:
    link.is_closed = True
    busy.tick(NOW + 2 * SECOND)

    assert busy.frame is not None
    assert len(busy.frame.bars) >= 3


def test_a_failed_picture_is_an_error_and_no_file(
    qtbot: QtBot, link: Link, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    # Without a loop that it ends, it would end those in which later tests wait.
    monkeypatch.setattr(QApplication, "exit", lambda *_: None)
    gone = tmp_path / "gone"
    options = WindowOptions(screenshot=gone / "a.png", size=(1280, 720), theme="dark")
    run = Run(link, options, True, lambda: "")  # type: ignore[arg-type]
    qtbot.addWidget(run.window)
    run.show((1280, 720))
    link.messages = cluster()[1]
    qtbot.waitUntil(lambda: run.error is not None, timeout=5000)
    run.finish()

    assert not gone.exists()


def test_what_goes_wrong_in_a_tick_is_told_once_and_the_window_goes_on(
    run: Run, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[BaseException] = []
    monkeypatch.setattr("sys.excepthook", lambda _kind, error, _trace: told.append(error))
    good = link.drain

    def broken(budget_s: float) -> list[Message]:
        raise ValueError("no message")

    monkeypatch.setattr(link, "drain", broken)
    run.tick(NOW)
    run.tick(NOW + 16 * MS)
    monkeypatch.setattr(link, "drain", good)
    link.messages = cluster()[1]
    run.tick(NOW + 32 * MS)
    run.tick(NOW + 48 * MS)

    assert [str(error) for error in told] == ["no message"]
    assert str(run.error) == "no message"
    assert run.frame is not None


def test_a_picture_waits_for_the_views_that_are_slower(
    qtbot: QtBot, link: Link, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    ends: list[int] = []
    monkeypatch.setattr(QApplication, "exit", ends.append)
    picture = tmp_path / "picture.png"
    options = WindowOptions(size=(1280, 720), theme="light", screenshot=picture)
    made = Run(link, options, False, lambda: "")  # type: ignore[arg-type]
    qtbot.addWidget(made.window)
    made.show((1280, 720))
    link.messages = [SourceStatus(is_live=False, progress=0.0)]
    made.tick(NOW)
    link.messages = [*cluster()[1][1:], SourceStatus(is_live=False, progress=1.0)]
    ticks = itertools.count(NOW, MS)

    def has_all_but_failures() -> bool:
        made.tick(next(ticks))
        stage = made._stage
        return not made.is_reading and stage.is_complete(made.snapshot) and stage.is_settled

    def has_ended() -> bool:
        made.tick(next(ticks))
        return bool(ends)

    with monkeypatch.context() as patch:
        patch.setattr(made.ledger, "advance", lambda *_, **__: None)
        qtbot.waitUntil(has_all_but_failures, timeout=5000)
        assert not has_ended()
    qtbot.waitUntil(has_ended, timeout=5000)

    assert picture.exists()
    assert len(made.ledger.errors) == 1
    assert made.window.resources.accessibleDescription().startswith("CPU")
    assert not made.window.resources.is_waiting
    assert not made.session.is_following  # it was shown once more when all had been read
    made.finish()


@pytest.mark.parametrize("view", ["task-stream", "progress", "workers", "resources"])
def test_a_picture_of_one_view_shows_all_that_was_read(
    qtbot: QtBot, link: Link, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, view: str
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    ends: list[int] = []
    monkeypatch.setattr(QApplication, "exit", ends.append)
    picture = tmp_path / "picture.png"
    options = WindowOptions(size=(1280, 720), theme="dark", screenshot=picture, view=view)
    made = Run(link, options, False, lambda: "")  # type: ignore[arg-type]
    qtbot.addWidget(made.window)
    made.show((1280, 720))
    link.messages = [*cluster()[1], SourceStatus(is_live=False, progress=0.5)]
    ticks = itertools.count(NOW, MS)
    for _ in range(5):
        made.tick(next(ticks))
    link.messages = [SourceStatus(is_live=False, progress=1.0)]

    def has_ended() -> bool:
        made.tick(next(ticks))
        return bool(ends)

    qtbot.waitUntil(has_ended, timeout=5000)

    assert picture.exists()
    assert "Recording" in made.window.status.accessibleDescription()
    assert made.window.loading.isHidden()
    made.finish()


def test_a_window_that_was_closed_is_let_go_with_all_that_it_showed(
    qapp: QApplication, link: Link, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    run = Run(link, WindowOptions(size=(1280, 720)), True, lambda: "")  # type: ignore[arg-type]
    run.show((1280, 720))
    run._clock.stop()
    link.messages = cluster()[1]
    for tick in range(20):
        run.tick(NOW + tick * 100 * MS)
        qapp.processEvents()
    run.overlays.toggle_palette()
    run.finish()
    run.window.close()
    run.window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    held = [weakref.ref(one) for one in (run, run.window, run._stage, run._store)]
    del run
    gc.collect()

    assert [one() for one in held] == [None] * len(held)


def test_the_brush_of_the_minimap_follows_a_gesture_at_once(busy: Run) -> None:
    minimap = busy.window.timeline.minimap
    busy.tick(NOW + 16 * MS)
    before = minimap.brush_px
    busy.window.timeline.zoomed.emit(200.0, 0.25)
    busy.tick(NOW + 32 * MS)
    assert minimap.brush_px != before


def test_a_running_task_grows_with_the_clock(busy: Run) -> None:
    x_px, _ = bar(busy, BarState.RUNNING)
    frame = busy.frame
    assert frame is not None
    width_px = frame.now_px - x_px
    busy.tick(NOW + 5 * SECOND)
    later = busy.frame
    assert later is not None

    assert later.now_px - bar(busy, BarState.RUNNING)[0] > width_px * 1.5
