"""Searching in the real window: typed, stepped through, cleared; lit and dimmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit, QToolButton

from daskscope.app.clock import Clock
from daskscope.paint.control import plain_tip
from daskscope.paint.font import Role, text_width
from daskscope.predicate import Search
from daskscope.store.schema import Message, SourceStatus
from daskscope.theme import GUTTER_PX
from daskscope.views.timeline.checks import Checks
from daskscope.views.timeline.filterbox import FilterBox
from tests.builders import MS, SECOND, Source, Span
from tests.gui.working import NOW, Link

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from daskscope.app.run import Run

LEFT = Qt.MouseButton.LeftButton


def cluster() -> tuple[Source, list[Message]]:
    """Forty tasks of one second on two workers, every fourth a `sum`, all of them seen."""
    source = Source()
    workers = [
        source.worker(name, host=f"node-{name}", port=40_100 + i) for i, name in enumerate("ab")
    ]
    spans = [
        Span(
            n * SECOND // 2, n * SECOND // 2 + 400 * MS, "sum" if n % 4 == 0 else "inc",
            workers[n % 8 // 4], 11 + n % 2, key=f"('x-{n:02}', {n})",
            error="ValueError: odd" if n == 7 else "",
        )
        for n in range(40)
    ]  # fmt: skip
    batch = source.spans(spans)
    status = SourceStatus(is_live=True, http=Link.http, requests=3)
    return source, [status, source.definitions(), batch]


class Searched:
    """A window and its search box, ticked after each gesture."""

    def __init__(self, run: Run, link: Link) -> None:
        self.run, self.link = run, link
        self.source, link.messages = cluster()
        self._now = NOW
        self.tick(3)

    def tick(self, n: int = 2) -> None:
        for _ in range(n):
            self._now += 16 * MS
            self.run.tick(self._now)
        assert self.run.error is None

    @property
    def field(self) -> QLineEdit:
        found = self.run.window.toolbar.search.findChild(QLineEdit)
        assert isinstance(found, QLineEdit)
        return found

    def button(self, name: str) -> QToolButton:
        buttons = self.run.window.toolbar.search.findChildren(QToolButton)
        return next(button for button in buttons if button.accessibleName() == name)

    def type(self, text: str) -> None:
        self.focus()
        QTest.keyClicks(self.field, text)
        self.tick()

    def focus(self) -> None:
        self.run.window.activateWindow()
        self.run.finder.focus()
        self.field.deselect()
        assert self.field.hasFocus()

    def press(self, key: Qt.Key, shift: bool = False) -> None:
        modifier = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
        assert self.field.hasFocus()
        QTest.keyClick(self.field, key, modifier)
        self.tick()

    @property
    def period_s(self) -> float:
        """Time until the next tick."""
        (clock,) = self.run.findChildren(Clock)
        return clock.period_s

    @property
    def note(self) -> str:
        return self.field.accessibleDescription()

    @property
    def lit(self) -> list[bool]:
        frame = self.run.frame
        assert frame is not None
        assert frame.bars.is_lit is not None
        lit: list[bool] = frame.bars.is_lit.tolist()
        return lit

    @property
    def found(self) -> int:
        """Number of the task that was stepped to."""
        assert self.run.session.found is not None
        return self.run.session.found[1]


@pytest.fixture
def searched(run: Run, link: Link) -> Searched:
    return Searched(run, link)


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("sum", 10),
        ("SUM", 10),
        ("x-0", 10),
        ("', 7)", 1),
        ("valueerror", 1),
        ("node-b", 20),
        ("40101", 20),
    ],
)
def test_what_is_typed_is_searched_everywhere(searched: Searched, text: str, n: int) -> None:
    searched.type(text)

    assert sum(searched.lit) == n
    assert searched.note == f"{n} found"


def test_a_slash_begins_a_search_and_escape_ends_it(searched: Searched, qtbot: QtBot) -> None:
    stream = searched.run.window.timeline.stream
    searched.run.window.activateWindow()
    stream.setFocus()
    qtbot.waitUntil(stream.hasFocus)
    QTest.keyClick(stream, Qt.Key.Key_Slash)
    qtbot.waitUntil(searched.field.hasFocus)
    searched.type("sum/n?")
    assert searched.run.session.search == Search("sum/n?")

    searched.press(Qt.Key.Key_Escape)

    assert searched.run.session.search == Search()
    assert searched.field.text() == ""
    assert stream.hasFocus()
    frame = searched.run.frame
    assert frame is not None
    assert frame.bars.is_lit is None


def test_enter_goes_from_match_to_match_and_begins_anew(searched: Searched) -> None:
    searched.type("sum")
    visited = []
    for _ in range(11):
        searched.press(Qt.Key.Key_Return)
        visited.append((searched.found, searched.note))
        assert searched.run.session.chosen is not None
        assert searched.run.session.chosen.index == searched.found

    order = [n for n, _ in visited]
    assert sorted(order[:10]) == list(range(0, 40, 4))
    assert order[10] == order[0]
    assert [note for _, note in visited] == [f"{n // 4 + 1} of 10" for n in order]
    searched.press(Qt.Key.Key_Return, shift=True)
    assert searched.found == order[9]


def test_buttons_and_keys_of_the_task_stream_step_too(searched: Searched, qtbot: QtBot) -> None:
    searched.type("sum")
    QTest.mouseClick(searched.button("Next match"), LEFT)
    searched.tick()
    first = searched.found
    stream = searched.run.window.timeline.stream
    searched.run.window.activateWindow()
    stream.setFocus()
    qtbot.waitUntil(stream.hasFocus)
    QTest.keyClick(stream, Qt.Key.Key_N)
    searched.tick()
    assert searched.found == (first + 4) % 40
    QTest.keyClick(stream, Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier)
    searched.tick()
    assert searched.found == first
    QTest.mouseClick(searched.button("Previous match"), LEFT)
    searched.tick()
    assert searched.found == (first - 4) % 40


def test_a_step_brings_the_match_into_view_and_marks_it(searched: Searched) -> None:
    run = searched.run
    run.session = type(run.session)(span_ns=3 * SECOND)
    searched.tick()
    searched.type("x-04")
    searched.press(Qt.Key.Key_Return)

    assert not run.session.is_following
    assert run.session.span_ns == pytest.approx(3 * SECOND, rel=0.01)
    frame = run.frame
    assert frame is not None
    assert frame.found is not None
    assert 0 <= frame.found.x0_px < frame.found.x1_px <= frame.view.width_px
    image = run.window.timeline.stream.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    top = frame.layout.rows[frame.found.row].y_px - frame.scroll_px
    middle = GUTTER_PX + (frame.found.x0_px + frame.found.x1_px) // 2
    assert image.pixel(middle, top - 1) & 0xFFFFFF == run.theme.accent


def test_what_is_not_lit_is_dimmed_and_has_no_label(searched: Searched) -> None:
    stream = searched.run.window.timeline.stream

    def pixels() -> np.ndarray[tuple[int, ...], np.dtype[np.uint32]]:
        image = stream.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
        data = np.frombuffer(image.constBits(), np.uint32)
        return data.reshape(image.height(), -1)[:, GUTTER_PX:].copy()

    plain = pixels()
    searched.type("sum")
    dimmed = pixels()
    frame = searched.run.frame
    assert frame is not None
    bars = frame.bars
    assert bars.is_lit is not None
    for i in range(len(bars)):
        top = frame.layout.rows[bars.row[i]].y_px - frame.scroll_px
        part = np.s_[top + 2 : top + 12, bars.x0_px[i] + 3 : bars.x1_px[i] - 4]
        if bars.is_lit[i]:
            assert (plain[part] == dimmed[part]).all()
        else:
            assert len(np.unique(dimmed[part])) == 1
            assert (plain[part] != dimmed[part]).any()


def test_an_expression_is_searched_when_asked_for(searched: Searched) -> None:
    searched.type("x-[01]")
    assert searched.note == "No match"
    QTest.mouseClick(searched.button("Regular expression"), LEFT)
    searched.tick()

    assert searched.note == "20 found"
    assert searched.run.session.search.is_regex


def test_an_invalid_expression_is_said_and_dims_nothing(searched: Searched) -> None:
    QTest.mouseClick(searched.button("Regular expression"), LEFT)
    searched.type("x-(")

    assert "unterminated" in searched.note
    assert searched.run.window.toolbar.search.toolTip()
    frame = searched.run.frame
    assert frame is not None
    assert frame.bars.is_lit is None
    searched.type("0)")
    assert searched.note == "10 found"


def test_an_expression_without_end_does_not_hold_up_the_window(searched: Searched) -> None:
    source, link = searched.source, searched.link
    batch = source.spans([Span(0, SECOND, "long", key="a" * 200 + "!")])
    link.messages = [source.definitions(), batch]
    QTest.mouseClick(searched.button("Regular expression"), LEFT)
    searched.type("(a+)+$")

    assert "too long" in searched.note


def test_what_arrives_is_searched(searched: Searched) -> None:
    searched.type("sum")
    source = searched.source
    batch = source.spans([Span(18 * SECOND, 19 * SECOND, "sum", 1, 12, key="late")])
    searched.link.messages = [source.definitions(), batch]
    searched.tick()

    assert searched.note == "11 found"
    assert sum(searched.lit) == 11


def test_the_minimap_ticks_where_something_is_lit(searched: Searched, qtbot: QtBot) -> None:
    minimap = searched.run.window.timeline.minimap
    accent, brush = searched.run.theme.accent, 4

    def ticks() -> list[int]:
        searched.tick(1)  # the minimap takes its turn among the panels
        image = minimap.grab().toImage()
        columns = range(GUTTER_PX + brush + 1, image.width() - brush)
        return [x for x in columns if image.pixel(x, 34) & 0xFFFFFF == accent]

    searched.type("x-20")
    qtbot.waitUntil(lambda: 1 <= len(ticks()) <= 3)


# Filter -------------------------------------------------------------------------------------


def filter_box(searched: Searched) -> FilterBox:
    QTest.mouseClick(searched.run.window.timeline.filter.funnel, LEFT)
    (box,) = searched.run.window.timeline.findChildren(FilterBox)
    assert box.isVisible()
    return box


def checks(box: FilterBox, name: str) -> Checks:
    return next(part for part in box.findChildren(Checks) if part.accessibleName() == name)


def click(searched: Searched, part: Checks, text: str) -> None:
    (item,) = part.findItems(text, Qt.MatchFlag.MatchExactly)
    QTest.mouseClick(part.viewport(), LEFT, pos=part.visualItemRect(item).center())
    searched.tick()


def test_a_long_name_in_the_filter_is_told_whole(searched: Searched) -> None:
    part = checks(filter_box(searched), "Workers")
    part.fill([("<b>w</b>" * 20, False, None), ("w1", False, None)])
    assert [part.item(row).toolTip() for row in range(2)] == [plain_tip("<b>w</b>" * 20), ""]


def test_no_hint_of_the_filter_is_cut(searched: Searched) -> None:
    for field in filter_box(searched).findChildren(QLineEdit):
        room = field.width() - 2 * 7 - 2 * 2  # its padding and border, and Qt's own margin
        assert text_width(Role.BODY, field.placeholderText()) <= room


def hidden_text(searched: Searched) -> str:
    labels = searched.run.window.timeline.filter.findChildren(QLabel)
    return next(label.text() for label in labels)


def chips(searched: Searched) -> list[QToolButton]:
    buttons = searched.run.window.timeline.filter.findChildren(QToolButton)
    return [
        b for b in buttons if b.accessibleName().startswith("Remove filter") and not b.isHidden()
    ]


def n_bars(searched: Searched) -> int:
    frame = searched.run.frame
    assert frame is not None
    return len(frame.bars)


@pytest.mark.parametrize(
    ("part", "text", "n_hidden", "chip"),
    [
        ("Prefixes", "sum", 10, "no sum"),
        ("Workers", "a", 20, "on a"),
        ("Kinds", "tasks", 40, "no tasks"),
        ("Outcomes", "finished", 40, "not finished"),
    ],
)
def test_a_check_mark_hides_and_a_chip_shows_again(
    searched: Searched, part: str, text: str, n_hidden: int, chip: str
) -> None:
    click(searched, checks(filter_box(searched), part), text)

    assert n_bars(searched) == 40 - n_hidden
    assert hidden_text(searched) == f"{n_hidden} hidden"
    (button,) = chips(searched)
    assert button.text() == chip
    QTest.mouseClick(button, LEFT)
    searched.tick()
    assert n_bars(searched) == 40
    assert hidden_text(searched) == ""


def test_durations_are_typed(searched: Searched) -> None:
    source = searched.source
    batch = source.spans([Span(15 * SECOND, 19 * SECOND, "long", 0, 13)])
    searched.link.messages = [source.definitions(), batch]
    searched.tick()
    box = filter_box(searched)
    fields = {field.accessibleName(): field for field in box.findChildren(QLineEdit)}
    least = fields["Shortest duration"]
    QTest.keyClicks(least, "1.x s")
    QTest.keyClick(least, Qt.Key.Key_Return)
    searched.tick()
    assert n_bars(searched) == 41
    assert least.property("wrong") == "true"
    least.clear()
    QTest.keyClicks(least, "1.5 s")
    QTest.keyClick(least, Qt.Key.Key_Return)
    searched.tick()

    assert n_bars(searched) == 1
    assert hidden_text(searched) == "40 hidden"


def test_the_legend_is_part_of_the_filter(searched: Searched) -> None:
    searched.run.window.timeline.legend.toggled.emit("inc")
    searched.tick()

    assert n_bars(searched) == 10
    assert hidden_text(searched) == "30 hidden"
    assert [button.text() for button in chips(searched)] == ["no inc"]
    box = filter_box(searched)
    assert checks(box, "Prefixes").unchecked() == ["inc"]
    reset = next(b for b in box.findChildren(QToolButton) if b.text() == "Show everything")
    QTest.mouseClick(reset, LEFT)
    searched.tick()
    assert n_bars(searched) == 40


def test_what_is_hidden_is_no_match(searched: Searched) -> None:
    searched.type("x-0")
    searched.run.window.timeline.legend.toggled.emit("inc")
    searched.tick()

    assert searched.note == "3 found"
    assert sum(searched.lit) == 3


def test_many_workers_are_narrowed_by_their_names(searched: Searched) -> None:
    source = searched.source
    workers = [source.worker(f"w{n}", port=41_000 + n) for n in range(300)]
    batch = source.spans([Span(0, MS, "inc", worker, 50) for worker in workers])
    searched.link.messages = [source.definitions(), batch]
    searched.tick()
    box = filter_box(searched)
    find = next(f for f in box.findChildren(QLineEdit) if f.accessibleName() == "Find a worker")
    QTest.keyClicks(find, "W29")
    part = checks(box, "Workers")

    shown = [part.item(i).text() for i in range(part.count()) if not part.item(i).isHidden()]
    assert shown == ["w29", *(f"w{n}" for n in range(290, 300))]


def test_a_search_that_has_not_come_through_lets_the_window_tick_at_once(
    searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    for budget in ("SEARCH_BUDGET_S", "SEARCH_ALONE_S"):
        monkeypatch.setattr(f"daskscope.app.marking.{budget}", 0.0)
    source = searched.source
    batch = source.spans([Span(n, n + 1, "inc", 0, 11, key=f"x-{n}") for n in range(30_000)])
    searched.link.messages = [source.definitions(), batch]
    searched.tick()
    notes = []
    searched.focus()
    QTest.keyClicks(searched.field, "x-29999")
    searched.tick(1)
    while not searched.run.marks.is_complete:
        notes.append(searched.note)
        assert searched.period_s == 0
        searched.tick(1)

    assert len(notes) >= 3
    assert all(note.endswith("%") for note in notes)
    assert searched.note == "1 found"
    searched.tick(20)
    assert searched.period_s > 0
