"""Searching in the real window: typed, stepped through, cleared; lit and dimmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from daskscope.app.clock import FRAME_S
from daskscope.predicate import Search
from daskscope.theme import GUTTER_PX
from tests.builders import SECOND, Span
from tests.gui.searching import LEFT, Searched

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


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
        assert searched.period_s < FRAME_S  # none in a tick that is left to panels, either
        searched.tick(1)

    assert len(notes) >= 3
    assert all(note.endswith("%") for note in notes)
    assert searched.note == "1 found"
    searched.tick(20)
    assert searched.period_s > 0
