"""Colours and patterns: what a bar, a swatch or a zone is filled with.

A pattern is a low tile used as a texture, its origin fixed to the widget, so that neighbouring
bars of one pattern join. Rising lines (like /) are for states, falling ones for prefixes beyond
the palette and for what was lost with its worker.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from PySide6.QtCore import QLineF, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPen

from daskscope.theme import Theme, mixed

#: A bar of a prefix beyond the palette needs this width for its pattern to be read.
LEAST_PATTERN_PX: Final = 8
RUNNING_SHARE: Final = 0.30
#: More of its colour, and labels on it would be hard to read in the dark theme.
LOST_SHARE: Final = 0.38
#: Of what was cancelled or rescheduled.
DROPPED_SHARE: Final = 0.20
#: Pitches that lie side by side in a tile: Qt fills line by line, a tile's width at a time.
_REPEATS: Final = 32
#: So many lines of the screen Qt fills itself, and more by several threads.
_BAND_PX: Final = 64


@lru_cache(maxsize=4_096)
def colour(rgb: int, alpha: float = 1.0) -> QColor:
    """QColor of 0xRRGGBB."""
    result = QColor.fromRgb(rgb)
    result.setAlphaF(alpha)
    return result


@lru_cache(maxsize=4_096)
def solid(rgb: int) -> QBrush:
    """Brush of one colour."""
    return QBrush(colour(rgb))


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of a pattern at 45 degrees.

    Attributes
    ----------
    pitch_px
        From line to line along x; also the height of the tile.
    is_rising, is_falling
        Which way they go; both make a lattice.
    """

    rgb: int
    pitch_px: int
    width_px: float = 1.0
    alpha: float = 1.0
    is_rising: bool = True
    is_falling: bool = False


class _Screen:
    """The screen that patterns are made for: pixels of it to one of ours."""

    ratio = 1.0


def use_ratio(ratio: float) -> None:
    """Make patterns from now on for a screen of so many pixels to one of ours.

    A pattern made for another one is drawn from scaled pixels: coarse, and at half the speed.
    """
    if ratio != _Screen.ratio:
        _Screen.ratio = ratio
        for brushes in (
            hatch,
            slot_brush,
            running_brush,
            lost_brush,
            gone_brush,
            not_yet_brush,
            evicted_brush,
        ):
            brushes.cache_clear()


@lru_cache(maxsize=1_024)
def hatch(ground: int | None, lines: Lines) -> QBrush:
    """Brush of `lines` over the colour `ground`, or over nothing."""
    size, ratio = lines.pitch_px, _Screen.ratio
    # A tile is of whole pixels of the screen, else its neighbours would not join.
    screen_px = max(round(size * ratio), 1)
    tile = QImage(screen_px, screen_px, QImage.Format.Format_ARGB32_Premultiplied)
    tile.fill(Qt.GlobalColor.transparent if ground is None else colour(ground))
    with QPainter(tile) as painter:
        painter.scale(screen_px / size, screen_px / size)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colour(lines.rgb, lines.alpha), lines.width_px))
        for shift in (-size, 0, size):  # the neighbours' lines reach into the corners
            if lines.is_rising:
                painter.drawLine(QLineF(shift - size, 2 * size, shift + 2 * size, -size))
            if lines.is_falling:
                painter.drawLine(QLineF(shift - size, -size, shift + 2 * size, 2 * size))
    row = QImage(screen_px * _REPEATS, screen_px, tile.format())
    with QPainter(row) as painter:
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.fillRect(row.rect(), QBrush(tile))
    row.setDevicePixelRatio(ratio)
    return QBrush(row)


def slot_colour(theme: Theme, slot: int) -> int:
    """Colour of a palette slot; slots beyond the palette use it again, -1 is not Dask's."""
    if slot < 0:
        return theme.t3
    return theme.prefix[slot % len(theme.prefix)]


def slot_ink(theme: Theme, slot: int) -> int:
    """Colour of a label on a palette slot."""
    if slot < 0:
        return theme.errtext if theme.is_dark else theme.lane
    return theme.prefix_label[slot % len(theme.prefix)]


@lru_cache(maxsize=4_096)
def slot_brush(theme: Theme, slot: int, width_px: float, opacity: float = 1.0) -> QBrush:
    """Fill of a bar or swatch of `slot`.

    Slots beyond the palette are told apart by a pattern where `width_px` lets it be read, else by a
    darker (in the dark theme lighter) colour. `opacity` is below 1 for what is switched off.
    """
    ground = slot_colour(theme, slot)
    turn = slot // len(theme.prefix)
    if turn > 0 and width_px < LEAST_PATTERN_PX:
        ground = mixed(theme.t1, ground, 0.28)
    ground = mixed(ground, theme.lane, opacity)
    if turn <= 0 or width_px < LEAST_PATTERN_PX:
        return solid(ground)
    ink = Lines(slot_ink(theme, slot), 8, alpha=0.35 * opacity, is_rising=turn > 1, is_falling=True)
    return hatch(ground, ink)


@lru_cache(maxsize=256)
def running_brush(theme: Theme, rgb: int) -> QBrush:
    """What is running: lines of its colour on a third of it."""
    return hatch(mixed(rgb, theme.lane, RUNNING_SHARE), Lines(rgb, 6, 1.5, 0.5))


@lru_cache(maxsize=256)
def lost_brush(theme: Theme, rgb: int, opacity: float = 1.0) -> QBrush:
    """What was lost with its worker: falling lines over less than half of its colour."""
    lines = Lines(theme.erred, 6, alpha=0.55 * opacity, is_rising=False, is_falling=True)
    return hatch(mixed(rgb, theme.lane, LOST_SHARE), lines)


def no_worker_brush(theme: Theme) -> QBrush:
    """Tasks that no worker may run."""
    return hatch(theme.lane, Lines(theme.transfer, 5))


@lru_cache(maxsize=8)
def gone_brush(theme: Theme) -> QBrush:
    """Where a worker is gone."""
    return hatch(theme.lane2, Lines(theme.wait, 8, alpha=0.5))


@lru_cache(maxsize=8)
def not_yet_brush(theme: Theme) -> QBrush:
    """Right of now, where nothing can have been received."""
    return hatch(theme.lane2, Lines(theme.wait, 6, alpha=0.5))


def fill_zone(painter: QPainter, box: tuple[int, int, int, int], brush: QBrush) -> None:
    """Fill what may be high with a pattern: left, top, width and height.

    Qt shares out a pattern that is high among threads, and the frame would wait for all of them.
    """
    left, top, width, height = box
    band_px = max(int(_BAND_PX / painter.device().devicePixelRatio()), 1)
    for y in range(top, top + height, band_px):
        painter.fillRect(left, y, width, min(band_px, top + height - y), brush)


@lru_cache(maxsize=8)
def evicted_brush(theme: Theme) -> QBrush:
    """Where spans were evicted; nothing but lines, for some are still there."""
    return hatch(None, Lines(theme.wait, 8, alpha=0.5))


def spilled_brush(theme: Theme) -> QBrush:
    """Memory that was spilled to disk."""
    return hatch(theme.wait2, Lines(theme.spill, 4))


@lru_cache(maxsize=4_096)
def needs_edge(theme: Theme, rgb: int) -> bool:
    """Whether a fill is so near the light lane that its bars need a darker edge."""
    return not theme.is_dark and _luminance(rgb) > 0.40


def edge_colour(theme: Theme, rgb: int) -> int:
    """The darker edge of such a fill."""
    return mixed(theme.t1, rgb, 0.30)


def _luminance(rgb: int) -> float:
    """Relative luminance, 0..1 (WCAG 2.2)."""
    shares = (((rgb >> shift) & 255) / 255 for shift in (16, 8, 0))
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
