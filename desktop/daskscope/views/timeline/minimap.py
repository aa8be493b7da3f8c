"""The minimap: busy threads of the whole run, and a brush around what is in view."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from daskscope.derive import quantity
from daskscope.paint.brush import colour, solid
from daskscope.paint.font import Role
from daskscope.paint.rects import draw_rects
from daskscope.paint.text import Align, draw_text
from daskscope.paint.wheel import ZOOM_STEP
from daskscope.theme import GUTTER_PX, MINIMAP_PX
from daskscope.views.timeline.gutter import RIGHT_PX
from daskscope.views.timeline.raster import (
    OPAQUE,
    ghost,
    shown_colour,
    stack_levels,
    stack_table,
)
from daskscope.views.timeline.strip import GRIP_PX, HANDLE_PX

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from PySide6.QtGui import QMouseEvent, QPaintEvent, QWheelEvent

    from daskscope.derive.frames import Minimap
    from daskscope.theme import Theme

_CURVE_TOP_PX: Final = 4
_CURVE_PX: Final = 32
#: Height of a tick where something failed.
_ERROR_PX: Final = 6
#: Height of a tick where something is found.
_TICK_PX: Final = 8
_BRUSH_LINE_PX: Final = 1.5
_CAPTION_LEFT_PX: Final = 12
_LINE_PX: Final = 15
_LEAST_BRUSH_PX: Final = 4
#: How far line and handles of the brush reach over its edges.
_BRUSH_ROOM_PX: Final = 4
_NOTCH: Final = 120.0


class MinimapView(QWidget):
    """The whole run at a glance; positions in signals are pixels right of the gutter."""

    #: What is to be in view: left and right pixel.
    brushed = Signal(float, float)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._minimap: Minimap | None = None
        self._dimmed: frozenset[int] = frozenset()
        self._errors_px: npt.NDArray[np.intp] = np.empty(0, np.intp)
        self._curve: npt.NDArray[np.float32] | None = None
        self._curve_key: object = None
        self._images = QImage(), QImage()
        #: Pictures by name, each with what it shows: a view that moves needs no other.
        self._pictures: dict[str, tuple[tuple[object, ...], QPixmap]] = {}
        #: While dragging: pixel under the pointer at the press, and which edges move with it.
        self._drag: tuple[float, tuple[int, int], tuple[bool, bool]] | None = None
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Minimap")
        self.setAccessibleDescription("Busy threads of the whole run")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """One strip."""
        return QSize(GUTTER_PX, MINIMAP_PX)

    @property
    def brush_px(self) -> tuple[int, int]:
        """Left and right edge of what is in view."""
        return self._minimap.brush_px if self._minimap is not None else (0, 0)

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours from now on."""
        self._theme = theme
        self.update()

    def show_minimap(self, minimap: Minimap, dimmed: frozenset[int] = frozenset()) -> None:
        """Draw `minimap`; slots in `dimmed` are ghosts."""
        before, were_dimmed = self._minimap, self._dimmed
        self._minimap, self._dimmed = minimap, dimmed
        if before is None or _looks(before, were_dimmed) != _looks(minimap, dimmed):
            self.update()
        elif before.brush_px != minimap.brush_px:
            self._move_brush(before.brush_px, minimap.brush_px)

    def _move_brush(self, before_px: tuple[int, int], now_px: tuple[int, int]) -> None:
        """Paint anew what the edges of the brush have passed, which is all that looks other."""
        room_px = _BRUSH_ROOM_PX + _LEAST_BRUSH_PX
        for edges_px in zip(before_px, now_px, strict=True):
            left, right = min(edges_px) - room_px, max(edges_px) + room_px
            self.update(GUTTER_PX + left, 0, right - left, self.height())

    def show_errors(self, columns: npt.NDArray[np.intp]) -> None:
        """Mark the pixel columns in which something failed."""
        if not np.array_equal(columns, self._errors_px):
            self._errors_px = columns
            self._pictures.pop("errors", None)
            self.update()

    # Painting -------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint captions, the curve and the brush."""
        with QPainter(self) as painter:
            minimap, width, height = self._minimap, self.width(), self.height()
            ground = self._picture(
                "ground", (width, height), _texts(minimap), self._paint_ground, is_solid=True
            )
            painter.drawPixmap(0, 0, ground)
            if minimap is None:
                return
            painter.setClipRect(GUTTER_PX, 0, width - GUTTER_PX, height - 1)
            painter.translate(GUTTER_PX, 0)
            self._paint_curve(painter, minimap)
            self._paint_found(painter, minimap)
            left, right = minimap.brush_px
            brush_px = max(right - left, _LEAST_BRUSH_PX)
            brush = _pictured_brush(brush_px, height, self._theme, self.devicePixelRatioF())
            painter.drawPixmap(left - _BRUSH_ROOM_PX, 0, brush)
            if len(self._errors_px):
                size = width - GUTTER_PX, _ERROR_PX + 1
                errors = self._picture("errors", size, (), self._paint_errors)
                painter.drawPixmap(0, 0, errors)

    def _picture(
        self,
        name: str,
        size_px: tuple[int, int],
        shows: tuple[object, ...],
        paint: Callable[[QPainter], None],
        *,
        is_solid: bool = False,
    ) -> QPixmap:
        """The picture of a name, painted anew when it shows something else."""
        ratio = self.devicePixelRatioF()
        key = (size_px, ratio, self._theme.name, *shows)
        known, picture = self._pictures.get(name, ((), QPixmap()))
        if key != known:
            picture = _empty(size_px, ratio, is_solid=is_solid)
            with QPainter(picture) as painter:
                paint(painter)
            self._pictures[name] = key, picture
        return picture

    def _paint_ground(self, painter: QPainter) -> None:
        theme, width, height = self._theme, self.width(), self.height()
        painter.fillRect(self.rect(), colour(theme.lane))
        painter.fillRect(0, height - 1, width, 1, colour(theme.line))
        painter.fillRect(GUTTER_PX - 1, 0, 1, height, colour(theme.line))
        self._paint_captions(painter, self._minimap)

    def _paint_captions(self, painter: QPainter, minimap: Minimap | None) -> None:
        label, length, most = _texts(minimap)
        for top, left_text, right_text in ((4, "Whole run", label), (19, length, most)):
            width = RIGHT_PX - _CAPTION_LEFT_PX
            box = (_CAPTION_LEFT_PX, top, width, _LINE_PX)
            draw_text(painter, box, left_text, Role.CAPTION, self._theme.t2)
            draw_text(painter, box, right_text, Role.CAPTION, self._theme.t2, Align.RIGHT)

    def _paint_curve(self, painter: QPainter, minimap: Minimap) -> None:
        if not minimap.slots or not minimap.busy.size or minimap.most <= 0:
            return
        outside, inside = self._curve_images(minimap)
        left, right = (min(max(x, 0), outside.width()) for x in minimap.brush_px)
        painter.drawImage(0, _CURVE_TOP_PX, outside)
        if left < right:  # of no width Qt draws all that follows
            painter.drawImage(left, _CURVE_TOP_PX, inside, left, 0, right - left, _CURVE_PX)

    def _curve_images(self, minimap: Minimap) -> tuple[QImage, QImage]:
        """Pictures of the curve outside and inside the brush, made anew when the curve is."""
        theme = self._theme
        dimmed = self._dimmed if minimap.found_px is None else frozenset(minimap.slots)
        key = (minimap.slots, minimap.most, dimmed, theme.name)
        if minimap.busy is not self._curve or key != self._curve_key:
            self._curve, self._curve_key = minimap.busy, key
            levels = stack_levels(minimap.busy / np.float32(minimap.most), _CURVE_PX)
            images = []
            for colour_of in (ghost, shown_colour):
                colours = [colour_of(theme, slot, dimmed) for slot in minimap.slots]
                pixels = np.take(stack_table(colours, theme.lane | OPAQUE), levels)
                height, width = pixels.shape
                image = QImage(pixels.data, width, height, width * 4, QImage.Format.Format_RGB32)
                images.append(image.copy())
            self._images = images[0], images[1]
        return self._images

    def _paint_found(self, painter: QPainter, minimap: Minimap) -> None:
        """Draw a tick where something is lit, at the foot of the curve."""
        if minimap.found_px is None:
            return
        top = _CURVE_TOP_PX + _CURVE_PX - _TICK_PX
        at = minimap.found_px
        begins = np.flatnonzero(np.diff(at, prepend=-2) > 1)
        for first, end in zip(begins.tolist(), [*begins[1:].tolist(), len(at)], strict=False):
            painter.fillRect(int(at[first]), top, end - first, _TICK_PX, colour(self._theme.accent))

    def _paint_errors(self, painter: QPainter) -> None:
        """Draw a tick where something failed, at the top, with a gap to the curve."""
        theme = self._theme
        painter.setPen(Qt.PenStyle.NoPen)
        at = self._errors_px.astype(np.int32)
        zero = np.zeros_like(at)
        gaps = np.stack([at - 1, zero, at + 1, zero + _ERROR_PX], axis=1)
        draw_rects(painter, gaps, solid(theme.lane))
        draw_rects(
            painter, np.stack([at, zero, at, zero + _ERROR_PX - 1], axis=1), solid(theme.erred)
        )

    # Gestures -------------------------------------------------------------------------------

    def _edges_at(self, x: float) -> tuple[bool, bool]:
        """Which edges of the brush follow the pointer from `x`: one, or both."""
        if self._minimap is None:
            return True, True
        left, right = self._minimap.brush_px
        is_left, is_right = abs(x - left) <= GRIP_PX, abs(x - right) <= GRIP_PX
        if is_left and is_right:  # a brush of a few pixels: the nearer edge
            is_left = abs(x - left) < abs(x - right)
            is_right = not is_left
        return (is_left, is_right) if is_left or is_right else (True, True)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Grip an edge or the brush; elsewhere, move the brush there first."""
        x = event.position().x() - GUTTER_PX
        if self._minimap is None or x < 0 or event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
            return
        left, right = self._minimap.brush_px
        edges = self._edges_at(x)
        if all(edges) and not left <= x <= right:
            half = (right - left) // 2
            left, right = round(x) - half, round(x) - half + (right - left)
            self.brushed.emit(float(left), float(right))
        self._drag = x, (left, right), edges

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move what was gripped; else show what would be."""
        x = event.position().x() - GUTTER_PX
        if self._drag is None:
            is_edge = not all(self._edges_at(x))
            shape = Qt.CursorShape.SizeHorCursor if is_edge else Qt.CursorShape.ArrowCursor
            if self.cursor().shape() != shape:
                self.setCursor(shape)
            return
        from_px, (left, right), (moves_left, moves_right) = self._drag
        dx = x - from_px
        ends = (left + dx * moves_left, right + dx * moves_right)
        self.brushed.emit(min(ends), max(ends))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Widen the brush or make it narrower, around the pointer if that is in it."""
        event.accept()
        notches = event.angleDelta().y() / _NOTCH
        if self._minimap is None or not notches:
            return
        left, right = self._minimap.brush_px
        x = event.position().x() - GUTTER_PX
        x = x if left <= x <= right else (left + right) / 2
        factor = ZOOM_STEP**-notches
        self.brushed.emit(x - (x - left) * factor, x + (right - x) * factor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._drag = None


@lru_cache(maxsize=4)
def _pictured_brush(width_px: int, height_px: int, theme: Theme, ratio: float) -> QPixmap:
    """Picture of the frame of what is in view, with a handle on each edge.

    While it moves its width is one of two, by how its edges are rounded.
    """
    picture = _empty((width_px + 2 * _BRUSH_ROOM_PX, height_px), ratio)
    left, right = _BRUSH_ROOM_PX, _BRUSH_ROOM_PX + width_px
    accent = colour(theme.accent)
    with QPainter(picture) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(accent, _BRUSH_LINE_PX))
        frame = QRectF(left, 1.75, right - left, height_px - 1 - 3.5)
        painter.drawRoundedRect(frame, 2, 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(accent)
        handle_px, top = HANDLE_PX[0], (height_px - 1 - HANDLE_PX[1]) / 2
        for x in (left, right):
            painter.drawRoundedRect(QRectF(x - handle_px / 2, top, *HANDLE_PX), 2, 2)
    return picture


def _empty(size_px: tuple[int, int], ratio: float, *, is_solid: bool = False) -> QPixmap:
    """A picture that one sees through where nothing is painted, or that is painted all over."""
    picture = QPixmap(*(round(max(length, 1) * ratio) for length in size_px))
    picture.setDevicePixelRatio(ratio)
    if not is_solid:
        picture.fill(Qt.GlobalColor.transparent)
    return picture


def _texts(minimap: Minimap | None) -> tuple[str, str, str]:
    """What the most is, how long the run is, and how many the most are."""
    if minimap is None:
        return "busy threads", "", ""
    return minimap.most_label, minimap.length_text, quantity.count(minimap.most)


def _looks(minimap: Minimap, dimmed: frozenset[int]) -> tuple[object, ...]:
    """What a picture of it depends on but the brush; its arrays are never written again."""
    arrays = id(minimap.busy), id(minimap.found_px)
    return (minimap.slots, minimap.most, *_texts(minimap), dimmed, *arrays)
