"""The tooltip of a task: its name, key and facts. All of it is text, whatever a key contains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QGuiApplication, QPainter, QPen
from PySide6.QtWidgets import QWidget

from daskscope.paint.brush import colour
from daskscope.paint.font import Role, elided, wrapped
from daskscope.paint.swatch import draw_swatch
from daskscope.paint.text import Align, draw_text

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from daskscope.derive.frames import Hit
    from daskscope.theme import Theme

WIDTH_PX: Final = 318
PADDING_PX: Final = 12
VALUE_LEFT_PX: Final = 80
#: From the pointer to the nearest corner.
OFFSET_PX: Final = (12, 14)
_RADIUS_PX: Final = 5
_TITLE_TOP_PX: Final = 9
_KEY_TOP_PX: Final = 29
_FIELDS_TOP_PX: Final = 52
_LINE_PX: Final = 17
_FOOTER_PX: Final = 26
_SWATCH_PX: Final = 10
#: Of a value, such as an address or an error; what they end with tells most.
_MOST_LINES: Final = 3
_HINTS: Final = ("Double click zooms", "Drag selects time")


def height_px(hit: Hit) -> int:
    """Height of the tooltip of `hit`."""
    first = _FIELDS_TOP_PX if hit.key else _KEY_TOP_PX
    n_lines = sum(len(_lines(value)) for _, value in hit.fields)
    return first + n_lines * _LINE_PX + 8 + _FOOTER_PX


def _lines(value: str) -> tuple[str, ...]:
    """A value on as many lines as it needs."""
    return wrapped(Role.VALUE, value, WIDTH_PX - 2 * PADDING_PX - VALUE_LEFT_PX, _MOST_LINES)


def corner(pointer: QPoint, size: tuple[int, int], screen: QRect) -> QPoint:
    """Left upper corner of a tooltip: right of and below the pointer, flipped at the edges.

    Whatever does not fit on either side is moved as far as needed, but never under the pointer.
    """
    width, height = size
    dx, dy = OFFSET_PX
    x, y = pointer.x() + dx, pointer.y() + dy
    if x + width > screen.right():
        x = pointer.x() - dx - width
    if y + height > screen.bottom():
        y = pointer.y() - dy - height
    if y < screen.top():
        y = max(screen.bottom() - height, screen.top())
    return QPoint(max(x, screen.left()), y)


class Tooltip(QWidget):
    """A frameless widget beside the pointer that never takes it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        flags = Qt.WindowType.ToolTip | Qt.WindowType.FramelessWindowHint
        super().__init__(parent, flags | Qt.WindowType.NoDropShadowWindowHint)
        self._theme = theme
        self._hit: Hit | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self.setAccessibleName("Task under the pointer")

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours from now on."""
        self._theme = theme
        self.update()

    def show_hit(self, hit: Hit, pointer: QPoint) -> None:
        """Show `hit` beside `pointer`, a position on the screen."""
        if hit != self._hit:
            self._hit = hit
            self.resize(WIDTH_PX, height_px(hit))
            facts = ", ".join(f"{label} {value}" for label, value in hit.fields)
            self.setAccessibleDescription(f"{hit.title}, {facts}")
            self.update()
        screen = QGuiApplication.screenAt(pointer) or QGuiApplication.primaryScreen()
        size = (self.width(), self.height())
        self.move(corner(pointer, size, screen.availableGeometry()))
        self.show()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the frame, then title, key, facts and hints."""
        hit, theme = self._hit, self._theme
        if hit is None:
            return
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(colour(theme.tipbg))
            painter.setPen(QPen(colour(theme.tipline), 1))
            painter.drawRoundedRect(
                QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), _RADIUS_PX, _RADIUS_PX
            )
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
            inner = WIDTH_PX - 2 * PADDING_PX
            swatch = QRect(PADDING_PX, _TITLE_TOP_PX + 4, _SWATCH_PX, _SWATCH_PX)
            draw_swatch(painter, swatch, hit.slot, hit.kind, hit.state, theme)
            title_left = PADDING_PX + _SWATCH_PX + 6
            box = (title_left, _TITLE_TOP_PX, WIDTH_PX - PADDING_PX - title_left, 18)
            draw_text(painter, box, hit.title, Role.TITLE, theme.t1)
            top = _KEY_TOP_PX
            if hit.key:
                key = elided(Role.TOOLTIP_KEY, hit.key, inner, Qt.TextElideMode.ElideMiddle)
                draw_text(painter, (PADDING_PX, top, inner, 16), key, Role.TOOLTIP_KEY, theme.t3)
                top = _FIELDS_TOP_PX
            for label, value in hit.fields:
                box = (PADDING_PX, top, VALUE_LEFT_PX - 6, _LINE_PX)
                draw_text(painter, box, label, Role.VALUE, theme.t3)
                left = PADDING_PX + VALUE_LEFT_PX
                for line in _lines(value):
                    box = (left, top, WIDTH_PX - PADDING_PX - left, _LINE_PX)
                    draw_text(painter, box, line, Role.VALUE, theme.t1)
                    top += _LINE_PX
            self._paint_footer(painter)

    def _paint_footer(self, painter: QPainter) -> None:
        theme, top = self._theme, self.height() - _FOOTER_PX
        painter.fillRect(1, top, WIDTH_PX - 2, 1, colour(theme.line))
        box = (PADDING_PX, top, WIDTH_PX - 2 * PADDING_PX, _FOOTER_PX - 1)
        for text, align in zip(_HINTS, (Align.LEFT, Align.RIGHT), strict=True):
            draw_text(painter, box, text, Role.SMALL, theme.t3, align)
