"""Parts of the details panel in the room that they get."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from daskscope.derive.details.frame import Failure, Listing, Related, Rows
from daskscope.derive.frames import BarState
from daskscope.paint.font import Role, text_width
from daskscope.store.schema import Kind
from daskscope.theme import LIGHT, RIGHT_DOCK_LEAST_PX, RIGHT_DOCK_PX
from daskscope.views.details.failure import FailureSection
from daskscope.views.details.heading import Heading
from daskscope.views.details.listing import ListingSection
from daskscope.views.details.panel import DetailsView
from tests.gui.chain import SUM_KEY, choose, press_row, shown, ticked
from tests.gui.drawing import texts_drawn

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from daskscope.app.run import Run
    from tests.gui.working import Link

#: Of a button's width: its icon with a gap, and what is around both.
ICON_PX = 20
ROOM_PX = 6


@pytest.mark.parametrize("n_lines", [2, 7, 10])
def test_a_short_error_needs_no_scroll_bar(qtbot: QtBot, n_lines: int) -> None:
    section = FailureSection()
    qtbot.addWidget(section)
    section.set_theme(LIGHT)
    section.resize(RIGHT_DOCK_LEAST_PX, 400)
    section.show_failure(Failure("ValueError", "\n".join(["no"] * n_lines), ""))
    section.resize(RIGHT_DOCK_LEAST_PX, section.sizeHint().height())
    section.show()
    QApplication.processEvents()
    assert section.text.verticalScrollBar().maximum() == 0


@pytest.mark.parametrize("width", [RIGHT_DOCK_LEAST_PX, RIGHT_DOCK_PX])
def test_what_can_be_done_is_said_in_whole_words(qtbot: QtBot, width: int) -> None:
    heading = Heading()
    qtbot.addWidget(heading)
    heading.set_theme(LIGHT)
    heading.resize(width, heading.sizeHint().height())
    heading.show()
    QApplication.processEvents()
    for button in (heading.jaeger_button, heading.zoom_button, heading.filter_button):
        has_icon = button.toolButtonStyle() is Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        assert has_icon == (width == RIGHT_DOCK_PX)
        text_px = text_width(Role.BODY, button.text())
        assert text_px + ICON_PX * has_icon + ROOM_PX <= button.width()


def test_workers_of_a_list_keep_both_ends_of_long_names(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = texts_drawn(monkeypatch, "daskscope.views.details.listing")
    section = ListingSection()
    qtbot.addWidget(section)
    section.set_theme(LIGHT)
    section.resize(RIGHT_DOCK_LEAST_PX, 200)
    names = ("worker-00049", "worker-in-the-cellar-of-a-house-00051")
    rows = Rows(
        len(names),
        lambda n: Related(
            None, 0, Kind.COMPUTE, BarState.FINISHED, "fit, 1", (names[n], "1 s", "1 B")
        ),
    )
    section.show_listing(Listing("Dependencies", "2", rows), is_other=True)
    section.grab()

    assert names[0] in drawn
    assert any(text.startswith("worker") and text.endswith("51") and "…" in text for text in drawn)


def test_what_has_no_key_has_no_room_for_one(chained: Run, link: Link) -> None:
    heading = chained.window.details.heading
    choose(chained, SUM_KEY, link)
    high_px, top_px = heading.sizeHint().height(), heading.zoom_button.y()
    press_row(chained, "Transfers it waited for", 0)
    ticked(chained, link=link)

    assert shown(chained).name == "transfer"
    assert high_px - heading.sizeHint().height() == top_px - heading.zoom_button.y() > 20


def test_a_panel_with_nothing_in_it_has_no_scroll_bar(qtbot: QtBot) -> None:
    panel = DetailsView()
    qtbot.addWidget(panel)
    panel.resize(RIGHT_DOCK_LEAST_PX, 300)
    panel.show()
    panel.show_frame(None)
    QApplication.processEvents()
    assert not panel.verticalScrollBar().isVisible()
