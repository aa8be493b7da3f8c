"""The panel of resources: three charts over one time axis, mostly that of the task stream.

Its plots are pyqtgraph's, which takes a quarter of a second to load, as it makes Python classes of
all of Qt. A thread loads it once the timeline has its first picture, while ticks go on.
"""

from __future__ import annotations

from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from daskscope.derive.resources import reading_at
from daskscope.paint.brush import colour
from daskscope.paint.focus import PASSING_REASONS
from daskscope.paint.speech import announce
from daskscope.paint.wheel import PAN_SHARE, notches, zoom_factor
from daskscope.theme import LIGHT, PADDING_PX, Theme
from daskscope.views.resources.button import LinkButton
from daskscope.views.resources.cross import Cross
from daskscope.views.resources.title import ChartTitle

if TYPE_CHECKING:
    from PySide6.QtGui import (
        QFocusEvent,
        QKeyEvent,
        QMouseEvent,
        QPaintEvent,
        QResizeEvent,
        QWheelEvent,
    )

    from daskscope.derive.panels import ResourcesFrame
    from daskscope.views.resources.plot import ChartPlot

#: What loads pyqtgraph.
_PLOTS: Final = "daskscope.views.resources.plot"
_LEAST_PLOT_PX: Final = 40
#: Left of the curves of each chart: labels of their heights.
AXIS_PX: Final = 56
#: Under the labels of the time.
_FOOT_PX: Final = 6
#: How far an arrow moves what is pointed at, and with Shift.
STEP_PX: Final = 8
FINE_STEP_PX: Final = 1
#: Room under the curves of each chart: the last one has the labels of the time.
_BELOW_PX: Final = (8, 8, 20)


class ResourcesView(QWidget):
    """The panel of resources.

    Positions in signals are shares of the width of the charts: from 0 to 1.

    Attributes
    ----------
    buttons
        What belongs into the title of the dock.
    """

    #: Zoom around a position: position and factor of the span, below 1 to see less time.
    zoomed = Signal(float, float)
    #: Move the picture towards later times: by a share.
    panned = Signal(float)
    #: A time is pointed at: int ns; None for no time any more.
    pointed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._frame: ResourcesFrame | None = None
        self._waiting: list[int] = []
        self._titles = tuple(ChartTitle(self) for _ in range(3))
        self._rooms = [QWidget(self) for _ in range(3)]
        self._plots: list[ChartPlot] = []
        self._is_asked_for = False
        self._pointed_ns: int | None = None
        #: Where keys point, None while they do not.
        self._keyed_ns: int | None = None
        self._grip_px: float | None = None
        self.buttons = LinkButton()
        self._loading: Thread | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Resources")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 4, 0, _FOOT_PX)
        self._layout.setSpacing(0)
        for title, room, below_px in zip(self._titles, self._rooms, _BELOW_PX, strict=True):
            room.setMinimumHeight(_LEAST_PLOT_PX + below_px)
            self._layout.addWidget(title)
            self._layout.addWidget(room, 1)
        self._cross = Cross(self)
        self.setMouseTracking(True)

    @property
    def charts_px(self) -> int:
        """Width of the charts, for the next frame."""
        return max(self.width() - AXIS_PX - PADDING_PX, 1)

    def prepare(self) -> None:
        """Begin to load pyqtgraph; once it is loaded, make the next plot. None of it takes long."""
        if self._loading is None:
            self._loading = Thread(target=import_module, args=(_PLOTS,), name="loading charts")
            self._loading.start()
        elif self._rooms and not self._loading.is_alive():
            self._make_plot()

    def _make_plot(self) -> None:
        """Make the next plot in the room that is kept for it."""
        from daskscope.views.resources.plot import ChartPlot

        number, (room, *self._rooms) = len(self._plots), self._rooms
        plot = ChartPlot(_BELOW_PX[number], number == len(_BELOW_PX) - 1, self)
        self._plots.append(plot)
        plot.setMinimumHeight(room.minimumHeight())
        plot.set_theme(self._theme)
        self._layout.replaceWidget(room, plot)
        room.deleteLater()
        plot.show()
        self._layout.activate()
        self._cross.raise_()

    def begin_frame(self, frame: ResourcesFrame) -> None:
        """Let `show_next` draw `frame`, a chart at a time: three take longer than a tick may."""
        self._frame = frame
        # Frames may come faster than three charts are drawn: what waits already comes first.
        self._waiting = [at for at in (2, 1, 0) if at not in self._waiting] + self._waiting
        said = (f"{chart.title} {chart.value_text}".strip() for chart in frame.charts)
        self.setAccessibleDescription(", ".join(said))

    @property
    def is_waiting(self) -> bool:
        """Whether charts of the last frame are still to be drawn."""
        return bool(self._waiting)

    def show_next(self) -> bool:
        """Draw the next chart that waits; whether there was one, and it could be drawn.

        The first call does nothing: the first picture of the timeline comes in this tick.
        """
        if not self._waiting or self._frame is None:
            return False
        if self._rooms:
            if self._is_asked_for:
                self.prepare()
            self._is_asked_for = True
            return False
        index = self._waiting.pop()
        chart = self._frame.charts[index]
        self._titles[index].show_chart(chart)
        self._plots[index].show_chart(index, self._frame)
        self._show_reading()
        return True

    def point(self, time_ns: int | None) -> None:
        """Tell what all charts show at a time, with a line there; None for no time."""
        if time_ns != self._pointed_ns:
            self._pointed_ns = time_ns
            self._show_reading()

    def _show_reading(self) -> None:
        frame, time_ns = self._frame, self._pointed_ns
        reading = None if frame is None or time_ns is None else reading_at(frame, time_ns)
        if reading is None or not 0 <= reading.x_px < self.charts_px:
            self._cross.point(-1, "")
            for title in self._titles:
                title.show_reading(None)
            return
        x_px = round(reading.x_px)
        free_px = [
            (plot.y() + top, plot.y() + bottom)
            for plot in self._plots
            for top, bottom in plot.free_px(x_px)
        ]
        times_px = [px for plot in self._plots for px in plot.times_px()]
        self._cross.point(x_px, reading.time_text)
        self._cross.cover(free_px, times_px)
        for title, told in zip(self._titles, reading.charts, strict=True):
            title.show_reading(told)

    # Gestures -------------------------------------------------------------------------------

    def _share(self, x_px: float) -> float:
        return (x_px - AXIS_PX) / self.charts_px

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the pointer; Ctrl finer, Shift or sideways pans."""
        event.accept()
        turned, is_sideways = notches(event)
        if is_sideways or event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.panned.emit(-turned * PAN_SHARE)
        elif turned:
            self.zoomed.emit(self._share(event.position().x()), zoom_factor(event, turned))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to pan."""
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._grip_px = event.position().x()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Pan, or point at a time."""
        x_px = event.position().x()
        if self._grip_px is not None:
            self.panned.emit((self._grip_px - x_px) / self.charts_px)
            self._grip_px = x_px
        elif self._frame is not None:
            share = self._share(x_px)
            view = self._frame.view
            self.pointed.emit(view.time_ns(share * view.width_px) if 0 <= share < 1 else None)

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Let go."""
        self._grip_px = None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Point at an earlier or later time by the arrows, with Shift finer; Escape ends it."""
        is_fine = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        step_px = FINE_STEP_PX if is_fine else STEP_PX
        steps = {Qt.Key.Key_Left: -step_px, Qt.Key.Key_Right: step_px}
        key = Qt.Key(event.key())
        if key in steps and self._frame is not None:
            self._step(self._frame, steps[key])
        elif key == Qt.Key.Key_Escape and self._keyed_ns is not None:
            self._point_by_key(None)
        else:
            super().keyPressEvent(event)

    def _step(self, frame: ResourcesFrame, step_px: int) -> None:
        """Point beside where keys point, or in the middle where that is out of sight."""
        view, from_ns = frame.view, self._keyed_ns
        x_px = view.x_px(from_ns) if from_ns is not None else -1.0
        x_px = min(max(x_px + step_px, 0), view.width_px - 1) if x_px >= 0 else view.width_px / 2
        time_ns = view.time_ns(x_px)
        self._point_by_key(time_ns)
        announce(self, _told(frame, time_ns))

    def _point_by_key(self, time_ns: int | None) -> None:
        self._keyed_ns = time_ns
        self.pointed.emit(time_ns)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Point at nothing any more."""
        super().focusOutEvent(event)
        if self._keyed_ns is not None and event.reason() not in PASSING_REASONS:
            self._point_by_key(None)

    def leaveEvent(self, event: QEvent) -> None:
        """Point at nothing."""
        super().leaveEvent(event)
        self.pointed.emit(None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the line over all charts."""
        super().resizeEvent(event)
        self._cross.setGeometry(AXIS_PX, 0, self.charts_px, self.height() - _FOOT_PX)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self._cross.set_theme(theme)
        self.buttons.set_theme(theme)
        for title in self._titles:
            title.set_theme(theme)
        for plot in self._plots:
            plot.set_theme(theme)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the ground."""
        QPainter(self).fillRect(self.rect(), colour(self._theme.s2))


def _told(frame: ResourcesFrame, time_ns: int) -> str:
    """What all charts show at a time, in words."""
    reading = reading_at(frame, time_ns)
    words = [reading.time_text]
    for chart, texts in zip(frame.charts, reading.charts, strict=True):
        words.append(f"{chart.title} {texts.value_text}".rstrip())
        curves = zip(chart.curves, texts.curve_texts, strict=True)
        words += [f"{curve.name} {text}" for curve, text in curves if text]
    return ", ".join(words)
