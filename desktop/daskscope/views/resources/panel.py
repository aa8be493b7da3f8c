"""The panel of resources: three charts over one relative time axis.

Its plots are pyqtgraph's, which takes a quarter of a second to load, as it makes Python classes of
all of Qt: nobody waits for that who waits for the window.
"""

from __future__ import annotations

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
        self._rooms = tuple(QWidget(self) for _ in range(3))
        self._plots: tuple[ChartPlot, ...] = ()
        self._is_asked_for = False
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
        """Load pyqtgraph and make the plots, unless they are made."""
        if self._plots:
            return
        from daskscope.views.resources.plot import ChartPlot

        last = len(_BELOW_PX) - 1
        self._plots = tuple(
            ChartPlot(below_px, number == last, self) for number, below_px in enumerate(_BELOW_PX)
        )
        for room, plot in zip(self._rooms, self._plots, strict=True):
            plot.setMinimumHeight(room.minimumHeight())
            plot.set_theme(self._theme)
            self._layout.replaceWidget(room, plot)
            room.deleteLater()
            plot.show()
        self._rooms = ()
        self._layout.activate()

    def show_frame(self, frame: ResourcesFrame) -> None:
        """Draw `frame`."""
        self.begin_frame(frame)
        while self._waiting:
            self.show_next()

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

    def show_next(self) -> None:
        """Draw the next chart that waits, if one does.

        Where plots must be made before, that is left to the next call: the first picture of the
        timeline comes in this tick.
        """
        if not self._waiting or self._frame is None:
            return
        if not self._plots and not self._is_asked_for:
            self._is_asked_for = True
            return
        self.prepare()
        if self._waiting and self._frame is not None:
            index = self._waiting.pop()
            chart = self._frame.charts[index]
            self._titles[index].show_chart(chart, self._theme)
            span_s, end_text = self._frame.span_s, self._frame.end_text
            self._plots[index].show_chart(chart, span_s, end_text, self._theme)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        for plot in self._plots:
            plot.set_theme(theme)
        if self._frame is not None:
            self.show_frame(self._frame)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the ground."""
        QPainter(self).fillRect(self.rect(), colour(self._theme.s2))
