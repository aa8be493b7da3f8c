"""PySide6 6.12.0 on Python 3.11 loses a reference to None in each painter call, and aborts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QImage, QPainter

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

N_ROUNDS = 2_500  # of four calls each
TOLERANCE = 100  # references that other threads and Qt itself take or give meanwhile


def test_painter_calls_keep_the_references_to_none(qapp: QApplication) -> None:
    """From Python 3.12 on None is immortal: its count stands still whatever is done to it."""
    image = QImage(64, 64, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    color = QColor(Qt.GlobalColor.red)
    rect = QRect(1, 1, 8, 8)
    before = sys.getrefcount(None)
    for _ in range(N_ROUNDS):
        painter.fillRect(rect, color)
        painter.setPen(color)
        painter.setBrush(color)
        painter.drawRect(rect)
    change = sys.getrefcount(None) - before
    painter.end()

    if sys.version_info >= (3, 12):
        assert change == 0
    else:
        assert abs(change) < TOLERANCE
