"""The task stream: lanes of threads, what each did, and its gutter.

From back to front: pixels of what is dense (one image), zones of workers that are gone, bars (one
call for each fill), labels, what happened, now, the selection, the hovered bar. The widget keeps
the last frame and the memory of its pixels; what lies under the pointer is told to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QPainter
from PySide6.QtWidgets import QSizePolicy, QToolTip

from daskscope.derive.bands import lanes_between
from daskscope.derive.lanelabels import Label, beside
from daskscope.paint.brush import colour
from daskscope.paint.control import plain_tip
from daskscope.paint.speech import announce
from daskscope.theme import GUTTER_PX
from daskscope.views.timeline.arrows import draw_arrows, draw_frames
from daskscope.views.timeline.backing import Backing, is_still
from daskscope.views.timeline.bars import draw_bars, draw_labels
from daskscope.views.timeline.gutter import (
    Gutter,
    GutterTarget,
    Headers,
    ground,
    gutter_target,
    gutter_tip,
    labels,
)
from daskscope.views.timeline.handle import ScrollHandle
from daskscope.views.timeline.highlights import (
    draw_event_lines,
    draw_found,
    draw_hit,
    hit_rect,
)
from daskscope.views.timeline.lanes import bar_shapes
from daskscope.views.timeline.notes import draw_measure, draw_poles
from daskscope.views.timeline.over import OverPixels, columns, over_pixels
from daskscope.views.timeline.plain import plain_bars, told_apart
from daskscope.views.timeline.selection import Selection
from daskscope.views.timeline.sight import sight
from daskscope.views.timeline.strip import Strip
from daskscope.views.timeline.tooltip import Tooltip
from daskscope.views.timeline.zones import draw_evicted, draw_gone, draw_zones

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QKeyEvent, QMouseEvent, QPaintEvent, QRegion
    from PySide6.QtWidgets import QWidget

    from daskscope.derive.details.ties import Ties
    from daskscope.derive.frames import Hit, TaskStreamFrame, Tick
    from daskscope.derive.lanelayout import LaneLayout
    from daskscope.theme import Theme

#: A drag across so much selects lanes, too; less is a waver of the hand.
LEAST_LANES_PX: Final = 44


class StreamView(Strip):
    """Lanes and their gutter."""

    hovered = Signal(int, int)
    left = Signal()
    #: What is told about now lies in this prefix, "" for nothing.
    hit_changed = Signal(str)
    #: A click that folds a host: its key.
    host_folded = Signal(str)
    #: A click that folds a worker: its key.
    worker_folded = Signal(str)
    #: A click on the pin of a host or worker: its key.
    pinned = Signal(str)
    #: Scroll so that this pixel of the content is at the top.
    scrolled_to = Signal(int)
    #: Space was pressed and nothing was dragged with it.
    paused = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._frame: TaskStreamFrame | None = None
        self._ticks: Sequence[Tick] = ()
        self._names: Sequence[str] = ()
        self._dimmed: frozenset[int] = frozenset()
        #: Once the pixels are those of the frame: what lies over them.
        self._over: OverPixels | None = None
        self._hit: Hit | None = None
        self.backing = Backing()
        self._gutter, self._headers = Gutter(), Headers()
        self._ties: Ties | None = None
        self._pointer_x = 0.0
        self._pointer_y = -1
        self._target: GutterTarget | None = None
        #: Where keys have gone to, until the pointer goes elsewhere.
        self._label: Label | None = None
        self._handle = ScrollHandle()
        self._selection = Selection()
        #: Where a drag began, in unscrolled content.
        self._press_y_px = 0
        self._has_panned = False
        self._tooltip = Tooltip(theme, self)
        self.setAccessibleName("Task stream")
        self.setAccessibleDescription("What each thread of each worker did over time")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(GUTTER_PX + 120, 60)

    @property
    def lanes_size_px(self) -> tuple[int, int]:
        """Width and height of the lanes, for the next frame."""
        return max(self.width() - GUTTER_PX, 1), max(self.height(), 1)

    @property
    def pointer_px(self) -> float | None:
        """The pointer in the lanes, None while it is elsewhere."""
        is_within = 0 <= self._pointer_x < self.lanes_size_px[0]
        return self._pointer_x if is_within and self._pointer_y >= 0 else None

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours from now on."""
        super().set_theme(theme)
        self._over = None
        self._tooltip.set_theme(theme)

    def show_frame(
        self,
        frame: TaskStreamFrame,
        ticks: Sequence[Tick],
        names: Sequence[str],
        dimmed: frozenset[int] = frozenset(),
        selection_ns: tuple[int, int] | None = None,
        selection_lanes: frozenset[int] | None = None,
    ) -> None:
        """Draw `frame` with a grid line at each labelled tick.

        `names` are texts by string id; `dimmed` are palette slots of prefixes that are switched
        off or not lit.
        """
        before, self._frame = self._frame, frame
        self._ticks, self._names, self._dimmed = ticks, names, dimmed
        over, self._over = self._over, None
        is_moved = self._show(frame.view, selection_ns, selection_lanes, ticks, dimmed)
        if over is not None and not is_moved and is_still(before, frame):
            others = self._draw_pixels(frame).differs(over)
            for first, end in (*self.backing.drawn, *others):
                self.update(GUTTER_PX + first, 0, end - first, self.height())
            return
        is_same = before is not None and _beside(before) == _beside(frame)
        left = GUTTER_PX if is_same else 0
        self.update(left, 0, self.width() - left, self.height())

    def show_labels(self, frame: TaskStreamFrame) -> None:
        """Draw the labels of `frame` where they differ: the last frame, with other readings."""
        before, self._frame = self._frame, frame
        self._over = None
        if before is None:
            return
        if labels(before) != labels(frame):
            self.update(0, 0, GUTTER_PX, self.height())
        for old, new in zip(sight(before).headers, sight(frame).headers, strict=True):
            if new != old:  # it goes on over the lanes
                self.update(0, new[1], self.width(), new[0].height_px)

    def set_spoken(self, text: str) -> None:
        """What a screen reader says of the picture."""
        if text != self.accessibleDescription():
            self.setAccessibleDescription(text)

    def show_ties(self, ties: Ties | None) -> None:
        """Frame the chosen span and its relatives, with arrows between them."""
        if ties is not None or self._ties is not None:
            self._ties = ties
            self.update()

    def show_hit(self, hit: Hit | None, pointer: QPoint | None = None) -> None:
        """Frame what lies under the pointer, and tell about it beside `pointer` on the screen."""
        if hit != self._hit:
            for rect in (hit_rect(self._frame, self._hit), hit_rect(self._frame, hit)):
                if not rect.isEmpty():
                    self.update(rect.translated(GUTTER_PX, 0).adjusted(-1, -1, 2, 2))
            self._hit = hit
            self.hit_changed.emit(hit.title if hit else "")
        if hit is None or pointer is None:
            self._tooltip.hide()
        else:
            self._tooltip.show_hit(hit, pointer)

    # Painting -------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint everything."""
        with QPainter(self) as painter:
            theme, frame = self._theme, self._frame
            drawn = QSize(0, 0) if frame is None else QSize(frame.view.width_px, frame.height_px)
            if drawn != self.size() - QSize(GUTTER_PX, 0):
                # No frame yet for this size.
                painter.fillRect(GUTTER_PX, 0, self.width(), self.height(), colour(theme.lane))
            if frame is None:
                self._paint_gutter(painter, ground(theme))
                return
            if event.rect().right() >= GUTTER_PX:
                self._paint_lanes(painter, frame, event.region())
            if event.rect().left() < GUTTER_PX:
                self._gutter.draw(painter, frame, theme, self._target)
            self._headers.draw(painter, frame, theme, self._target)
            painter.translate(GUTTER_PX, 0)
            draw_evicted(painter, frame, theme)
            painter.translate(-GUTTER_PX, 0)
            self._paint_now(painter, frame)
            self._handle.draw(painter, frame, self.size(), theme)

    def _paint_lanes(self, painter: QPainter, frame: TaskStreamFrame, region: QRegion) -> None:
        theme = self._theme
        painter.save()
        painter.setClipRect(GUTTER_PX, 0, self.width() - GUTTER_PX, self.height())
        painter.translate(GUTTER_PX, 0)
        over = self._over or self._draw_pixels(frame)
        parts = columns(region.translated(-GUTTER_PX, 0))
        others, labels = over.within(parts)
        self.backing.draw(painter)
        draw_zones(painter, frame, theme)
        draw_bars(painter, frame.bars, over.shapes, theme, self._dimmed, others)
        if self._ties is not None:
            draw_arrows(painter, frame, self._ties, theme)
        draw_labels(painter, labels, theme, self._dimmed)
        draw_event_lines(painter, frame, theme, parts)
        draw_gone(painter, frame, theme)
        draw_poles(painter, frame.view, self._bookmarks, frame.height_px, theme)
        self._paint_selection(painter, frame)
        if self._ties is None or self._ties.chosen is None:
            draw_found(painter, frame, theme)
        draw_hit(painter, hit_rect(frame, self._hit), theme)
        if self._ties is not None:
            draw_frames(painter, frame, self._ties, theme)
        if self._measured_ns is not None:
            draw_measure(painter, frame.view, self._measured_ns, frame.height_px, theme)
        painter.restore()

    def _draw_pixels(self, frame: TaskStreamFrame) -> OverPixels:
        """Bring the pixels under the bars up to date."""
        theme, shapes = self._theme, bar_shapes(frame)
        plain, others = told_apart(frame, shapes)
        bars = plain_bars(frame, shapes, plain, theme, self._dimmed) if len(plain) else None
        self.backing.update(frame, theme, self._dimmed, bars, self._ticks)
        self._over = over_pixels(frame, shapes, others, self._names)
        return self._over

    def _paint_selection(self, painter: QPainter, frame: TaskStreamFrame) -> None:
        selection = self._selection_px()
        if selection is None:
            return
        lanes = self._selection_lanes
        self._selection.draw(painter, frame, selection, lanes, self._theme)
        if lanes is None:
            self._paint_selection_edges(painter)

    def _paint_now(self, painter: QPainter, frame: TaskStreamFrame) -> None:
        if 0 <= frame.now_px < frame.view.width_px:
            x = GUTTER_PX + frame.now_px
            painter.fillRect(x, 0, 1, self.height(), colour(self._theme.accent))

    # Gestures -------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Grip the scroll handle, or begin a gesture on the time axis."""
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        point = event.position().toPoint()
        if self._scroll_to(self._handle.press(self._frame, self.size(), point)):
            return
        self._press_y_px = point.y() + (self._frame.scroll_px if self._frame else 0)
        super().mousePressEvent(event)

    def _dragged_lanes(self, event: QMouseEvent) -> frozenset[int] | None:
        """Lanes between press and pointer, with Alt or when that is more than a waver."""
        frame, press = self._frame, self._press
        if frame is None or press is None:
            return None
        y_px = event.position().y() + frame.scroll_px
        has_alt = event.modifiers() & Qt.KeyboardModifier.AltModifier
        if not has_alt and abs(y_px - self._press_y_px) < LEAST_LANES_PX:
            return None
        top, bottom = sorted((self._press_y_px, round(y_px)))
        return lanes_between(frame.layout, top, bottom)

    def _scroll_to(self, top_px: int | None) -> bool:
        """Bring a pixel of the content to the top, and say whether there is one."""
        if top_px is None:
            return False
        self.scrolled_to.emit(top_px)
        self.update()
        return True

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Scroll, go on with a gesture, or report what is under the pointer."""
        point = event.position().toPoint()
        self._pointer_x, self._pointer_y = event.position().x() - GUTTER_PX, point.y()
        self._label = None
        self._meet(gutter_target(self._frame, point.x(), point.y()) if self._frame else None)
        if self._scroll_to(self._handle.drag(self._frame, self.size(), point.y())):
            return
        super().mouseMoveEvent(event)
        if self._is_panning and self._is_dragging:
            self._has_panned = True
        if self._press is None and point.x() >= GUTTER_PX:
            self.hovered.emit(point.x() - GUTTER_PX, point.y())
        elif self._hit is not None:
            self.left.emit()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a gesture; a click on a host's header folds it."""
        if self._handle.release():
            self.update()
            return
        was_click = self._press is not None and not self._is_dragging
        super().mouseReleaseEvent(event)
        point = event.position().toPoint()
        if was_click and self._frame is not None:
            self._press_target(gutter_target(self._frame, point.x(), point.y()))

    def _press_target(self, target: GutterTarget | None) -> None:
        if target is None or target.part == "name":
            return
        signals = self.pinned, self.host_folded if target.is_host else self.worker_folded
        signals[target.part == "fold"].emit(target.key)

    def _meet(self, target: GutterTarget | None) -> None:
        """The pointer is on another host or worker, and so is the pin."""
        if target != self._target:
            self._target = target
            self.update(0, 0, GUTTER_PX, self.height())

    @property
    def target(self) -> GutterTarget | None:
        """The host or worker that keys have gone to, or beside the pointer, if it is there."""
        if self._label is not None:
            return self._target
        if self._frame is None or self._pointer_y < 0:
            return None
        return gutter_target(self._frame, 0, self._pointer_y)

    def step_label(self, step: int) -> Label | None:
        """Go to the host or worker so many labels below; None where there are none."""
        if self._frame is None:
            return None
        label = beside(self._frame.layout, self._label, self._frame.scroll_px, step)
        self._label = label
        if label is not None:
            self._meet(GutterTarget(label.key, label.is_host, "keys"))
            self.update()  # headers go on over the lanes
            announce(self, label.said)
        return label

    def event(self, event: QEvent) -> bool:
        """Tell about the worker beside the pointer."""
        if not isinstance(event, QHelpEvent) or event.type() != QEvent.Type.ToolTip:
            return super().event(event)
        x, y = event.pos().toTuple()
        text = gutter_tip(self._frame, x, y) if self._frame is not None else ""
        QToolTip.showText(event.globalPos(), plain_tip(text), self)
        return True

    def leaveEvent(self, event: QEvent) -> None:
        """Report that nothing is under the pointer."""
        self.left.emit()
        self._pointer_y = -1
        self._label = None
        self._meet(None)
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Note that Space is held; the other keys are actions of the window."""
        if event.key() != Qt.Key.Key_Space:
            super().keyPressEvent(event)
        elif not event.isAutoRepeat():
            self._is_space_down, self._has_panned = True, False

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Space alone pauses; held while dragging it pans."""
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            if self._is_space_down and not self._has_panned:
                self.paused.emit()
            self._is_space_down = False
        else:
            super().keyReleaseEvent(event)


def _beside(frame: TaskStreamFrame) -> tuple[LaneLayout, int, int]:
    """What the gutter of a frame depends on."""
    return frame.layout, frame.scroll_px, frame.height_px
