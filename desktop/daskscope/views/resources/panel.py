"""The panel of resources: three charts over one relative time axis.

Its plots are pyqtgraph's, which takes a quarter of a second to load, as it makes Python classes of
all of Qt. A thread loads it once the timeline has its first picture, while ticks go on.
"""

from __future__ import annotations

from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from daskscope.paint.brush import colour
from daskscope.theme import LIGHT, Theme
from daskscope.views.resources.title import ChartTitle

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from daskscope.derive.panels import ResourcesFrame
    from daskscope.views.resources.plot import ChartPlot

#: What loads pyqtgraph.
_PLOTS: Final = "daskscope.views.resources.plot"
_LEAST_PLOT_PX: Final = 40
#: Room under the curves of each chart: the last one has the labels of the time.
_BELOW_PX: Final = (8, 8, 20)


class ResourcesView(QWidget):
    """The panel of resources."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._frame: ResourcesFrame | None = None
        self._waiting: list[int] = []
        self._titles = tuple(ChartTitle(self) for _ in range(3))
        self._rooms = [QWidget(self) for _ in range(3)]
        self._plots: list[ChartPlot] = []
        self._is_asked_for = False
        self._loading: Thread | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Resources")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 4, 0, 6)
        self._layout.setSpacing(0)
        for title, room, below_px in zip(self._titles, self._rooms, _BELOW_PX, strict=True):
            room.setMinimumHeight(_LEAST_PLOT_PX + below_px)
            self._layout.addWidget(title)
            self._layout.addWidget(room, 1)

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

    def begin_frame(self, frame: ResourcesFrame) -> None:
        """Let `show_next` draw `frame`, a chart at a time: three take longer than a tick may."""
        self._frame = frame
        self._waiting = [2, 1, 0]
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
        self._titles[index].show_chart(chart, self._theme)
        span_s, end_text = self._frame.span_s, self._frame.end_text
        self._plots[index].show_chart(chart, span_s, end_text, self._theme)
        return True

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        for plot in self._plots:
            plot.set_theme(theme)
        if self._frame is not None:
            self.begin_frame(self._frame)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the ground."""
        QPainter(self).fillRect(self.rect(), colour(self._theme.s2))
