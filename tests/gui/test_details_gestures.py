"""What can be done with a task that was chosen: walked from, copied, zoomed to, let go."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtTest import QTest

from daskscope.theme import GUTTER_PX
from daskscope.views.details.copied import COPIED_S
from tests.builders import SECOND
from tests.gui.chain import (
    HASH,
    N_AGGS,
    SUM_KEY,
    TRACE,
    choose,
    click,
    press_row,
    shown,
    spot,
    ticked,
)
from tests.gui.working import NOW

if TYPE_CHECKING:
    import pytest
    from PySide6.QtCore import QUrl
    from pytestqt.qtbot import QtBot

    from daskscope.app.run import Run
    from tests.gui.working import Link


def test_rows_choose_and_bring_into_view(chained: Run, link: Link) -> None:
    choose(chained, SUM_KEY, link)
    chained.session = replace(chained.session, span_ns=SECOND, end_ns=NOW, is_following=False)
    ticked(chained, 2, link)
    press_row(chained, "Dependencies", 1)
    ticked(chained, link=link)

    assert shown(chained).key == f"('read-{HASH}', 1)"
    frame = chained.frame
    assert frame is not None
    ties = chained.choosing.ties(frame, NOW)
    assert ties is not None
    assert ties.chosen is not None
    assert ties.chosen.x1_px > 0
    assert ties.chosen.x0_px < frame.view.width_px


def test_the_rest_of_a_list_is_shown_when_it_is_asked_for(chained: Run, link: Link) -> None:
    choose(chained, SUM_KEY, link)
    section = chained.window.details.listings["Dependents"]
    assert section.n_rows() == 7
    press_row(chained, "Dependents", 6)
    assert section.n_rows() == N_AGGS

    press_row(chained, "Dependents", 20)
    ticked(chained, link=link)
    assert shown(chained).name == "agg"


def test_keys_walk_along_dependencies_and_back(chained: Run, link: Link) -> None:
    stream = chained.window.timeline.stream
    choose(chained, SUM_KEY, link)
    chained.window.activateWindow()
    stream.setFocus()

    def walked(key: Qt.Key) -> str:
        QTest.keyClick(stream, key)
        ticked(chained, link=link)
        return shown(chained).key

    assert walked(Qt.Key.Key_BracketLeft) == f"('read-{HASH}', 1)"
    assert walked(Qt.Key.Key_BracketLeft) == f"('read-{HASH}', 1)"
    assert walked(Qt.Key.Key_BracketRight) == SUM_KEY
    assert walked(Qt.Key.Key_BracketRight) == f"('agg-{HASH}', 0)"
    assert walked(Qt.Key.Key_Comma) == SUM_KEY


def test_enter_zooms_to_it_and_escape_lets_go(chained: Run, link: Link) -> None:
    stream = chained.window.timeline.stream
    choose(chained, SUM_KEY, link)
    chained.session = replace(chained.session, selection_ns=(NOW - SECOND, NOW))
    chained.window.activateWindow()
    stream.setFocus()
    QTest.keyClick(stream, Qt.Key.Key_Return)
    assert chained.session.span_ns == 4 * SECOND
    assert not chained.session.is_following

    QTest.keyClick(stream, Qt.Key.Key_Escape)
    ticked(chained)
    assert chained.session.chosen is None
    assert chained.session.selection_ns is not None
    assert chained.window.details.frame_shown is None
    QTest.keyClick(stream, Qt.Key.Key_Escape)
    assert chained.session.selection_ns is None


def test_a_button_zooms_to_it(chained: Run, link: Link) -> None:
    choose(chained, SUM_KEY, link)
    QTest.mouseClick(chained.window.details.heading.zoom_button, Qt.MouseButton.LeftButton)
    assert chained.session.span_ns == 4 * SECOND


def test_a_click_beside_all_lets_go(chained: Run, link: Link) -> None:
    choose(chained, SUM_KEY, link)
    stream = chained.window.timeline.stream
    point = spot(chained, SUM_KEY)
    click(stream, QPoint(GUTTER_PX + 2, point.y()))
    ticked(chained)
    assert chained.session.chosen is None


def test_a_click_in_the_gutter_keeps_the_choice(chained: Run, link: Link) -> None:
    choose(chained, SUM_KEY, link)
    click(chained.window.timeline.stream, QPoint(60, spot(chained, SUM_KEY).y()))
    assert chained.session.chosen is not None


def test_the_key_is_copied_and_said_to_be(chained: Run, link: Link, qtbot: QtBot) -> None:
    choose(chained, SUM_KEY, link)
    button = chained.window.details.heading.copy_button
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == SUM_KEY
    assert button.accessibleDescription() == "copied"

    QGuiApplication.clipboard().clear()
    chained.window.activateWindow()
    stream = chained.window.timeline.stream
    stream.setFocus()
    QTest.keyClick(stream, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == SUM_KEY

    chained.tick(NOW)
    qtbot.wait(round(COPIED_S * 1000) + 200)  # its timer may be early
    chained.tick(NOW)
    assert button.accessibleDescription() == ""


def test_ids_are_copied_by_a_press(chained: Run, link: Link) -> None:
    choose(chained, SUM_KEY, link)
    facts = chained.window.details.facts
    row = next(i for i, fact in enumerate(shown(chained).facts) if fact.label == "Trace")
    click(facts, QPoint(150, facts.content_top_px + row * 19 + 8))
    assert QGuiApplication.clipboard().text() == TRACE.hex()

    facts.setFocus()
    QTest.keyClick(facts, Qt.Key.Key_Down)
    QTest.keyClick(facts, Qt.Key.Key_Return)
    assert QGuiApplication.clipboard().text() == "0000000000000003"


def test_it_is_opened_in_jaeger(chained: Run, link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def open_url(url: QUrl) -> bool:
        opened.append(url.toString())
        return True

    monkeypatch.setattr(QDesktopServices, "openUrl", open_url)
    choose(chained, SUM_KEY, link)
    QTest.mouseClick(chained.window.details.heading.jaeger_button, Qt.MouseButton.LeftButton)
    chained.window.activateWindow()
    stream = chained.window.timeline.stream
    stream.setFocus()
    QTest.keyClick(stream, Qt.Key.Key_J)
    url = f"http://127.0.0.1:16686/trace/{TRACE.hex()}?uiFind=0000000000000003"
    assert opened == [url, url]


def test_filter_shows_its_prefix_alone(chained: Run, link: Link) -> None:
    choose(chained, SUM_KEY, link)
    QTest.mouseClick(chained.window.details.heading.filter_button, Qt.MouseButton.LeftButton)
    assert chained.session.filter.hidden_prefixes == {"read", "agg", "fit"}


def test_a_step_to_a_failure_shows_its_details(chained: Run, link: Link) -> None:
    chained.ledger.step(is_forward=True)
    ticked(chained, link=link)
    assert chained.window.details.isVisible()
    frame = shown(chained)
    assert (frame.key, frame.pill) == (SUM_KEY, "erred")
    assert frame.failure is not None
    assert frame.failure.type == "ValueError"


def test_a_step_to_a_match_chooses_it(chained: Run, link: Link) -> None:
    chained.finder.search("read", is_regex=False)
    ticked(chained, 4)
    chained.finder.step(is_forward=True)
    ticked(chained, link=link)
    assert shown(chained).name == "read"
