"""Names of workers that begin alike can be told apart wherever they are cut."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtGui import QImage, QPainter

from daskscope.derive.records import RecordRow, RecordsFrame
from daskscope.derive.statistics.frame import Fact, WorkerShare
from daskscope.theme import LIGHT
from daskscope.views.records.table import ERROR_COLUMNS, RecordsTable
from daskscope.views.statistics.workers import WIDTH_PX, FactsView, SharesView
from daskscope.views.timeline.gutter import Gutter
from tests.builders import T0
from tests.gui.drawing import texts_drawn
from tests.gui.frames import BarList, frame, layout

if TYPE_CHECKING:
    import pytest
    from pytestqt.qtbot import QtBot

NAMES = tuple(f"worker-in-the-cellar-of-a-house-0005{n}" for n in range(2))


def told(drawn: list[str]) -> list[str]:
    """Last letters of the names that were cut."""
    return [text[-2:] for text in drawn if text.startswith("work") and "…" in text]


def test_in_the_gutter(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = texts_drawn(monkeypatch, "daskscope.views.timeline.gutter", "draw_label")
    lanes = layout()
    named = zip(lanes.workers[:2], NAMES, strict=True)
    lanes = replace(lanes, workers=[replace(worker, name=name) for worker, name in named])
    image = QImage(300, 480, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    Gutter().draw(painter, frame(lanes, BarList().bars()), LIGHT, None)
    painter.end()
    assert told(drawn) == ["50", "51"]


def test_beside_busy_shares(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = texts_drawn(monkeypatch, "daskscope.views.statistics.workers")
    view = SharesView()
    qtbot.addWidget(view)
    view.resize(WIDTH_PX, 200)
    view.show_shares(tuple(WorkerShare(name, name, 2, 0.5, 0.0, 0.0, 0.0) for name in NAMES))
    view.grab()
    assert told(drawn) == ["50", "51"]


def test_of_the_busiest_way(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = texts_drawn(monkeypatch, "daskscope.views.statistics.workers")
    view = FactsView()
    qtbot.addWidget(view)
    view.resize(WIDTH_PX, 60)
    view.show_facts((Fact(f"Busiest, {NAMES[0]} to {NAMES[1]}", "81.0 MiB"),))
    view.grab()
    (label,) = (text for text in drawn if text.startswith("Busiest"))
    assert label.endswith("51")


def test_in_the_table_of_errors(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = texts_drawn(monkeypatch, "daskscope.views.records.table")
    view = RecordsTable("Errors", ERROR_COLUMNS)
    qtbot.addWidget(view)
    view.resize(900, 200)
    rows = tuple(
        RecordRow(("0:01", "a\nb", "key\n1", name, "ValueError: no\nat line 1"), T0)
        for name in NAMES
    )
    view.show_frame(RecordsFrame(rows, (), ""))
    view.grab()
    assert told(drawn) == ["50", "51"]
    # A name goes on where it has a new line; an error is told by its first.
    assert [drawn.count(text) for text in ("a b", "key 1", "ValueError: no")] == [2, 2, 2]
