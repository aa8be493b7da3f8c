"""What becomes of a window in which something cannot be painted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daskscope.paint.brush import slot_colour
from daskscope.theme import LIGHT
from daskscope.views.timeline import stream
from tests.gui import frames
from tests.gui.streams import FIRST_LANE, colour_at, lane_top, picture, shown, some_bars

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


def fail(*_: object) -> None:
    raise ValueError("no")


def test_what_cannot_be_painted_once_is_painted_the_next_time(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = some_bars()
    view = shown(qtbot, drawn)
    qtbot.wait_until(lambda: view.windowHandle().isExposed())
    monkeypatch.setattr(stream, "draw_evicted", fail)
    with pytest.raises(ValueError, match="no") as error:
        view.repaint()
    monkeypatch.undo()
    # The traceback holds what the painting function had: with a painter that is not ended, Qt
    # paints no more, and ends the process when the window changes its size.
    assert error.tb
    view.resize(view.width(), view.height() + 50)
    view.repaint()
    view.resize(view.width(), view.height() - 50)
    image, top = picture(view), lane_top(drawn, FIRST_LANE)
    assert colour_at(image, 102, top + 5) == slot_colour(LIGHT, frames.READ - 1)
