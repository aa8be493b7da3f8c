"""Fonts, texts, brushes and icons that views are painted with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import qtawesome
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QFont, QIcon, QImage, QPainter, QTextDocument
from PySide6.QtWidgets import QLabel

from daskscope.derive.isolation import isolated
from daskscope.paint.brush import (
    Lines,
    colour,
    edge_colour,
    evicted_brush,
    fill_zone,
    gone_brush,
    hatch,
    needs_edge,
    no_worker_brush,
    not_yet_brush,
    running_brush,
    slot_brush,
    slot_colour,
    spilled_brush,
    use_ratio,
)
from daskscope.paint.control import plain_tip
from daskscope.paint.font import Role, elided, font, one_line, text_width, wrapped
from daskscope.paint.icon import draw_event_mark, icon
from daskscope.paint.text import Align, draw_label, draw_text
from daskscope.theme import DARK, LIGHT, Theme

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.usefixtures("qapp")
THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)


def canvas(theme: Theme, width: int = 300, height: int = 40) -> QImage:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor.fromRgb(theme.lane))
    return image


def inked_columns(image: QImage, theme: Theme) -> list[int]:
    return [
        x
        for x in range(image.width())
        if any(image.pixel(x, y) & 0xFFFFFF != theme.lane for y in range(image.height()))
    ]


@pytest.mark.parametrize("role", Role)
def test_digits_of_every_role_are_equally_wide(role: Role) -> None:
    assert text_width(role, "1111") == pytest.approx(text_width(role, "8888"))


def test_fonts_are_not_hinted_and_have_the_weight_of_their_role() -> None:
    assert font(Role.TITLE).weight() == QFont.Weight.DemiBold
    assert font(Role.BODY).hintingPreference() == QFont.HintingPreference.PreferNoHinting


def test_a_text_of_several_lines_is_drawn_on_one() -> None:
    assert one_line("a\nb\tc\u2028d\x00e") == "a b c d e"


def test_thin_spaces_of_numbers_are_kept() -> None:
    assert one_line("2\u2009640") == "2\u2009640"


@pytest.mark.parametrize("role", Role)
def test_isolates_take_no_room_and_keep_the_order(role: Role) -> None:
    name = "שלום"
    assert isolated(name) != name
    text, width = f"{isolated(name)} removed", text_width(role, name)
    assert text_width(role, text) == text_width(role, f"{name} removed")

    def ink(shown: str) -> list[int]:
        """What stands where the name is to be: at the left."""
        image = QImage(200, 40, QImage.Format.Format_RGB32)
        image.fill(0xFFFFFF)
        painter = QPainter(image)
        draw_text(painter, (4, 0, 190, 40), shown, role, 0)
        painter.end()
        return [image.pixel(x, y) for x in range(4, int(4 + width)) for y in range(40)]

    assert ink(text) == ink(name)
    assert ink(f"{name} removed") != ink(name)  # as it would be without


def test_a_text_of_ten_thousand_characters_keeps_both_ends() -> None:
    line = one_line("start-" + 10_000 * "x" + "-end")
    assert len(line) < 1_100
    assert line.startswith("start-")
    assert line.endswith("-end")


@pytest.mark.parametrize(
    "text",
    [
        "worker-00021  10.100.100.102:40006",
        "sklearn.linear_model.LogisticRegressionCV",
        "dask_otel.WorkerLost: connection to the worker was lost while it ran",
        "\U0001f600 " * 20,
        300 * "x",
    ],
)
def test_wrapped_text_fits_and_is_whole_or_tells_that_it_was_cut(text: str) -> None:
    lines = wrapped(Role.VALUE, text, 180, 3)

    assert 1 < len(lines) <= 3
    assert all(0 < text_width(Role.VALUE, line) <= 180 for line in lines)
    told = "".join(lines).replace(" ", "")
    assert told == text.replace(" ", "") or told.endswith("…")
    assert told.removesuffix("…") in text.replace(" ", "")
    assert told.endswith("…") is (len(text) > 100)
    assert wrapped(Role.VALUE, "inc", 180, 3) == ("inc",)


def test_elided_text_fits_and_tells_that_it_was_cut() -> None:
    cut = elided(Role.LABEL, "shuffle-transfer", 60)
    assert text_width(Role.LABEL, cut) <= 60
    assert cut.endswith("…")
    assert elided(Role.LABEL, "inc", 60) == "inc"


def test_where_no_ellipsis_fits_nothing_is_drawn() -> None:
    assert elided(Role.LABEL, "shuffle-transfer", 3) == ""


def test_a_key_is_cut_in_its_middle() -> None:
    key = "('read-parquet-f3d3e0a4c9c2b5d8265177780929a6', 19)"
    cut = elided(Role.TOOLTIP_KEY, key, 180, Qt.TextElideMode.ElideMiddle)
    assert cut.startswith("('read")
    assert cut.endswith("19)")


def test_markup_is_as_wide_as_it_is_written() -> None:
    assert text_width(Role.BODY, "<b>x</b>") > text_width(Role.BODY, "x") * 3


def test_a_tip_is_no_wider_than_the_screen_and_says_all() -> None:
    text = f"<b>{'w' * 400}</b> x\n  y"
    label = QLabel(plain_tip(text))
    label.setWordWrap(True)
    assert label.sizeHint().width() < 1_000
    document = QTextDocument()
    document.setHtml(plain_tip(text))
    assert document.toPlainText().replace("\u200b", "") == text


@THEMES
def test_text_stays_in_its_box(theme: Theme) -> None:
    image = canvas(theme)
    painter = QPainter(image)
    width = draw_text(painter, (100, 0, 80, 40), 30 * "wide ", Role.BODY, theme.t1)
    painter.end()
    inked = inked_columns(image, theme)
    assert 0 < width <= 80
    assert min(inked) >= 99
    assert max(inked) <= 180


@THEMES
def test_text_is_aligned_to_the_right_edge(theme: Theme) -> None:
    image = canvas(theme)
    painter = QPainter(image)
    draw_text(painter, (0, 0, 200, 40), "3.5", Role.BODY, theme.t1, Align.RIGHT)
    painter.end()
    assert 196 <= max(inked_columns(image, theme)) <= 200


@THEMES
def test_a_label_is_drawn_where_a_text_would_be(theme: Theme) -> None:
    texts, labels = canvas(theme), canvas(theme)
    for image, draw in ((texts, draw_text), (labels, draw_label)):
        painter = QPainter(image)
        draw(painter, (20, 5, 200, 15), "read-parquet", Role.LABEL, theme.t1)
        painter.end()
    columns_of_text, columns_of_label = inked_columns(texts, theme), inked_columns(labels, theme)
    assert abs(columns_of_text[0] - columns_of_label[0]) <= 1
    assert abs(columns_of_text[-1] - columns_of_label[-1]) <= 1


@THEMES
@pytest.mark.parametrize(
    "brush", [running_brush, no_worker_brush, gone_brush, not_yet_brush, spilled_brush]
)
def test_patterns_have_lines_and_gaps(theme: Theme, brush: object) -> None:
    made = brush(theme, theme.prefix[0]) if brush is running_brush else brush(theme)  # type: ignore[operator]
    tile = made.textureImage()
    colours = {tile.pixel(x, y) for x in range(tile.width()) for y in range(tile.height())}
    assert len(colours) > 1


@pytest.mark.parametrize("ratio", [1.0, 1.25, 1.5, 2.0])
def test_a_high_zone_is_filled_without_a_seam(ratio: float) -> None:
    box = 3, 5, 100, 333
    banded, whole = (QImage(300, 800, QImage.Format.Format_RGB32) for _ in range(2))
    use_ratio(ratio)
    for image in (banded, whole):
        image.setDevicePixelRatio(ratio)
        image.fill(QColor.fromRgb(DARK.lane))
        painter = QPainter(image)
        if image is banded:
            fill_zone(painter, box, evicted_brush(DARK))
        else:
            painter.fillRect(*box, evicted_brush(DARK))
        painter.end()
    use_ratio(1)
    assert banded == whole


@THEMES
def test_lines_of_states_rise_and_lines_of_prefixes_fall(theme: Theme) -> None:
    rising = running_brush(theme, theme.prefix[0]).textureImage()
    falling = slot_brush(theme, 20, 50).textureImage()
    last = rising.height() - 1
    assert rising.pixel(last, 0) == rising.pixel(0, last)
    assert rising.pixel(0, 0) != rising.pixel(last, 0)
    assert falling.pixel(0, 0) == falling.pixel(3, 3)
    assert falling.pixel(0, 0) != falling.pixel(4, 0)


@THEMES
def test_slots_beyond_the_palette_are_told_apart(theme: Theme) -> None:
    wide = [slot_brush(theme, slot, 50).textureImage() for slot in (3, 23, 43)]
    assert wide[0].isNull()
    assert wide[1] != wide[2]
    narrow = [slot_brush(theme, slot, 5).color().rgb() for slot in (3, 23)]
    assert narrow[0] != narrow[1]


@THEMES
def test_what_is_not_dasks_has_no_colour_of_the_palette(theme: Theme) -> None:
    assert slot_colour(theme, -1) not in theme.prefix


def test_only_light_fills_on_white_need_an_edge() -> None:
    edged = [slot for slot, rgb in enumerate(LIGHT.prefix, 1) if needs_edge(LIGHT, rgb)]
    assert edged == [2, 8, 14, 16, 18, 20]
    assert not any(needs_edge(DARK, rgb) for rgb in DARK.prefix)
    assert edge_colour(LIGHT, LIGHT.prefix[1]) < LIGHT.prefix[1]


@THEMES
@pytest.mark.parametrize("sign", ["graph", "added", "removed", "erred", "other"])
def test_each_event_has_a_mark_of_nine_pixels(theme: Theme, sign: str) -> None:
    image = canvas(theme, 40, 20)
    painter = QPainter(image)
    draw_event_mark(painter, sign, 20, 10, theme)
    painter.end()
    inked = inked_columns(image, theme)
    assert inked
    assert min(inked) >= 15
    assert max(inked) <= 29


def test_icons_come_in_the_colour_that_was_asked_for() -> None:
    image = icon("play-fill", LIGHT.accent).pixmap(16, 16).toImage()
    colours = {image.pixelColor(x, y).rgb() & 0xFFFFFF for x in range(16) for y in range(16)}
    assert LIGHT.accent in colours


@pytest.mark.parametrize("name", ["play-fill", "funnel-simple", "magnifying-glass"])
@pytest.mark.parametrize(("size_px", "ratio"), [(16, 1.0), (16, 1.5), (20, 2.0)])
@pytest.mark.parametrize("mode", [QIcon.Mode.Normal, QIcon.Mode.Disabled, QIcon.Mode.Active])
def test_icons_are_those_of_qtawesome(
    name: str, size_px: int, ratio: float, mode: QIcon.Mode
) -> None:
    theirs: QIcon = qtawesome.icon(
        f"ph.{name}", color=colour(LIGHT.accent), color_disabled=colour(LIGHT.t3)
    )
    pictures = [
        one.pixmap(QSize(size_px, size_px), ratio, mode).toImage()
        for one in (icon(name, LIGHT.accent, LIGHT.t3), theirs)
    ]
    assert pictures[0] == pictures[1]
    assert not pictures[0].allGray()


@pytest.fixture
def screen_ratio() -> Iterator[Callable[[float], None]]:
    yield use_ratio
    use_ratio(1.0)


@pytest.mark.parametrize("ratio", [1.0, 1.25, 1.5, 2.0, 3.0])
def test_patterns_are_made_of_pixels_of_the_screen(
    screen_ratio: Callable[[float], None], ratio: float
) -> None:
    screen_ratio(ratio)
    brush = hatch(0xFFFFFF, Lines(0, 6))
    image = QImage(round(60 * ratio), round(60 * ratio), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    painter = QPainter(image)
    painter.fillRect(0, 0, 60, 60, brush)
    painter.end()
    pitch_px = brush.textureImage().height()
    assert pitch_px == round(6 * ratio)
    for x in range(image.width() - pitch_px):  # pixel by pixel as in the tile, no scaling
        assert image.pixel(x, 7) == image.pixel(x + pitch_px, 7)
        assert image.pixel(x, 7) == brush.textureImage().pixel(x, 7 % pitch_px)
