"""Fonts by role, and the widths of texts in them.

A role is what a text is for; its size and weight stand in the design tokens. Every font draws
tabular figures, so that a number that changes does not move.
"""

from __future__ import annotations

import itertools
from enum import Enum
from functools import cache, lru_cache
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QFont,
    QFontDatabase,
    QFontMetricsF,
    QGuiApplication,
    QTextLayout,
    QTextOption,
)

from daskscope.theme import MONO_FAMILIES, UI_FAMILIES

_ELLIPSIS: Final = "…"
#: No line of the window is longer; what lies beyond is elided before it is measured.
_LONGEST_LINE: Final = 1_000
_POINTS_PER_INCH: Final = 72


class Role(Enum):
    """What a text is for: its size in pixels, weight, and whether it is monospaced."""

    # A role is looked up hundreds of times a frame; an enumeration's own hash is a Python function.
    __hash__ = object.__hash__

    PAGE_TITLE = (20.0, 600, False)
    OBJECT_TITLE = (15.0, 600, False)
    TITLE = (12.0, 600, False)  # dock titles, active tabs, group rows, primary buttons
    CHECKED = (12.0, 500, False)  # checked buttons
    BODY = (12.0, 400, False)
    VALUE = (11.5, 400, False)
    SUM = (11.5, 600, False)
    CAPTION = (11.0, 500, False)  # table headers, axis time, gutter captions
    LABEL = (10.5, 500, False)  # in bars
    ERRED_LABEL = (10.5, 600, False)
    SMALL = (10.5, 400, False)  # events, thread numbers, ports
    TINY = (10.0, 400, False)  # wall clock, chart ticks, keys of states
    KEY = (11.0, 400, True)
    TOOLTIP_KEY = (10.5, 400, True)
    CODE = (12.0, 400, True)


@cache
def _family(families: tuple[str, ...], fallback: QFontDatabase.SystemFont) -> str:
    installed = set(QFontDatabase.families())
    for family in families:
        if family in installed:
            return family
    return QFontDatabase.systemFont(fallback).family()


@cache
def font(role: Role) -> QFont:
    """The font of `role`: the first family of its stack that is installed, else the system's."""
    size_px, weight, is_mono = role.value
    families, fallback = (
        (MONO_FAMILIES, QFontDatabase.SystemFont.FixedFont)
        if is_mono
        else (UI_FAMILIES, QFontDatabase.SystemFont.GeneralFont)
    )
    result = QFont(_family(families, fallback))
    # Pixel sizes are whole numbers in Qt, point sizes are not.
    dots_per_inch = QGuiApplication.primaryScreen().logicalDotsPerInchY()
    result.setPointSizeF(size_px * _POINTS_PER_INCH / dots_per_inch)
    result.setWeight(QFont.Weight(weight))
    result.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    result.setFeature(QFont.Tag("tnum"), 1)
    return result


@cache
def metrics(role: Role) -> QFontMetricsF:
    """Metrics of the font of `role`."""
    return QFontMetricsF(font(role))


#: Thin spaces group digits, isolates keep the order of a label; not "printable" to Python.
_KEPT: Final = "\u2009\u00a0\u202f\u2068\u2069"


def one_line(text: str) -> str:
    """`text` on one line: whatever would break or hide it becomes a space.

    What is longer than any line of the window loses its middle.
    """
    if len(text) > _LONGEST_LINE:
        half = _LONGEST_LINE // 2
        text = f"{text[:half]}{_ELLIPSIS}{text[-half:]}"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in _KEPT else " " for c in text)


@lru_cache(maxsize=20_000)
def text_width(role: Role, text: str) -> float:
    """Pixels that `text` takes on one line."""
    return metrics(role).horizontalAdvance(one_line(text))


@lru_cache(maxsize=20_000)
def elided(
    role: Role,
    text: str,
    width_px: int,
    mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
) -> str:
    """`text` on one line, cut by an ellipsis to `width_px`; "" where not even that fits."""
    line = one_line(text)
    if text_width(role, line) <= width_px:
        return line
    if text_width(role, _ELLIPSIS) > width_px:
        return ""
    return metrics(role).elidedText(line, mode, width_px)


@lru_cache(maxsize=1_000)
def wrapped(role: Role, text: str, width_px: int, most: int) -> tuple[str, ...]:
    """`text` on at most `most` lines of `width_px`, broken between words or else anywhere.

    What does not fit on the last line is cut by an ellipsis.
    """
    line = one_line(text)
    if text_width(role, line) <= width_px:
        return (line,)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout = QTextLayout(line, font(role))
    layout.setTextOption(option)
    layout.beginLayout()
    begins: list[int] = []
    while len(begins) < most and (part := layout.createLine()).isValid():
        part.setLineWidth(width_px)
        begins.append(2 * part.textStart())
    layout.endLayout()
    units = line.encode("utf-16-le")  # Qt counts in them
    parts = [
        units[begin:end].decode("utf-16-le").strip()
        for begin, end in itertools.pairwise([*begins, len(units)])
    ]
    return (*parts[:-1], elided(role, parts[-1], width_px))
