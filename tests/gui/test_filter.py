"""The filter in the real window: its box, its chips, the legend; what is hidden is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit, QToolButton

from daskscope.paint.control import plain_tip
from daskscope.paint.font import Role, text_width
from daskscope.predicate import NO_FILTER
from daskscope.views.timeline.checks import Checks
from daskscope.views.timeline.filterbox import FilterBox
from tests.builders import MS, SECOND, Span
from tests.gui.searching import LEFT, Searched

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


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


def test_more_prefixes_than_colours_are_told_apart(searched: Searched) -> None:
    part = checks(filter_box(searched), "Prefixes")
    n_colours = len(searched.run.theme.prefix)
    part.fill([("plain", True, 0), ("hatched", True, n_colours)])
    picture = part.viewport().grab().toImage()
    for row, is_hatched in enumerate((False, True)):
        middle = part.visualItemRect(part.item(row)).center().y()
        swatch = {picture.pixel(x, middle + y) for x in range(24, 32) for y in range(-3, 4)}
        assert (len(swatch) > 1) is is_hatched


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


def test_keys_open_the_filter_and_take_it_all_away(searched: Searched) -> None:
    run, keys = searched.run, Qt.KeyboardModifier
    run.window.activateWindow()
    stream = run.window.timeline.stream
    stream.setFocus()
    QTest.keyClick(stream, Qt.Key.Key_L, keys.ControlModifier)
    (box,) = run.window.timeline.findChildren(FilterBox)
    click(searched, checks(box, "Prefixes"), "sum")
    assert run.session.filter.hidden_prefixes == {"sum"}
    box.close()
    QTest.keyClick(stream, Qt.Key.Key_L, keys.ControlModifier | keys.ShiftModifier)
    assert run.session.filter == NO_FILTER


def test_a_chip_is_reached_and_taken_away_by_key(searched: Searched) -> None:
    click(searched, checks(filter_box(searched), "Prefixes"), "sum")
    run = searched.run
    run.window.timeline.findChildren(FilterBox)[0].close()
    run.window.activateWindow()
    funnel = run.window.timeline.filter.funnel
    funnel.setFocus()
    QTest.keyClick(funnel, Qt.Key.Key_Tab)
    (chip,) = chips(searched)
    assert chip.hasFocus()
    QTest.keyClick(chip, Qt.Key.Key_Tab)
    assert run.window.timeline.legend.hasFocus()
    chip.setFocus()
    QTest.keyClick(chip, Qt.Key.Key_Space)
    searched.tick()
    assert n_bars(searched) == 40
    assert funnel.hasFocus()


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


def test_prefixes_beyond_the_legend_are_chosen_and_found_in_the_filter(
    searched: Searched, qtbot: QtBot
) -> None:
    source = searched.source
    worker = source.worker("w", port=41_000)
    batch = source.spans([Span(0, MS, f"prefix-{n:03}", worker, 50) for n in range(300)])
    searched.link.messages = [source.definitions(), batch]
    legend = searched.run.window.timeline.legend

    def is_full() -> bool:  # it is made anew now and then
        searched.tick()
        return not legend._chip_rect().isEmpty()

    qtbot.waitUntil(is_full)
    QTest.mouseClick(legend, LEFT, pos=legend._chip_rect().center())
    (box,) = searched.run.window.timeline.findChildren(FilterBox)
    find = next(f for f in box.findChildren(QLineEdit) if f.accessibleName() == "Find a prefix")
    QTest.keyClicks(find, "X-29")
    part = checks(box, "Prefixes")

    shown = {part.item(i).text() for i in range(part.count()) if not part.item(i).isHidden()}
    assert shown == {f"prefix-{n}" for n in range(290, 300)}
    click(searched, part, "prefix-299")
    assert searched.run.session.filter.hidden_prefixes == {"prefix-299"}


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
