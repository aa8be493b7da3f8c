"""Drawing one line of plain text, from a cache of laid out texts.

A laid out text is drawn in half the time of a new one; markup in a text is drawn as it stands.
"""

from __future__ import annotations

import math
from enum import Enum
from functools import cache, lru_cache
from typing import Final, TypeAlias

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QStaticText, QTransform

from daskscope.paint.brush import colour
from daskscope.paint.font import Role, elided, font, metrics, one_line, text_width

#: Left, top, width, height in device-independent pixels.
Box: TypeAlias = tuple[float, float, float, float]

_MARGIN_PX: Final = 1


class Align(Enum):
    """Where a text stands in its box; it is always centred vertically."""

    LEFT = 0.0
    CENTRE = 0.5
    RIGHT = 1.0


@lru_cache(maxsize=20_000)
def _laid_out(role: Role, text: str) -> QStaticText:
    static = QStaticText(one_line(text))
    static.setTextFormat(Qt.TextFormat.PlainText)
    static.prepare(QTransform(), font(role))
    return static


@lru_cache(maxsize=2_000)
def _pictured(role: Role, text: str, rgb: int, ratio: float) -> QImage:
    """Picture of a text, with a margin for what reaches out of its width."""
    width = text_width(role, text) + 2 * _MARGIN_PX
    size = QSize(math.ceil(width * ratio), math.ceil((metrics(role).height() + 1) * ratio))
    image = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    image.fill(Qt.GlobalColor.transparent)
    with QPainter(image) as painter:
        painter.setFont(font(role))
        painter.setPen(colour(rgb))
        ascent, _ = _extents_px(role)
        painter.drawStaticText(
            QPointF(_MARGIN_PX, math.ceil(ascent) - ascent), _laid_out(role, text)
        )
    return image


@cache
def _extents_px(role: Role) -> tuple[float, float]:
    return metrics(role).ascent(), metrics(role).descent()


def _placed(box: Box, text: str, role: Role, align: Align) -> tuple[str, float, float, int]:
    """What is shown of a text, its width, its left edge and its baseline.

    The baseline is a whole pixel, so that all texts of a row share one.
    """
    left, top, width, height = box
    shown, shown_px = text, text_width(role, text)
    if shown_px > width:
        shown = elided(role, text, int(width))
        shown_px = text_width(role, shown) if shown else 0.0
    ascent, descent = _extents_px(role)
    baseline = round(top + (height + ascent - descent) / 2)
    return shown, shown_px, left + (width - shown_px) * align.value, baseline


def draw_text(
    painter: QPainter,
    box: Box,
    text: str,
    role: Role,
    rgb: int,
    align: Align = Align.LEFT,
) -> float:
    """Draw `text` in `box`, elided on the right if it does not fit.

    Returns
    -------
    float
        Pixels that the drawn text takes.
    """
    shown, shown_px, x, baseline = _placed(box, text, role, align)
    if shown:
        painter.setFont(font(role))
        painter.setPen(colour(rgb))
        top = baseline - _extents_px(role)[0]
        painter.drawStaticText(QPointF(x, top), _laid_out(role, shown))
    return shown_px


def draw_label(
    painter: QPainter,
    box: Box,
    text: str,
    role: Role,
    rgb: int,
    align: Align = Align.LEFT,
) -> float:
    """Draw `text` in `box` as `draw_text` does, but from a cache of pictures.

    For texts that come again in every frame by the hundred: 0.5 us each instead of 5. They stand on
    whole pixels.

    Returns
    -------
    float
        Pixels that the drawn text takes.
    """
    shown, shown_px, x, baseline = _placed(box, text, role, align)
    if shown:
        top = baseline - math.ceil(_extents_px(role)[0])
        ratio = painter.device().devicePixelRatio()
        painter.drawImage(round(x) - _MARGIN_PX, top, _pictured(role, shown, rgb, ratio))
    return shown_px
