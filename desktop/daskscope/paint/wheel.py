"""What a turn of the wheel over a time axis asks for, the same in every view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt

if TYPE_CHECKING:
    from PySide6.QtGui import QWheelEvent

#: Factor of the span for one notch of the wheel.
ZOOM_STEP: Final = 1.25
FINE_ZOOM_STEP: Final = 1.05
#: Share of the width that one notch pans.
PAN_SHARE: Final = 0.1
_NOTCH: Final = 120.0


def notches(event: QWheelEvent) -> tuple[float, bool]:
    """By how many notches it was turned, and whether sideways."""
    delta = event.angleDelta()
    is_sideways = abs(delta.x()) > abs(delta.y())
    return (delta.x() if is_sideways else delta.y()) / _NOTCH, is_sideways


def zoom_factor(event: QWheelEvent, turned: float) -> float:
    """Factor of the span for so many notches: with Ctrl finer."""
    is_fine = event.modifiers() & Qt.KeyboardModifier.ControlModifier
    return float((FINE_ZOOM_STEP if is_fine else ZOOM_STEP) ** -turned)
