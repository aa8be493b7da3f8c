"""The gutter's picture: at the scale of the screen, and made anew only for other labels."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage, QPainter

from daskscope.theme import COMFORTABLE, DARK, GUTTER_PX, LIGHT, NORMAL, Density, Theme
from daskscope.views.timeline import gutter
from daskscope.views.timeline.gutter import (
    WORKER_TEXT_PX,
    Gutter,
    GutterTarget,
    Headers,
    ground,
)
from tests.gui.frames import BarList, frame, layout

if TYPE_CHECKING:
    from daskscope.derive.lanelayout import LaneLayout


@pytest.mark.usefixtures("qapp")
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.parametrize("ratio", [1.0, 1.25, 1.5, 2.0])
def test_it_is_filled_to_its_end(ratio: float, theme: Theme) -> None:
    height = 399
    image = QImage(300, math.ceil(height * ratio), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    image.fill(QColor(255, 0, 255))
    painter = QPainter(image)
    Gutter().draw(painter, frame(layout(), BarList().bars(), height=height), theme, None)
    painter.end()
    last = {image.pixel(x, image.height() - 1) & 0xFFFFFF for x in range(4, GUTTER_PX // 2)}
    assert last == {ground(theme)}


@pytest.mark.usefixtures("qapp")
def test_it_is_made_anew_only_where_it_says_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    draw_labels = gutter._draw_labels

    def draw(*arguments: object) -> None:
        made.append(arguments)
        draw_labels(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(gutter, "_draw_labels", draw)
    image, drawn = QImage(300, 399, QImage.Format.Format_RGB32), Gutter()
    rows = layout()

    def is_made(other: object, target: GutterTarget | None = None) -> bool:
        n_made, painter = len(made), QPainter(image)
        shown = frame(rows, BarList().bars(), height=399)
        drawn.draw(painter, replace(shown, layout=other), LIGHT, target)  # type: ignore[arg-type]
        painter.end()
        return len(made) > n_made

    assert is_made(rows)
    busier = [replace(rows.rows[0], detail="as busy as can be"), *rows.rows[1:]]
    assert not is_made(replace(rows, rows=busier))  # which a header says, not the gutter
    first, *others = rows.workers
    fuller = replace(first, memory_text="3.0 GiB")
    assert is_made(replace(rows, workers=[fuller, *others]))
    assert not is_made(replace(rows, workers=[replace(fuller), *others]))
    assert is_made(rows)
    more_lanes = np.append(rows.row_of_lane, np.int32(-1))
    assert not is_made(replace(rows, row_of_lane=more_lanes))  # out of sight
    renumbered = [replace(row, thread=row.thread + 1) for row in rows.rows]
    assert is_made(replace(rows, rows=renumbered))
    assert is_made(replace(rows, rows=renumbered, pitch_px=rows.pitch_px + 8))
    assert is_made(rows, GutterTarget(first.key, is_host=False, part="name"))


@pytest.mark.usefixtures("qapp")
def test_a_header_is_made_anew_only_where_it_says_something_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[object] = []
    draw_host = gutter._draw_host

    def draw(*arguments: object, **named: object) -> None:
        made.append(arguments)
        draw_host(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(gutter, "_draw_host", draw)
    image, headers = QImage(300, 399, QImage.Format.Format_RGB32), Headers()
    rows = layout()

    def n_made(other: LaneLayout, target: GutterTarget | None = None) -> int:
        made.clear()
        with QPainter(image) as painter:
            headers.draw(painter, frame(other, BarList().bars(), height=399), LIGHT, target)
        return len(made)

    n_headers = n_made(rows)
    assert n_headers > 1
    more_lanes = np.append(rows.row_of_lane, np.int32(-1))
    assert n_made(replace(rows, row_of_lane=more_lanes)) == 0
    busier = [replace(row, detail="as busy as can be") for row in rows.rows]
    assert n_made(replace(rows, rows=busier)) == n_headers
    assert n_made(rows, GutterTarget(rows.rows[0].host, is_host=True, part="name")) == n_headers


@pytest.mark.usefixtures("qapp")
def test_a_long_name_leaves_room_for_a_warning() -> None:
    def picture(name: str) -> QImage:
        rows = layout()
        first = replace(
            rows.workers[0], name=name, height_px=20, warning="+120 ms", address="", memory_text=""
        )
        image = QImage(GUTTER_PX, 60, QImage.Format.Format_RGB32)
        with QPainter(image) as painter:
            shown = frame(replace(rows, workers=[first]), BarList().bars(), height=60)
            Gutter().draw(painter, shown, LIGHT, None)
        return image.copy(0, first.y_px, GUTTER_PX, 20)

    short, long = picture("w"), picture("a-worker-with-a-long-name")
    left = next(
        x for x in range(60, GUTTER_PX)
        if any(short.pixel(x, y) & 0xFFFFFF != ground(LIGHT) for y in range(20))
    )  # fmt: skip
    assert short.copy(left, 0, GUTTER_PX, 20) == long.copy(left, 0, GUTTER_PX, 20)
    gaps = {long.pixel(x, y) & 0xFFFFFF for x in (left - 1, left - 2) for y in range(20)}
    assert gaps == {ground(LIGHT)}


@pytest.mark.usefixtures("qapp")
@pytest.mark.parametrize("density", [NORMAL, COMFORTABLE], ids=lambda density: density.pitch_px)
def test_a_name_and_the_number_of_its_thread_share_a_baseline(density: Density) -> None:
    rows = layout(((1, 1),), density=density)
    first = replace(rows.workers[0], name="1", address="", memory_text="")
    image = QImage(GUTTER_PX, 80, QImage.Format.Format_RGB32)
    with QPainter(image) as painter:
        shown = frame(replace(rows, workers=[first]), BarList().bars(), height=80)
        Gutter().draw(painter, shown, LIGHT, None)

    def lowest(columns: range) -> int:
        lane = range(first.y_px, first.y_px + first.height_px)
        ink = [y for y in lane for x in columns if QColor(image.pixel(x, y)).lightness() < 160]
        return max(ink)

    assert lowest(range(WORKER_TEXT_PX, 60)) == lowest(range(GUTTER_PX - 22, GUTTER_PX - 10))


@pytest.mark.usefixtures("qapp")
@pytest.mark.parametrize(
    ("address", "is_told"), [("10.0.4.11", True), ("10.100.100.100 etl", False)]
)
def test_beside_a_pin_an_address_is_told_by_half_or_not_at_all(address: str, is_told: bool) -> None:
    rows = layout()

    def picture(caption: str) -> QImage:
        first = replace(rows.rows[0], title="node-0001", caption=caption)
        shown = frame(replace(rows, rows=[first, *rows.rows[1:]]), BarList().bars(), height=60)
        image = QImage(GUTTER_PX, 60, QImage.Format.Format_RGB32)
        image.fill(QColor(ground(LIGHT)))
        with QPainter(image) as painter:
            Headers().draw(painter, shown, LIGHT, GutterTarget(first.host, True, "name"))
        return image

    assert (picture(address) != picture("")) is is_told
