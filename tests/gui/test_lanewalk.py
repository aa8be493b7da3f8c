"""Keys that choose a task, on the window at work: along its row, from row to row, at a pointer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtTest import QTest

from daskscope.app.aim import aimed_place_px
from daskscope.derive.bands import lanes_of
from daskscope.derive.quantity import THIN
from daskscope.paint.wheel import ZOOM_STEP
from daskscope.predicate import Filter
from daskscope.theme import GUTTER_PX
from tests.builders import MS, SECOND, T0, Source, Span
from tests.gui.chain import HASH, SUM_KEY, choose, shown, spot, ticked
from tests.gui.working import NOW

if TYPE_CHECKING:
    from daskscope.app.run import Run
    from tests.gui.working import Link

RIGHT, LEFT = Qt.Key.Key_Right, Qt.Key.Key_Left
DOWN, UP = Qt.Key.Key_Down, Qt.Key.Key_Up
#: From the middle of a task to what lies below it.
SUB_PX = 14
CTRL = Qt.KeyboardModifier.ControlModifier
READ_A, READ_B = (f"('read-{HASH}', {n})" for n in range(2))


@pytest.fixture
def held(chained: Run, link: Link) -> Run:
    """The whole chain in view, which holds still; nothing is chosen, no pointer there."""
    chained.window.activateWindow()
    chained.window.timeline.stream.setFocus()
    chained.toggle_pause()
    ticked(chained, 2, link)
    return chained


def walked(run: Run, link: Link, *keys: Qt.Key) -> str:
    """The key of what is chosen after some keys."""
    for key in keys:
        QTest.keyClick(run.window.timeline.stream, key, CTRL)
    ticked(run, link=link)
    return shown(run).key


def point(run: Run, at_ns: int, key: str, *, is_sub: bool = False) -> None:
    """Move the pointer to a time in the row of a key, or in its lower part."""
    assert run.frame is not None
    x_px = round(run.frame.view.x_px(T0 + at_ns))
    stream = run.window.timeline.stream
    QTest.mouseMove(stream, QPoint(GUTTER_PX + x_px, spot(run, key).y() + is_sub * SUB_PX))


def test_keys_go_along_a_row_and_stop_at_its_ends(held: Run, link: Link) -> None:
    assert choose(held, READ_B, link).key == READ_B
    sum_key = walked(held, link, RIGHT)
    assert (sum_key, shown(held).pill) == (SUM_KEY, "erred")
    assert walked(held, link, RIGHT) == "fit-99"  # it runs
    assert walked(held, link, RIGHT) == "fit-99"
    assert walked(held, link, LEFT, LEFT) == READ_B
    assert walked(held, link, LEFT) == READ_B


def test_keys_go_from_row_to_row_and_keep_to_the_time(held: Run, link: Link) -> None:
    """Over transfers, which lie below the tasks of their thread."""
    choose(held, READ_A, link)
    assert walked(held, link, DOWN) == SUM_KEY  # the nearest of its row, though 7 s later
    assert shown(held).name == "sum"
    walked(held, link, DOWN)
    assert (shown(held).name, shown(held).key) == ("transfer", "")
    assert walked(held, link, UP, UP) == READ_A


def test_at_first_the_task_at_the_pointer_is_chosen(held: Run, link: Link) -> None:
    point(held, 10 * SECOND, SUM_KEY)
    assert walked(held, link, RIGHT) == SUM_KEY
    held.choosing.let_go()
    point(held, 5 * SECOND, READ_A)
    assert walked(held, link, DOWN) == READ_A  # the nearest one, where none is
    held.choosing.let_go()
    point(held, 8 * SECOND, SUM_KEY, is_sub=True)
    walked(held, link, LEFT)
    assert shown(held).name == "transfer"


def test_without_a_pointer_it_is_one_in_the_first_row_in_view(held: Run, link: Link) -> None:
    assert walked(held, link, LEFT) == READ_A


def test_keys_zoom_and_select_at_what_is_chosen_with_the_pointer_elsewhere(
    held: Run, link: Link
) -> None:
    """In the middle, if nothing is chosen."""
    stream = held.window.timeline.stream
    assert held.view is not None
    middle_ns = held.view.time_ns(held.view.width_px / 2)
    QTest.keyClick(stream, Qt.Key.Key_W)
    assert held.view.x_px(middle_ns) == pytest.approx(held.view.width_px / 2, abs=1)
    QTest.keyClick(stream, RIGHT, Qt.KeyboardModifier.ShiftModifier)
    assert held.session.selection_ns is not None
    assert held.session.selection_ns[0] == pytest.approx(middle_ns, abs=held.view.ns_per_px)

    held.selecting.clear()
    choose(held, READ_A, link)
    stream.leaveEvent(QEvent(QEvent.Type.Leave))
    start_ns = T0 + 2 * SECOND
    x_px = held.view.x_px(start_ns)
    for _ in range(5):
        QTest.keyClick(stream, Qt.Key.Key_W)
    assert held.view.x_px(start_ns) == pytest.approx(x_px, abs=1)
    QTest.keyClick(stream, RIGHT, Qt.KeyboardModifier.ShiftModifier)
    assert held.session.selection_ns[0] == pytest.approx(start_ns, abs=held.view.ns_per_px)
    QTest.keyClick(stream, Qt.Key.Key_B)
    assert held.session.bookmarks[0].time_ns == pytest.approx(start_ns, abs=held.view.ns_per_px)
    for _ in range(20):
        QTest.keyClick(stream, Qt.Key.Key_D)
    ticked(held, 2, link)
    middle_ns = held.view.time_ns(held.view.width_px / 2)
    QTest.keyClick(stream, Qt.Key.Key_S)
    assert held.view.x_px(middle_ns) == pytest.approx(held.view.width_px / 2, abs=1)


def test_keys_for_lanes_mean_the_worker_of_what_is_chosen_with_the_pointer_elsewhere(
    held: Run, link: Link
) -> None:
    choose(held, READ_B, link)
    stream = held.window.timeline.stream
    stream.leaveEvent(QEvent(QEvent.Type.Leave))
    assert held.frame is not None
    w1 = held.frame.layout.workers[1]
    QTest.keyClick(stream, Qt.Key.Key_A, CTRL | Qt.KeyboardModifier.ShiftModifier)
    assert held.session.selection_lanes == lanes_of(held.frame.layout, w1.key, is_host=False)
    QTest.keyClick(stream, Qt.Key.Key_P)
    assert held.session.pinned == {w1.key}
    QTest.keyClick(stream, Qt.Key.Key_C)
    assert held.session.turned_workers == {w1.key}
    QTest.keyClick(stream, DOWN, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(stream, Qt.Key.Key_C)
    assert held.session.turned_workers == {w1.key}
    assert len(held.session.collapsed_hosts) == 1  # where keys have gone to comes first


def test_keys_for_lanes_mean_the_host_of_what_is_chosen_in_a_folded_row(
    held: Run, link: Link
) -> None:
    choose(held, READ_B, link)
    held.window.timeline.stream.leaveEvent(QEvent(QEvent.Type.Leave))
    QTest.keyClick(held.window.timeline.stream, Qt.Key.Key_C, Qt.KeyboardModifier.ShiftModifier)
    ticked(held, 2, link)
    assert held.session.collapsed_hosts == {"node-01", "node-02"}
    QTest.keyClick(held.window.timeline.stream, Qt.Key.Key_C)
    assert held.session.collapsed_hosts == {"node-01"}


def test_keys_measure_from_task_to_task(long: Run, link: Link) -> None:
    stream = long.window.timeline.stream
    stream.leaveEvent(QEvent(QEvent.Type.Leave))
    QTest.keyClick(stream, Qt.Key.Key_M)
    assert walked(long, link, RIGHT, RIGHT, RIGHT) == "inc-4"
    assert long.session.measured_ns == pytest.approx((T0 + SECOND, T0 + 4 * SECOND), abs=10 * MS)


def test_from_what_is_out_of_view_keys_do_not_go_on(held: Run, link: Link) -> None:
    choose(held, READ_A, link)
    held.session = replace(held.session, span_ns=SECOND, end_ns=T0 + 14_500 * MS)
    ticked(held, 2, link)
    number = int(walked(held, link, RIGHT).split(",")[1].strip(" )"))
    assert number % 3 > 0  # those of a third have ended before


def test_from_what_is_out_of_view_keys_keep_to_its_row(held: Run, link: Link) -> None:
    """As live, where what one looks at has moved away."""
    choose(held, READ_B, link)
    held.window.timeline.stream.leaveEvent(QEvent(QEvent.Type.Leave))
    held.session = replace(held.session, span_ns=3 * SECOND, end_ns=T0 + 9 * SECOND)
    ticked(held, 2, link)
    assert walked(held, link, LEFT) == SUM_KEY  # that of its row has failed
    assert shown(held).pill == "erred"


@pytest.fixture
def tall(run: Run, link: Link) -> Run:
    """More rows than fit."""
    source = Source()
    for n in range(60):
        source.worker(f"w{n}", host="node-01", port=40_000 + n)
    batch = source.spans([Span(SECOND, 19 * SECOND, "inc", n, key=f"inc-{n}") for n in range(60)])
    link.messages = [source.definitions(), batch]
    ticked(run, 3)
    run.window.activateWindow()
    run.window.timeline.stream.setFocus()
    return run


def test_rows_scroll_with_what_is_chosen(tall: Run, link: Link) -> None:
    assert walked(tall, link, *[DOWN] * 50) == "inc-49"
    tall.lane_scroll.to(0)
    ticked(tall, 2, link)
    assert walked(tall, link, DOWN) == "inc-0"  # the first in view
    assert walked(tall, link, *[DOWN] * 50, *[UP] * 48) == "inc-2"  # with no frame between them
    frame = tall.frame
    assert frame is not None
    assert frame.first_row <= frame.layout.row_of_lane[2] < frame.last_row


def test_keys_for_lanes_do_not_mean_a_worker_that_is_out_of_view(tall: Run, link: Link) -> None:
    walked(tall, link, DOWN)
    tall.lane_scroll.to(1_000)
    ticked(tall, 2, link)
    QTest.keyClick(tall.window.timeline.stream, Qt.Key.Key_C)
    assert tall.session.turned_workers == tall.session.collapsed_hosts == frozenset()


def test_rows_that_are_fewer_than_before_are_all_in_view(tall: Run, link: Link) -> None:
    """What was scrolled away is more than is left to be."""
    walked(tall, link, *[DOWN] * 50)
    tall.replace(collapsed_hosts=frozenset({"node-01"}))
    ticked(tall, 2, link)
    assert walked(tall, link, RIGHT) == "inc-50"


def test_rows_scroll_with_those_that_are_selected(tall: Run) -> None:
    both = CTRL | Qt.KeyboardModifier.ShiftModifier
    for _ in range(50):
        QTest.keyClick(tall.window.timeline.stream, DOWN, both)
    ticked(tall, 2)
    assert tall.session.selection_lanes == frozenset(range(50))
    frame = tall.frame
    assert frame is not None
    assert frame.first_row <= frame.layout.row_of_lane[49] < frame.last_row


def test_what_is_chosen_comes_into_view(held: Run, link: Link) -> None:
    choose(held, READ_B, link)
    held.session = replace(held.session, span_ns=SECOND, end_ns=T0 + 4_500 * MS)
    ticked(held, 2, link)
    assert walked(held, link, RIGHT) == SUM_KEY
    frame = held.frame
    assert frame is not None
    assert frame.view.start_ns < T0 + 6 * SECOND < frame.view.end_ns


def test_what_is_hidden_is_passed_over(held: Run, link: Link) -> None:
    choose(held, READ_B, link)
    held.session = replace(held.session, filter=Filter(hidden_prefixes=frozenset({"sum"})))
    ticked(held, 2, link)
    assert walked(held, link, RIGHT) == "fit-99"


@pytest.fixture
def long(run: Run, link: Link) -> Run:
    """A row of two hundred tasks, of which four are in view; the second one is chosen."""
    source = Source()
    source.worker("w0", host="node-01")
    spans = [Span(n * SECOND, (n + 1) * SECOND, "inc", key=f"inc-{n}") for n in range(200)]
    batch = source.spans(spans)
    link.messages = [source.definitions(), batch]
    run.session = replace(
        run.session, is_following=False, span_ns=4 * SECOND, end_ns=T0 + 4 * SECOND
    )
    ticked(run, 3)
    run.window.activateWindow()
    run.window.timeline.stream.setFocus()
    choose(run, "inc-1")
    return run


@pytest.mark.parametrize(("n_back", "number"), [(0, 151), (140, 11), (149, 2)])
def test_keys_that_come_faster_than_frames_go_on_from_each_other(
    long: Run, link: Link, n_back: int, number: int
) -> None:
    """Nothing is drawn between them, and each brings what it chooses into view."""
    assert walked(long, link, *[RIGHT] * 150, *[LEFT] * n_back) == f"inc-{number}"
    frame = long.frame
    assert frame is not None
    assert frame.view.start_ns < T0 + number * SECOND + SECOND // 2 < frame.view.end_ns


def test_what_was_zoomed_to_stays_when_a_key_moves_the_view(long: Run, link: Link) -> None:
    for _ in range(3):
        QTest.keyClick(long.window.timeline.stream, Qt.Key.Key_W)
    assert walked(long, link, *[RIGHT] * 9) == "inc-10"
    assert long.frame is not None
    view = long.frame.view
    assert view.end_ns - view.start_ns == pytest.approx(4 * SECOND / ZOOM_STEP**3, rel=0.05)


def test_a_screen_reader_is_told_what_was_chosen(held: Run, link: Link, told: list[str]) -> None:
    choose(held, READ_B, link)
    walked(held, link, RIGHT)
    walked(held, link, RIGHT)
    assert told[-2:] == [f"sum, erred, 1.00{THIN}s, w1", "fit, running, w1"]


def test_nothing_there_chooses_nothing(run: Run) -> None:
    run.tick(NOW)
    for forward in (True, False):
        run.lane_walk.along(is_forward=forward)
        run.lane_walk.across(is_down=forward)
    assert run.lane_walk.row is None
    assert run.session.chosen is None


def test_a_key_tells_of_the_chosen_task_as_the_pointer_does(
    held: Run, link: Link, told: list[str]
) -> None:
    """It goes on with what is chosen, and ends by the same key, by Escape or by the pointer."""
    stream, tooltip = held.window.timeline.stream, held.window.timeline.stream._tooltip

    def pressed(key: Qt.Key) -> str:
        QTest.keyClick(stream, key)
        ticked(held, 2, link)
        return tooltip._hit.key if tooltip.isVisible() and tooltip._hit is not None else ""

    choose(held, READ_B, link)
    QTest.mouseMove(stream, QPoint(GUTTER_PX + 5, stream.height() - 5))
    assert pressed(Qt.Key.Key_T) == READ_B
    assert told[-1].startswith(f"read, {READ_B}, Duration 3.00{THIN}s")
    n_told = len(told)
    held.hovering._hit_of = None  # as if something had come
    ticked(held, 3, link)
    assert len(told) == n_told
    walked(held, link, RIGHT)
    assert tooltip._hit is not None
    assert tooltip._hit.key == SUM_KEY
    assert told[-1].startswith(f"sum, {SUM_KEY}")
    assert pressed(Qt.Key.Key_T) == ""
    assert pressed(Qt.Key.Key_T) == SUM_KEY
    assert pressed(Qt.Key.Key_Escape) == ""
    assert shown(held).key == SUM_KEY  # it stays chosen
    assert pressed(Qt.Key.Key_T) == SUM_KEY
    QTest.mouseMove(stream, QPoint(GUTTER_PX + 9, stream.height() - 9))
    ticked(held, 2, link)
    assert not tooltip.isVisible()


def test_a_key_tells_of_a_transfer_and_of_what_is_folded(held: Run, link: Link) -> None:
    stream, tooltip = held.window.timeline.stream, held.window.timeline.stream._tooltip
    choose(held, READ_A, link)
    walked(held, link, DOWN, DOWN)
    assert shown(held).name == "transfer"
    QTest.keyClick(stream, Qt.Key.Key_T)
    ticked(held, 2, link)
    assert tooltip._hit is not None
    assert tooltip._hit.title == "transfer"
    place, row, frame = aimed_place_px(held), held.lane_walk.row, held.frame
    assert place is not None
    assert frame is not None
    top_px, height_px = frame.layout.row_px[:, row]
    assert 0.8 * height_px < place[1] + frame.scroll_px - top_px < height_px
    QTest.keyClick(stream, Qt.Key.Key_C, Qt.KeyboardModifier.ShiftModifier)
    walked(held, link, UP)
    ticked(held, 2, link)
    assert tooltip._hit.title.endswith(("task", "tasks"))
