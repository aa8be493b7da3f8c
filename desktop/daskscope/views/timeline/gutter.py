"""The gutter of the task stream: names of hosts and workers, memory, numbers of threads.

A worker's label has as many lines as its lanes leave room for: one beside a single thread, five
beside four threads. A chevron before each name folds, and a pin brings to the top: it is drawn
where the pointer is, and beside what is pinned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPixmap

from daskscope.derive.lanelayout import PINNED, LaneRow, RowKind, WorkerBlock
from daskscope.paint.brush import colour
from daskscope.paint.font import Role, elided, text_width
from daskscope.paint.icon import draw_chevron, draw_icon
from daskscope.paint.text import Align, draw_label
from daskscope.theme import GUTTER_PX
from daskscope.views.timeline.sight import sight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daskscope.derive.frames import TaskStreamFrame
    from daskscope.theme import Theme

CHEVRON_X_PX: Final = 14
HOST_TEXT_PX: Final = 24
WORKER_TEXT_PX: Final = 36
WORKER_CHEVRON_X_PX: Final = 26
#: Left edge and size of the pin.
PIN_PX: Final = (GUTTER_PX - 40, 14)
_MARK_PX: Final = 3
#: Where the line between two workers begins.
_LINE_LEFT_PX: Final = 10
HOST_PIN_PX: Final = (GUTTER_PX - 26, 14)
#: Right edge of thread numbers and captions.
RIGHT_PX: Final = GUTTER_PX - 11
MEMORY_BAR_PX: Final = (84, 6)
_LINE_PX: Final = 18
_THREAD_ROOM_PX: Final = 22
#: Of that, what a warning beside a name may take, and what parts it from the name.
_WARNING_ROOM_PX: Final = 6
_WARNING_GAP_PX: Final = 4
#: A lane of this height has room for its thread's number.
_LEAST_THREAD_PX: Final = 12


def ground(theme: Theme) -> int:
    """What the gutter of the lanes is painted on: one surface with the lanes on dark."""
    return theme.lane if theme.is_dark else theme.s1


@dataclass(frozen=True, slots=True)
class GutterTarget:
    """What lies under the pointer in the gutter, or what keys have gone to.

    Attributes
    ----------
    key
        Of a host or worker, as the session folds and pins it.
    part
        `fold`, `pin`, or `name` for the rest of the label; `keys` where no pointer is there.
    """

    key: str
    is_host: bool
    part: str


def gutter_target(frame: TaskStreamFrame, x_px: int, y_px: int) -> GutterTarget | None:
    """The host or worker at a pixel of the visible part; `x_px` from the left edge of the gutter.

    Over the lanes it is the one whose lane it is.
    """
    for header, top in reversed(sight(frame).headers):
        if top <= y_px < top + header.height_px:
            is_pin = HOST_PIN_PX[0] - 3 <= x_px < GUTTER_PX
            return GutterTarget(header.host, is_host=True, part="pin" if is_pin else "fold")
    y_px += frame.scroll_px
    for block in frame.layout.workers_within(y_px, 1):
        is_first_line = y_px - block.y_px < max(_LINE_PX, min(block.height_px, 22))
        part = "name"
        if is_first_line and WORKER_CHEVRON_X_PX - 8 <= x_px < WORKER_TEXT_PX:
            part = "fold"
        elif is_first_line and PIN_PX[0] - 3 <= x_px < sum(PIN_PX) + 3:
            part = "pin"
        return GutterTarget(block.key, is_host=False, part=part)
    for row in frame.layout.rows_within(y_px, 1):
        found = frame.layout.rows[row]
        if found.kind is RowKind.DENSITY:
            return GutterTarget(found.host, is_host=True, part="name")
    return None


def gutter_tip(frame: TaskStreamFrame, x_px: int, y_px: int) -> str:
    """All that is known of the worker at a pixel of the gutter; "" beside the lanes of none."""
    target = gutter_target(frame, x_px, y_px)
    if x_px >= GUTTER_PX or target is None or target.is_host:
        return ""
    return "".join(block.tip for block in frame.layout.workers_within(y_px + frame.scroll_px, 1))


def labels(frame: TaskStreamFrame) -> Sequence[WorkerBlock]:
    """What the gutter says beside the visible rows that readings change."""
    return frame.layout.workers_within(frame.scroll_px, frame.height_px)


class Gutter:
    """Draws the gutter, from a picture of its labels while they stay the same."""

    def __init__(self) -> None:
        self._picture = QPixmap()
        self._drawn: object = None

    def draw(
        self, painter: QPainter, frame: TaskStreamFrame, theme: Theme, target: GutterTarget | None
    ) -> None:
        """Draw all labels beside the visible rows; `target` is what the pointer is on."""
        ratio = painter.device().devicePixelRatio()
        place = frame.scroll_px, frame.height_px, frame.layout.pitch_px
        drawn = sight(frame).rows, labels(frame), *place, theme.name, target, ratio
        if drawn != self._drawn:
            self._drawn = drawn
            # At a scale of 1.5 an odd height ends in the middle of a pixel, which is to be filled.
            size = QSize(math.ceil(GUTTER_PX * ratio), math.ceil(frame.height_px * ratio))
            if self._picture.size() != size:
                self._picture = QPixmap(size)
            self._picture.setDevicePixelRatio(ratio)
            self._picture.fill(colour(ground(theme)))
            with QPainter(self._picture) as beside:
                _draw_labels(beside, frame, theme, target)
        painter.drawPixmap(0, 0, self._picture)


class Headers:
    """Draws the headers of hosts, which go on over the lanes, from pictures of them."""

    def __init__(self) -> None:
        self._pictures: dict[int, QPixmap] = {}
        self._drawn: object = None

    def draw(
        self, painter: QPainter, frame: TaskStreamFrame, theme: Theme, target: GutterTarget | None
    ) -> None:
        """Draw those in sight; `target` is what the pointer is on."""
        ratio = painter.device().devicePixelRatio()
        place = frame.view.width_px, _room_px(frame)
        drawn = sight(frame).headers, *place, theme.name, target, ratio
        if drawn != self._drawn:
            self._drawn, self._pictures = drawn, {}
        for row, top in sight(frame).headers:
            picture = self._pictures.get(row.y_px)
            if picture is None:
                picture = self._pictures[row.y_px] = _pictured(frame, row, theme, target, ratio)
            if top != row.y_px - frame.scroll_px:  # over lanes, which are not to be seen through it
                width = GUTTER_PX + frame.view.width_px
                painter.fillRect(0, top, width, row.height_px, colour(theme.hdr))
            # The line above it belongs to it.
            painter.drawPixmap(0, top - 1, picture)


def _pictured(
    frame: TaskStreamFrame,
    row: LaneRow,
    theme: Theme,
    target: GutterTarget | None,
    ratio: float,
) -> QPixmap:
    """Picture of a header with the line above it; where it has no text one sees through it."""
    size = GUTTER_PX + frame.view.width_px, row.height_px + 1
    picture = QPixmap(*(math.ceil(length_px * ratio) for length_px in size))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    with QPainter(picture) as painter:
        painter.translate(0, 1)
        is_met = target is not None and target.is_host and target.key == row.host
        has_pin = row.host != PINNED and (is_met or row.is_pinned)
        _draw_host(painter, frame, row, theme, has_pin=has_pin)
        if has_pin:
            top = (row.height_px - 1 - HOST_PIN_PX[1]) // 2
            _draw_pin(painter, HOST_PIN_PX[0], top, theme, is_pinned=row.is_pinned)
        if is_met:
            _draw_mark(painter, 0, row.height_px - 1, theme, target)
    return picture


def _draw_labels(
    painter: QPainter, frame: TaskStreamFrame, theme: Theme, target: GutterTarget | None
) -> None:
    """Draw the labels of workers and threads on the ground."""
    painter.fillRect(GUTTER_PX - 1, 0, 1, frame.height_px, colour(theme.line))
    for row in sight(frame).rows:
        top = row.y_px - frame.scroll_px
        if row.kind in (RowKind.LANE, RowKind.CROWD) and row.height_px >= _LEAST_THREAD_PX:
            box = (RIGHT_PX - 40, top, 40, _bar_px(row.height_px))
            text = str(row.thread) if row.thread else row.caption
            draw_label(painter, box, text, Role.SMALL, theme.t3, Align.RIGHT)
        elif row.kind is RowKind.DENSITY and row.caption:
            _draw_density_label(painter, row, top, theme)
    # The name stands beside the bars of the first lane, as the number of its thread does.
    inset_px = max((_bar_px(frame.layout.pitch_px) - _LINE_PX) // 2, 0)
    for block in frame.layout.workers_within(frame.scroll_px, frame.height_px):
        is_met = target is not None and target.key == block.key
        top = block.y_px - frame.scroll_px + inset_px
        _draw_worker(painter, block, top, theme, is_met=is_met)
        if is_met:
            _draw_mark(painter, block.y_px - frame.scroll_px, block.height_px, theme, target)
    for y_px in sight(frame).lines_px.tolist():
        painter.fillRect(_LINE_LEFT_PX, y_px, GUTTER_PX, 1, colour(theme.line2))


def _bar_px(pitch_px: int) -> int:
    return max(pitch_px - 5, 8)


def _draw_host(
    painter: QPainter, frame: TaskStreamFrame, row: LaneRow, theme: Theme, *, has_pin: bool
) -> None:
    height, width = row.height_px, GUTTER_PX + frame.view.width_px
    painter.fillRect(0, 0, GUTTER_PX, height - 1, colour(theme.hdr))  # no line cuts its text
    painter.fillRect(0, height - 1, width, 1, colour(theme.line2))
    painter.fillRect(0, -1, width, 1, colour(theme.line))
    draw_chevron(painter, CHEVRON_X_PX, (height - 1) / 2, theme.t2, is_open=not row.is_folded)
    edge = width - _room_px(frame) - 12
    detail_px = draw_label(
        painter,
        (GUTTER_PX + 12, 0, max(edge - GUTTER_PX - 12, 0), height - 1),
        row.detail,
        Role.VALUE,
        theme.t3,
        Align.RIGHT,
    )
    room = (HOST_PIN_PX[0] - 6 if has_pin else edge - detail_px - 24) - HOST_TEXT_PX
    box = (HOST_TEXT_PX, 0, max(room, 0), height - 1)
    title_px = draw_label(painter, box, row.title, Role.TITLE, theme.t1)
    left = HOST_TEXT_PX + title_px + 10
    caption_px = max(room - title_px - 10, 0)
    # Of what the pin leaves no half of, such as "10.…", nothing is told.
    if not has_pin or 2 * caption_px >= text_width(Role.VALUE, row.caption):
        caption_box = (left, 0, caption_px, height - 1)
        draw_label(painter, caption_box, row.caption, Role.VALUE, theme.t3)


def _room_px(frame: TaskStreamFrame) -> int:
    """What is left to "now" where that stands close to the right edge, as while following."""
    right_px = frame.view.width_px - frame.now_px
    return right_px if 0 < right_px < 40 else 0


def _draw_density_label(painter: QPainter, row: LaneRow, top: int, theme: Theme) -> None:
    left, width = WORKER_TEXT_PX, RIGHT_PX - WORKER_TEXT_PX
    if row.height_px < 2 * 14:
        draw_label(painter, (left, top, width, row.height_px), row.title, Role.TITLE, theme.t1)
        return
    middle = top + row.height_px / 2
    draw_label(painter, (left, middle - 16, width, 16), row.title, Role.TITLE, theme.t1)
    draw_label(painter, (left, middle, width, 14), row.caption, Role.VALUE, theme.t3)


def _draw_mark(
    painter: QPainter, top: int, height: int, theme: Theme, target: GutterTarget | None
) -> None:
    """Draw a line along the label that keys have gone to."""
    if target is not None and target.part == "keys":
        painter.fillRect(0, top, _MARK_PX, height, colour(theme.accent))


def _draw_pin(painter: QPainter, left: int, top: int, theme: Theme, *, is_pinned: bool) -> None:
    name, rgb = ("push-pin-fill", theme.accent_t) if is_pinned else ("push-pin", theme.t2)
    draw_icon(painter, name, left, top, rgb, PIN_PX[1])


def _draw_worker(
    painter: QPainter, block: WorkerBlock, top: int, theme: Theme, *, is_met: bool
) -> None:
    """Draw name, address and memory on as many lines as there is room for."""
    left, right = WORKER_TEXT_PX, RIGHT_PX - _THREAD_ROOM_PX
    ink = theme.tdis if block.gone_ns else theme.t1
    n_lines = max((block.height_px + 4) // _LINE_PX, 1)
    line = float(min(_LINE_PX, block.height_px))
    has_pin = is_met or block.is_pinned
    draw_chevron(
        painter, WORKER_CHEVRON_X_PX, top + line / 2, theme.t2, is_open=not block.is_folded
    )
    if has_pin:
        pin_top = round(top + (line - PIN_PX[1]) / 2)
        _draw_pin(painter, PIN_PX[0], pin_top, theme, is_pinned=block.is_pinned)
    first_right = PIN_PX[0] - 4 if has_pin else right
    if block.warning and n_lines < 3:
        warning_px = round(text_width(Role.SMALL, block.warning))
        warning_left = first_right + (0 if has_pin else _WARNING_ROOM_PX) - warning_px
        box: tuple[float, float, float, float] = (warning_left, top, warning_px + 1, line)
        draw_label(painter, box, block.warning, Role.SMALL, theme.warn)
        first_right = warning_left - _WARNING_GAP_PX
    box = (left, top, first_right - left, line)
    name = elided(Role.TITLE, block.name, int(box[2]), Qt.TextElideMode.ElideMiddle)
    name_px = draw_label(painter, box, name, Role.TITLE, ink)
    rest = left + name_px + 8
    if n_lines >= 3:
        box = (left, top + line, right - left, line)
        draw_label(painter, box, block.address, Role.SMALL, theme.t3)
        draw_label(painter, box, block.warning, Role.SMALL, theme.warn, Align.RIGHT)
        if n_lines == 3:
            _draw_memory_line(painter, block, top + 2 * line, theme)
        else:
            _draw_memory(painter, block, (left, top + 46, MEMORY_BAR_PX[0]), theme)
            box = (left, top + 54, right - left, 14)
            draw_label(painter, box, block.memory_text, Role.SMALL, theme.t3)
        return
    address_px = text_width(Role.SMALL, block.address)
    if rest + address_px <= first_right:
        box = (rest, top, first_right - rest, line)
        draw_label(painter, box, block.address, Role.SMALL, theme.t3)
        rest += address_px + 8
    if n_lines == 2:
        _draw_memory_line(painter, block, top + line, theme)
    elif first_right - rest >= MEMORY_BAR_PX[0] // 4 and block.height_px >= _LEAST_THREAD_PX:
        _draw_memory(painter, block, (rest, top + line / 2 - 3, first_right - rest), theme)


def _draw_memory_line(painter: QPainter, block: WorkerBlock, top: float, theme: Theme) -> None:
    """Draw a short bar, and how much it is beside it."""
    width = MEMORY_BAR_PX[0] // 2
    _draw_memory(painter, block, (WORKER_TEXT_PX, top + 6, width), theme)
    box = (WORKER_TEXT_PX + width + 8, top, 60, _LINE_PX)
    draw_label(painter, box, block.memory_text, Role.SMALL, theme.t3)


def _draw_memory(
    painter: QPainter, block: WorkerBlock, place: tuple[float, float, float], theme: Theme
) -> None:
    """Draw shares of the limit from the left; nothing when memory was not measured."""
    if not block.memory_text:
        return
    left, top, width = (round(value) for value in place)
    height = MEMORY_BAR_PX[1]
    painter.fillRect(left, top, width, height, colour(theme.ctl if theme.is_dark else theme.line2))
    x = left
    for share, rgb in zip(block.memory[:3], _memory_colours(theme, block.alarm), strict=True):
        part = min(round(share * width), left + width - x)
        painter.fillRect(x, top, part, height, colour(rgb))
        x += part


def _memory_colours(theme: Theme, alarm: int) -> tuple[int, int, int]:
    if alarm == 0:
        return theme.mem, theme.mem_un, theme.mem_rec
    if alarm == 1:
        return theme.memhi, theme.memhi2, theme.memhi3
    return theme.mempause, theme.mempause, theme.mempause
