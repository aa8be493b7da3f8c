"""The data's way from the cluster to this window, direct or through a Collector, in one drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPointF, QRectF, QSize
from PySide6.QtGui import QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from daskscope.paint.brush import colour
from daskscope.paint.font import Role
from daskscope.paint.text import Align, draw_text
from daskscope.theme import LIGHT, Theme

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

_NODE_PX: Final = (176.0, 52.0)
_ROW_GAP_PX: Final = 36.0
_TOP_PX: Final = 34.0
_RADIUS_PX: Final = 6
_HEAD_PX: Final = 4.0


class DataWay(QWidget):
    """Nodes and arrows; the way that the chosen recipe takes is drawn strong."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._address = ""
        self._is_through_collector = False
        self._is_flowing = False
        self.setAccessibleName("The way of the data")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(round(_TOP_PX + 2 * _NODE_PX[1] + _ROW_GAP_PX + 4))

    def sizeHint(self) -> QSize:
        """As wide as there is room."""
        return QSize(600, self.height())

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.update()

    def show_way(self, address: str, is_through_collector: bool, is_flowing: bool) -> None:
        """Draw the way to `address`; `is_flowing` once something has arrived."""
        new = (address, is_through_collector, is_flowing)
        if new != (self._address, self._is_through_collector, self._is_flowing):
            self._address, self._is_through_collector, self._is_flowing = new
            through = ", through the Collector," if is_through_collector else ""
            self.setAccessibleDescription(f"From the cluster{through} to {address}")
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw nodes and arrows."""
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            theme = self._theme
            box = (0.0, 0.0, float(self.width()), 18.0)
            draw_text(painter, box, "The way of the data", Role.TITLE, theme.t1)
            node_px, height = min(_NODE_PX[0], (self.width() - 160) / 3), _NODE_PX[1]
            low = _TOP_PX + height + _ROW_GAP_PX
            cluster = QRectF(0.5, _TOP_PX + 0.5, node_px, height)
            window = QRectF(self.width() - node_px - 0.5, _TOP_PX + 0.5, node_px, height)
            collector = QRectF((self.width() - node_px) / 2, low + 0.5, node_px, height)
            others = QRectF(window.left(), low + 0.5, node_px, height)
            is_through = self._is_through_collector
            self._arrow(painter, _between(cluster, window), not is_through)
            corner = QPointF(cluster.center().x(), collector.center().y())
            self._arrow(painter, [_bottom(cluster), corner, _left(collector)], is_through)
            turn = (window.left() + collector.right()) / 2
            back = [
                QPointF(collector.right(), low + height * 0.3),
                QPointF(turn, low + height * 0.3),
                QPointF(turn, _TOP_PX + height * 0.72),
                QPointF(window.left(), _TOP_PX + height * 0.72),
            ]
            self._arrow(painter, back, is_through)
            y = low + height * 0.7
            self._arrow(
                painter, [QPointF(collector.right(), y), QPointF(others.left(), y)], is_through
            )
            self._node(painter, cluster, "Dask cluster", "scheduler, workers", is_strong=True)
            self._node(painter, window, "daskscope", self._address, is_strong=True)
            self._node(painter, collector, "Collector", "127.0.0.1:4318", is_strong=is_through)
            self._node(painter, others, "Jaeger, files", "the same data", is_strong=is_through)
            label = "OTLP, received" if self._is_flowing else "OTLP"
            gap = (
                cluster.right(),
                _TOP_PX + height / 2 - 19,
                window.left() - cluster.right(),
                16.0,
            )
            rgb = theme.ok if self._is_flowing else theme.t3
            draw_text(painter, gap, label, Role.SMALL, rgb, Align.CENTRE)

    def _node(
        self, painter: QPainter, rect: QRectF, title: str, caption: str, is_strong: bool
    ) -> None:
        theme = self._theme
        painter.setBrush(colour(theme.s1))
        painter.setPen(QPen(colour(theme.ctl if is_strong else theme.line), 1))
        painter.drawRoundedRect(rect, _RADIUS_PX, _RADIUS_PX)
        title_rgb, caption_rgb = (theme.t1, theme.t3) if is_strong else (theme.t3, theme.t3)
        box = (rect.left() + 12, rect.top() + 8, rect.width() - 24, 18.0)
        draw_text(painter, box, title, Role.TITLE, title_rgb)
        box = (rect.left() + 12, rect.top() + 26, rect.width() - 24, 18.0)
        draw_text(painter, box, caption, Role.SMALL, caption_rgb)

    def _arrow(self, painter: QPainter, points: list[QPointF], is_strong: bool) -> None:
        theme = self._theme
        rgb = theme.ctl
        if is_strong:
            rgb = theme.ok if self._is_flowing else theme.t2
        painter.setBrush(colour(rgb))
        painter.setPen(QPen(colour(rgb), 1.4))
        tip = points[-1]
        painter.drawPolyline([*points[:-1], QPointF(tip.x() - _HEAD_PX, tip.y())])
        painter.setPen(QPen(colour(rgb), 0))
        painter.drawPolygon(
            QPolygonF(
                [
                    tip,
                    QPointF(tip.x() - 2 * _HEAD_PX, tip.y() - _HEAD_PX),
                    QPointF(tip.x() - 2 * _HEAD_PX, tip.y() + _HEAD_PX),
                ]
            )
        )


def _between(start: QRectF, stop: QRectF) -> list[QPointF]:
    y = start.top() + start.height() / 2
    return [QPointF(start.right(), y), QPointF(stop.left(), y)]


def _bottom(rect: QRectF) -> QPointF:
    return QPointF(rect.center().x(), rect.bottom())


def _left(rect: QRectF) -> QPointF:
    return QPointF(rect.left(), rect.center().y())
