"""The status bar: connection and addresses at the left, counters at the right, never hidden."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from daskscope.derive.panels import StatusField, StatusFrame
from daskscope.paint.brush import colour
from daskscope.paint.control import plain_tip
from daskscope.paint.font import Role, text_width
from daskscope.paint.text import draw_text
from daskscope.theme import LIGHT, PADDING_PX, STATUS_BAR_PX, Theme

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

_DOT_PX: Final = 8
_LABEL_GAP_PX: Final = 5
_FIELD_GAP_PX: Final = 12
_LEAST_FIELD_GAP_PX: Final = 6
_GROUPED_GAP_PX: Final = 9
_LEAST_VALUE_PX: Final = 40
_DASH: Final = "–"


@dataclass(frozen=True, slots=True)
class PlacedField:
    """A field at its place; `has_line` where a separator stands before it."""

    field: StatusField
    x_px: int
    width_px: int
    has_line: bool


def placed(frame: StatusFrame, width_px: int) -> tuple[list[PlacedField], list[PlacedField]]:
    """Fields of the left and of the right side.

    Counters keep their whole width; addresses get what is left, are cut to that, and are left out
    where not even some of them can be read.
    """
    gap = _FIELD_GAP_PX
    counters_px = _side_width(frame.counters, gap)
    start = PADDING_PX + _DOT_PX + 6 + _title_width(frame.connection)
    if start + counters_px + 2 * gap > width_px:
        gap = _LEAST_FIELD_GAP_PX
        counters_px = _side_width(frame.counters, gap)
    right, x = [], width_px - PADDING_PX - counters_px
    first_x = x
    for index, field in enumerate(frame.counters):
        is_grouped = _continues(field)
        x += (_GROUPED_GAP_PX if is_grouped else 2 * gap) if index else 0
        right.append(PlacedField(field, x, _width(field), index > 0 and not is_grouped))
        x += _width(field)
    left, x = [], start
    for field in frame.left:
        x += 2 * gap
        room = first_x - 2 * gap - x
        least = round(text_width(Role.VALUE, field.label)) + _LABEL_GAP_PX + _LEAST_VALUE_PX
        if room < least:
            break
        left.append(PlacedField(field, x, min(_width(field), room), has_line=True))
        x += min(_width(field), room)
    if left and left[-1].x_px + left[-1].width_px + 4 * gap > first_x:
        right[:1] = [replace(part, has_line=True) for part in right[:1]]
    return left, right


def _continues(field: StatusField) -> bool:
    """A label in lower case goes on with the group that a capital began."""
    return field.label[:1].islower()


def _title_width(field: StatusField) -> int:
    title = f"{field.label} {field.value}".strip()
    return round(text_width(Role.TITLE, title)) + 1


def _width(field: StatusField) -> int:
    value = field.value or _DASH
    widths = text_width(Role.VALUE, field.label) + text_width(Role.SUM, value)
    return round(widths) + _LABEL_GAP_PX + 2


def _side_width(fields: tuple[StatusField, ...], gap: int) -> int:
    gaps = sum(_GROUPED_GAP_PX if _continues(field) else 2 * gap for field in fields[1:])
    return sum(_width(field) for field in fields) + gaps


class StatusBarView(QWidget):
    """The window's lower edge."""

    #: A field was clicked: the id of the action that it asks for.
    asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._frame = StatusFrame(StatusField("Starting", ""), (), ())
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFixedHeight(STATUS_BAR_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Status")
        self.setMouseTracking(True)

    def show_frame(self, frame: StatusFrame) -> None:
        """Draw `frame`."""
        if frame != self._frame:
            self._frame = frame
            fields = (frame.connection, *frame.left, *frame.counters)
            said = ", ".join(f"{field.label} {field.value}".strip() for field in fields)
            self.setAccessibleDescription(said)
            self.update()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.update()

    def sizeHint(self) -> QSize:
        """As wide as there is room."""
        return QSize(640, STATUS_BAR_PX)

    def event(self, event: QEvent) -> bool:
        """Explain the field under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            field = self._field_at(event.x())
            tips = [field.tip or field.value] if field is not None else []
            if event.x() < PADDING_PX + _DOT_PX + _title_width(self._frame.connection):
                tips = [self._frame.connection.tip]
            QToolTip.showText(event.globalPos(), plain_tip("".join(tips[:1])), self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Ask for what the field offers."""
        field = self._field_at(round(event.position().x()))
        if field is not None and field.action:
            self.asked.emit(field.action)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show which fields can be clicked."""
        field = self._field_at(round(event.position().x()))
        is_offer = field is not None and bool(field.action)
        shape = Qt.CursorShape.PointingHandCursor if is_offer else Qt.CursorShape.ArrowCursor
        self.setCursor(shape)

    def _field_at(self, x_px: int) -> StatusField | None:
        left, right = placed(self._frame, self.width())
        fields = (p.field for p in left + right if p.x_px <= x_px < p.x_px + p.width_px)
        return next(fields, None)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw dot, connection and fields."""
        with QPainter(self) as painter:
            theme = self._theme
            painter.fillRect(self.rect(), colour(theme.s1))
            painter.fillRect(0, 0, self.width(), 1, colour(theme.line))
            connection = self._frame.connection
            _paint_dot(painter, connection.tone, theme)
            title = f"{connection.label} {connection.value}".strip()
            left, right = placed(self._frame, self.width())
            x = PADDING_PX + _DOT_PX + 6
            end = min([self.width(), *(part.x_px - _LEAST_FIELD_GAP_PX for part in right[:1])])
            box = (x, 1, min(_title_width(connection) + 4, end - x), STATUS_BAR_PX - 1)
            draw_text(painter, box, title, Role.TITLE, theme.t1)
            for part in left + right:
                self._paint_field(painter, part)

    def _paint_field(self, painter: QPainter, part: PlacedField) -> None:
        theme, field = self._theme, part.field
        tones = {"ok": theme.ok, "warn": theme.warn, "err": theme.err}
        if part.has_line:
            painter.fillRect(
                part.x_px - _FIELD_GAP_PX, 7, 1, STATUS_BAR_PX - 13, colour(theme.line)
            )
        box = (float(part.x_px), 1.0, float(part.width_px), STATUS_BAR_PX - 1.0)
        label_rgb = tones.get(field.tone, theme.t3) if field.tone == "warn" else theme.t3
        drawn_px = draw_text(painter, box, field.label, Role.VALUE, label_rgb) + _LABEL_GAP_PX
        box = (part.x_px + drawn_px, 1.0, part.width_px - drawn_px + 1, STATUS_BAR_PX - 1.0)
        rgb = tones.get(field.tone, theme.t1) if field.value else theme.tdis
        role = Role.SUM if field.value and field.tone != "plain" else Role.VALUE
        value_px = draw_text(painter, box, field.value or _DASH, role, rgb)
        if field.action:
            painter.fillRect(round(box[0]), STATUS_BAR_PX - 5, round(value_px), 1, colour(rgb))


def _paint_dot(painter: QPainter, tone: str, theme: Theme) -> None:
    """Filled while data comes, a ring while it is waited for."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    rgb = {"ok": theme.ok, "warn": theme.warn, "err": theme.err}.get(tone, theme.t3)
    top = (STATUS_BAR_PX + 1 - _DOT_PX) / 2
    if tone == "ok":
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(rgb))
        painter.drawEllipse(QRectF(PADDING_PX, top, _DOT_PX, _DOT_PX))
    else:
        painter.setPen(QPen(colour(rgb), 1.5))
        painter.drawEllipse(QRectF(PADDING_PX + 0.75, top + 0.75, _DOT_PX - 1.5, _DOT_PX - 1.5))
    painter.restore()
