from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QToolButton

from daskscope.derive.panels import PastSession, WelcomeFrame
from daskscope.derive.welcome import WAITING, recipes
from daskscope.paint.font import Role, text_width
from daskscope.theme import DARK, LIGHT, WINDOW_LEAST_PX, Theme
from daskscope.views.welcome import WelcomeView
from daskscope.views.welcome.dataway import DataWay
from daskscope.views.welcome.recipe import CodeBlock, CopyButton

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

LEFT = Qt.MouseButton.LeftButton
FRAME = WelcomeFrame(
    title=WAITING,
    sentence="Start your cluster in any of these ways and this window fills by itself.",
    counters=(("Requests received", "3", "last 800 ms ago"), ("Rejected", "0", "")),
    recipes=recipes(("127.0.0.1:4328",)),
    recordings=(
        PastSession("/data/a.dscope", "a.dscope", "Today 06:14", False),
        PastSession("/data/b.dscope", "<b>", "Yesterday", True),
    ),
    address="127.0.0.1:4328",
)


def shown(
    qtbot: QtBot, frame: WelcomeFrame = FRAME, size: tuple[int, int] = (1280, 650)
) -> WelcomeView:
    view = WelcomeView()
    qtbot.addWidget(view)
    view.resize(*size)
    view.show()
    view.show_frame(frame)
    return view


def code_of(block: CodeBlock) -> str:
    label = block.findChild(QLabel)
    assert isinstance(label, QLabel)
    return label.accessibleName()


def visible_blocks(view: WelcomeView) -> list[CodeBlock]:
    return [block for block in view.findChildren(CodeBlock) if block.isVisible()]


def test_each_tab_shows_its_lines(qtbot: QtBot) -> None:
    view = shown(qtbot)
    for index, recipe in enumerate(FRAME.recipes):
        view.tabs.setCurrentIndex(index)
        codes = [code_of(block) for block in visible_blocks(view)]
        assert codes == [code for _, code in recipe.blocks]


def test_copy_takes_the_lines_and_says_so(qtbot: QtBot) -> None:
    view = shown(qtbot)
    copy = visible_blocks(view)[0].findChild(CopyButton)
    assert isinstance(copy, CopyButton)
    QTest.mouseClick(copy, LEFT)
    assert QGuiApplication.clipboard().text() == FRAME.recipes[0].blocks[0][1]
    assert copy.text() == "Copied"


def test_a_new_address_changes_the_lines_and_keeps_the_tab(qtbot: QtBot) -> None:
    view = shown(qtbot)
    view.tabs.setCurrentIndex(1)
    view.show_frame(replace(FRAME, recipes=recipes(("127.0.0.1:9999",))))
    assert view.tabs.currentIndex() == 1
    assert "127.0.0.1:9999" in code_of(visible_blocks(view)[0])


def test_new_counts_leave_the_lines_as_they_are(qtbot: QtBot) -> None:
    view = shown(qtbot)
    before = visible_blocks(view)
    view.show_frame(replace(FRAME, counters=(("Requests received", "4", ""),)))
    assert visible_blocks(view) == before


def test_the_way_follows_the_chosen_recipe(qtbot: QtBot) -> None:
    view = shown(qtbot)
    way = view.findChild(DataWay)
    assert isinstance(way, DataWay)
    assert way.accessibleDescription() == "From the cluster to 127.0.0.1:4328"
    view.tabs.setCurrentIndex(2)
    assert "through the Collector" in way.accessibleDescription()


def test_recordings_open_and_lost_sessions_are_offered_first(qtbot: QtBot) -> None:
    view = shown(qtbot)
    shelf = view.shelf
    first = QPoint(60, shelf.heading_px + 20)
    with qtbot.waitSignal(view.recover_requested) as recovered:
        QTest.mouseClick(shelf.viewport(), LEFT, pos=first)
    with qtbot.waitSignal(view.open_requested) as opened:
        QTest.mouseClick(shelf.viewport(), LEFT, pos=first + QPoint(0, shelf.row_px))
    assert (recovered.args, opened.args) == (["/data/b.dscope"], ["/data/a.dscope"])


@pytest.mark.parametrize(
    ("text", "signal"), [("Open recording", "choose_requested"), ("Run the demo", "demo_requested")]
)
def test_buttons_ask(qtbot: QtBot, text: str, signal: str) -> None:
    view = shown(qtbot)
    button = next(b for b in view.findChildren(QToolButton) if b.text() == text)
    with qtbot.waitSignal(getattr(view, signal)):
        QTest.mouseClick(button, LEFT)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.parametrize("size", [(1024, 570), (1280, 650), (2560, 1370)])
def test_it_fits_its_width(qtbot: QtBot, theme: Theme, size: tuple[int, int]) -> None:
    view = shown(qtbot, size=size)
    view.set_theme(theme)
    for index in range(view.tabs.count()):
        view.tabs.setCurrentIndex(index)
        assert not view.grab().isNull()
        edges = [b.mapTo(view, QPoint(b.width(), 0)).x() for b in visible_blocks(view)]
        assert max(edges) < view.shelf.x()


def test_at_the_least_width_the_first_sentence_is_whole(qtbot: QtBot) -> None:
    view = shown(qtbot, size=WINDOW_LEAST_PX)
    (sentence,) = (one for one in view.findChildren(QLabel) if one.text().startswith("Start your"))
    assert text_width(Role.BODY, sentence.text()) <= sentence.width()


def test_a_window_that_receives_nothing_offers_no_lines_to_paste(qtbot: QtBot) -> None:
    view = shown(qtbot, replace(FRAME, title="No task in a.dscope", sentence="", recipes=()))
    assert view.accessibleName() == "No task in a.dscope"
    assert not visible_blocks(view)
    demo = next(b for b in view.findChildren(QToolButton) if b.text() == "Run the demo")
    assert not demo.isVisible()
    assert not view.tabs.isVisible()
    assert not view.grab().isNull()


def test_nothing_known_yet_can_be_drawn(qtbot: QtBot) -> None:
    assert not shown(qtbot, WelcomeFrame("", "", (), (), ())).grab().isNull()
