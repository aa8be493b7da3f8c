"""What hands do on the real window, from the widget to what it changes: time, lanes, tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QToolButton

from daskscope.derive.frames import BarState
from daskscope.paint.wheel import ZOOM_STEP
from daskscope.session import Session
from daskscope.store.schema import SourceStatus
from daskscope.theme import GUTTER_PX
from daskscope.views.timeline.strip import SCROLL_STEP_PX
from daskscope.views.workers import table_columns
from tests.builders import MS, SECOND, T0, Source, Span, points
from tests.gui.selecting import drag
from tests.gui.working import NOW, Hand, Link, bar
from tests.readings import GIB, Cluster

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from daskscope.app.run import Run

NOW_S = (NOW - T0) / SECOND
LEFT = Qt.MouseButton.LeftButton
NO_KEYS = Qt.KeyboardModifier.NoModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
ALT = Qt.KeyboardModifier.AltModifier


def tick(run: Run) -> Session:
    for n in range(2):
        run.tick(NOW + (32 + n) * MS)
    assert run.error is None
    return run.session


@pytest.fixture
def held(busy: Run) -> Run:
    """Eight seconds of the run in view, which hold still."""
    busy.session = Session(is_following=False, span_ns=8 * SECOND, end_ns=T0 + 14 * SECOND)
    tick(busy)
    return busy


@pytest.fixture
def crowded(run: Run, link: Link) -> Run:
    """More lanes than fit."""
    source = Source()
    for n in range(80):
        source.worker(f"w{n:02}", host=f"node-{n // 8:02}", port=40_000 + n, nthreads=4)
    batch = source.spans([Span(0, SECOND, "inc", n, 11) for n in range(80)])
    link.messages = [SourceStatus(is_live=True, http=Link.http), source.definitions(), batch]
    tick(run)
    return run


def wheel(widget: QWidget, at: QPoint, notches: int, keys: Qt.KeyboardModifier = NO_KEYS) -> None:
    event = QWheelEvent(
        QPointF(at), QPointF(widget.mapToGlobal(at)), QPoint(), QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton, keys, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)


def middle_drag(widget: QWidget, start: QPoint, stop: QPoint) -> None:
    middle, none = Qt.MouseButton.MiddleButton, Qt.MouseButton.NoButton
    for kind, at, held_button in (
        (QEvent.Type.MouseButtonPress, start, middle),
        (QEvent.Type.MouseMove, stop, middle),
        (QEvent.Type.MouseButtonRelease, stop, none),
    ):
        place = QPointF(at)
        event = QMouseEvent(kind, place, widget.mapToGlobal(place), middle, held_button, NO_KEYS)
        QApplication.sendEvent(widget, event)


def space_drag(widget: QWidget, start: QPoint, stop: QPoint) -> None:
    QTest.keyPress(widget, Qt.Key.Key_Space)
    drag(widget, start, stop)
    QTest.keyRelease(widget, Qt.Key.Key_Space)


# Time -----------------------------------------------------------------------------------------


def test_a_double_click_zooms_to_a_task(held: Run) -> None:
    x_px, y_px = bar(held, BarState.FINISHED)
    frame = held.frame
    assert frame is not None
    QTest.mouseDClick(held.window.timeline.stream, LEFT, pos=QPoint(GUTTER_PX + x_px, y_px))
    tick(held)

    hit = held.hit(held.window.timeline.lanes_size_px[0] // 2, y_px)
    assert hit is not None
    assert held.frame is not None
    assert held.frame.view.ns_per_px < frame.view.ns_per_px
    assert hit.x1_px - hit.x0_px > 0.5 * frame.view.width_px


@pytest.mark.parametrize("hands", [middle_drag, space_drag])
def test_a_drag_that_pans_moves_the_view_with_the_hand(held: Run, hands: object) -> None:
    before = held.session
    assert held.frame is not None
    moved_ns = 200 * held.frame.view.ns_per_px
    assert callable(hands)
    hands(held.window.timeline.stream, QPoint(600, 100), QPoint(400, 100))
    after = tick(held)

    assert after.end_ns - before.end_ns == pytest.approx(moved_ns, rel=0.02)
    assert after.span_ns == pytest.approx(before.span_ns, rel=0.01)
    assert after.selection_ns is None


def test_notches_of_the_wheel_that_come_before_a_frame_all_count(held: Run) -> None:
    before = held.session
    for _ in range(3):
        wheel(held.window.timeline.stream, QPoint(600, 100), 1)
    assert tick(held).span_ns == pytest.approx(before.span_ns / ZOOM_STEP**3, rel=0.01)


def test_shift_and_the_wheel_pan(held: Run) -> None:
    before = held.session
    wheel(held.window.timeline.stream, QPoint(600, 100), -1, SHIFT)
    after = tick(held)
    assert after.end_ns > before.end_ns
    assert after.span_ns == pytest.approx(before.span_ns, rel=0.01)


def test_the_brush_and_its_edge_are_dragged_to_other_times(held: Run) -> None:
    minimap = held.window.timeline.minimap
    before = held.session
    extent = held.extent()
    width_px = held.window.timeline.lanes_size_px[0]

    def at(time_ns: int) -> QPoint:
        share = (time_ns - extent.first_ns) / (extent.last_ns - extent.first_ns)
        return QPoint(GUTTER_PX + round(share * width_px), 20)

    middle_ns = before.end_ns - before.span_ns // 2
    drag(minimap, at(middle_ns), at(middle_ns + 2 * SECOND))
    moved = tick(held)
    assert moved.end_ns - before.end_ns == pytest.approx(2 * SECOND, rel=0.15)
    assert moved.span_ns == pytest.approx(before.span_ns, rel=0.1)

    drag(minimap, at(moved.end_ns), at(moved.end_ns - 3 * SECOND))
    assert tick(held).span_ns == pytest.approx(moved.span_ns - 3 * SECOND, rel=0.15)


# Lanes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("x_px", "keys"), [(50, NO_KEYS), (GUTTER_PX + 300, ALT)])
def test_the_wheel_scrolls_the_lanes_over_names_or_with_alt(
    crowded: Run, x_px: int, keys: Qt.KeyboardModifier
) -> None:
    wheel(crowded.window.timeline.stream, QPoint(x_px, 100), -2, keys)
    below = tick(crowded).scroll_px
    wheel(crowded.window.timeline.stream, QPoint(x_px, 100), 1, keys)
    assert 0 < tick(crowded).scroll_px < below


def test_the_handle_scrolls_through_all_lanes(crowded: Run) -> None:
    stream = crowded.window.timeline.stream
    right = stream.width() - 4
    drag(stream, QPoint(right, 8), QPoint(right, stream.height()))
    tick(crowded)
    frame = crowded.frame
    assert frame is not None
    assert frame.scroll_px == frame.layout.height_px - frame.height_px
    assert frame.last_row == len(frame.layout.rows)


def test_up_and_down_scroll_the_lanes(crowded: Run) -> None:
    stream = crowded.window.timeline.stream
    crowded.window.activateWindow()
    stream.setFocus()
    found = []
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Up):
        QTest.keyClick(stream, key)
        found.append(tick(crowded).scroll_px)
    assert found == [step * SCROLL_STEP_PX for step in (1, 2, 1, 0, 0)]


def test_keys_bring_the_worker_that_they_go_to_into_view(crowded: Run) -> None:
    stream = crowded.window.timeline.stream
    crowded.window.activateWindow()
    stream.setFocus()
    stream.leaveEvent(QEvent(QEvent.Type.Leave))
    for _ in range(30):
        QTest.keyClick(stream, Qt.Key.Key_Down, SHIFT)
        tick(crowded)
    frame, target = crowded.frame, stream.target
    assert frame is not None
    assert target is not None
    (block,) = (block for block in frame.layout.workers if block.key == target.key)
    assert block.name == "w25"  # and four hosts
    assert frame.scroll_px > 0
    assert frame.scroll_px + frame.layout.header_px <= block.y_px
    assert block.y_px + block.height_px <= frame.scroll_px + frame.height_px


def test_a_click_on_a_host_folds_it_and_another_unfolds_it(crowded: Run) -> None:
    place = QPoint(60, 10)
    QTest.mouseClick(crowded.window.timeline.stream, LEFT, pos=place)
    assert tick(crowded).collapsed_hosts == {"node-00"}
    QTest.mouseClick(crowded.window.timeline.stream, LEFT, pos=place)
    assert not tick(crowded).collapsed_hosts


# Tables ---------------------------------------------------------------------------------------


@pytest.fixture
def measured(hand: Hand, link: Link) -> Hand:
    """Two workers, the second of which has more memory in use, and two prefixes in progress."""
    cluster = Cluster()
    for n, managed in enumerate((1.0, 2.0)):
        at_s = NOW_S - 1
        cluster.worker(f"w{n}", f"node-{n}", 40_101 + n, at_s, busy=1, managed=managed * GIB)
    for name in ("inc", "sum"):
        cluster.tasks(name, NOW_S - 1, memory=2)
    source = cluster.source
    spans = [Span(n * SECOND, (n + 1) * SECOND, ("inc", "sum")[n % 2], n % 2, 11) for n in range(9)]
    batch = source.spans(spans)
    status = SourceStatus(is_live=True, http=Link.http)
    link.messages = [status, source.definitions(), points(cluster._rows), batch]
    ticked(hand)
    return hand


def ticked(hand: Hand) -> Session:
    """Tick until each table has had its turn."""
    hand.waits(2)
    assert hand.run.error is None
    return hand.run.session


def test_the_pointer_in_progress_lights_a_prefix_in_the_task_stream(measured: Hand) -> None:
    progress, stream = measured.run.window.progress, measured.run.window.timeline.stream
    before = stream.grab().toImage()
    at = QPoint(40, progress.heading_px + progress.row_px + 5)
    QTest.mouseMove(progress.viewport(), at)
    assert ticked(measured).lit_prefix == "sum"
    assert stream.grab().toImage() != before
    QApplication.sendEvent(progress.viewport(), QEvent(QEvent.Type.Leave))
    assert ticked(measured).lit_prefix == ""


def test_keys_in_progress_light_a_prefix_in_the_task_stream(measured: Hand) -> None:
    window = measured.run.window
    window.activateWindow()
    window.focus_view("progress")
    QTest.keyClick(window.progress, Qt.Key.Key_Down)
    QTest.keyClick(window.progress, Qt.Key.Key_Down)
    assert ticked(measured).lit_prefix == "sum"
    window.timeline.stream.setFocus()
    assert ticked(measured).lit_prefix == ""


def test_a_click_on_a_host_in_the_table_folds_it_in_the_task_stream_too(measured: Hand) -> None:
    workers = measured.run.window.workers
    place = QPoint(16, workers.heading_px + workers.row_px + 5)
    for folded in ({"node-0"}, set()):
        QTest.mouseClick(workers.viewport(), LEFT, pos=place)
        assert ticked(measured).collapsed_hosts == folded
        assert measured.run.frame is not None
        assert len(measured.run.frame.densities) == len(folded)


def test_a_click_on_a_heading_sorts_the_workers(measured: Hand) -> None:
    workers = measured.run.window.workers

    def order() -> list[str]:
        return [row.name for row in workers._frame.rows if row.name.startswith("node")]

    assert order() == ["node-0", "node-1"]
    columns = table_columns(workers._frame, workers.viewport().width())
    left, width = columns.edges[workers._frame.columns.index("memory")]
    QTest.mouseClick(workers.viewport(), LEFT, pos=QPoint(left + width // 2, 8))
    ticked(measured)
    assert order() == ["node-1", "node-0"]


# Toolbar --------------------------------------------------------------------------------------


def test_the_toolbar_holds_follows_fits_and_chooses_the_time_in_view(busy: Run) -> None:
    toolbar = busy.window.toolbar

    def press(name: str) -> Session:
        buttons = toolbar.findChildren(QToolButton)
        QTest.mouseClick(next(b for b in buttons if b.accessibleName() == name), LEFT)
        return tick(busy)

    assert not press("Pause").is_following
    assert press("Live").is_following
    ranges = toolbar.findChildren(QComboBox)[0]
    ranges.setFocus()
    QTest.keyClick(ranges, Qt.Key.Key_Up)
    shorter_ns = tick(busy).span_ns
    QTest.keyClick(ranges, Qt.Key.Key_Down)
    assert 0 < shorter_ns < tick(busy).span_ns
    press("Pause")
    whole = busy.extent()
    assert press("Fit").span_ns == pytest.approx(whole.last_ns - whole.first_ns, rel=0.02)
    was_dark = busy.theme.is_dark
    press("Theme")
    assert busy.theme.is_dark is not was_dark
