"""What of the timeline is painted anew, and what is left as it is."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtGui import QImage, QRegion

from daskscope.derive.frames import EMPTY, Dense, EventMark, Evicted, FoundMark
from daskscope.session import Bookmark
from daskscope.theme import DARK, GUTTER_PX, LIGHT, MINIMAP_PX, Theme
from daskscope.views.timeline.axis import AxisView
from daskscope.views.timeline.events import EventsView
from daskscope.views.timeline.lanes import LABEL_PADDING_PX, Fill, bar_shapes
from daskscope.views.timeline.minimap import MinimapView
from daskscope.views.timeline.plain import told_apart
from daskscope.views.timeline.stream import StreamView
from tests.gui import frames
from tests.gui.frames import BarList, frame, layout

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from PySide6.QtWidgets import QWidget
    from pytestqt.qtbot import QtBot

    from daskscope.derive.frames import Minimap, TaskStreamFrame


class Watched:
    """Left edges of what is painted."""

    def __init__(self, view: QWidget, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
        self._lefts: list[int] = []
        self._view = view
        qtbot.addWidget(view)
        view.resize(1_180, 120)
        monkeypatch.setattr(view, "update", self._update)

    def _update(self, *box: int) -> None:
        self._lefts.append(box[0] if box else 0)

    def taken(self) -> list[int]:
        """Those since the last call."""
        lefts, self._lefts = self._lefts, []
        return lefts


@pytest.mark.parametrize("make", [AxisView, EventsView])
def test_a_strip_is_painted_anew_only_when_something_is_new(
    make: type[AxisView | EventsView], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = make(LIGHT)
    watched = Watched(view, qtbot, monkeypatch)
    drawn = frame(layout(), BarList().bars())

    def show(drawn: TaskStreamFrame, selection_ns: tuple[int, int] | None = None) -> list[int]:
        if isinstance(view, AxisView):
            view.show_frame(drawn, frames.ticks(), selection_ns)
        else:
            view.show_frame(drawn, selection_ns)
        return watched.taken()

    assert show(drawn) == [GUTTER_PX]
    assert show(frame(layout(), BarList().bars())) == []
    assert show(replace(drawn, now_px=drawn.now_px - 1)) == [GUTTER_PX]
    assert show(drawn) == [GUTTER_PX]
    selection_ns = drawn.view.time_ns(100), drawn.view.time_ns(300)
    assert show(drawn, selection_ns) == [GUTTER_PX]
    assert show(drawn, selection_ns) == []
    # Only the axis shows where time goes on in which nothing is.
    goes_on = [GUTTER_PX] if make is AxisView else []
    view.show_notes((Bookmark(drawn.view.time_ns(50), "here"),), None)
    assert show(drawn, selection_ns) == goes_on
    moved = replace(drawn, view=replace(drawn.view, start_ns=drawn.view.time_ns(1)))
    assert show(moved) == [GUTTER_PX]
    assert show(drawn) == goes_on
    assert show(drawn, selection_ns) == show(moved, selection_ns) == [GUTTER_PX]
    events = (EventMark(500, "added", "w1 added", has_line=False),)
    are_new = [GUTTER_PX] if make is EventsView else []
    assert show(replace(moved, events=events), selection_ns) == are_new
    view.set_theme(DARK)
    assert watched.taken() == [0]


def shown_in_turn(
    before: TaskStreamFrame, after: TaskStreamFrame, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """By pixel column, of one frame after another: whether it looks other, and is painted anew."""
    view = StreamView(LIGHT)
    qtbot.addWidget(view)
    view.resize(GUTTER_PX + before.view.width_px, before.height_px)
    pictures = []
    for drawn in (before, after):
        boxes: list[tuple[int, ...]] = []
        monkeypatch.setattr(view, "update", lambda *box, boxes=boxes: boxes.append(box))
        view.show_frame(drawn, frames.ticks(), frames.NAMES)
        image = view.grab().toImage()
        pixels = np.frombuffer(image.constBits(), np.uint32).copy()
        pictures.append(pixels.reshape(image.height(), image.width()))
    is_painted = np.zeros(view.width(), np.bool_)
    for left, _, width, _ in boxes:
        is_painted[left : left + width] = True
    return (pictures[0] != pictures[1]).any(axis=0), is_painted


def test_of_a_picture_that_does_not_move_what_is_new_is_painted_anew(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = frames.busy_run()
    cells = before.dense.cells.copy()
    rows = slice(before.first_row, before.last_row)
    cells[rows, 690:694] = cells[rows, 770] = EMPTY
    after = replace(before, dense=Dense(cells), is_exact=False)

    is_other, is_painted = shown_in_turn(before, after, qtbot, monkeypatch)

    assert is_other.any()
    assert not (is_other & ~is_painted).any()
    assert is_painted.sum() == 5


def test_where_a_bar_of_one_colour_has_come_only_its_columns_are_painted_anew(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    after = frames.busy_run()
    bars, shapes = after.bars, bar_shapes(after)
    plain, _ = told_apart(after, shapes)
    widths_px = bars.x1_px[plain] - bars.x0_px[plain]
    come = plain[np.flatnonzero(widths_px <= 12)[-1]]  # too narrow for a label

    is_other, is_painted = shown_in_turn(without(after, int(come)), after, qtbot, monkeypatch)

    assert is_other.any()
    assert not (is_other & ~is_painted).any()
    assert is_painted.sum() <= bars.x1_px[come] - bars.x0_px[come]


def without(drawn: TaskStreamFrame, number: int) -> TaskStreamFrame:
    """The same without one of its bars."""
    columns = {field.name: getattr(drawn.bars, field.name) for field in fields(drawn.bars)}
    kept = {
        name: np.delete(column, number) for name, column in columns.items() if column is not None
    }
    return replace(drawn, bars=replace(drawn.bars, **kept))


@pytest.mark.parametrize("fill", [Fill.ERRED, Fill.RUNNING, Fill.TRANSFER])
def test_where_another_bar_has_come_or_gone_only_its_columns_are_painted_anew(
    fill: Fill, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = frames.busy_run()
    shapes = bar_shapes(drawn)
    alike = np.flatnonzero(shapes.fill == fill.value)
    number = int(alike[np.argmin(shapes.rects[alike, 2] - shapes.rects[alike, 0])])
    width_px = int(shapes.rects[number, 2] - shapes.rects[number, 0]) + 1
    for pair in ((without(drawn, number), drawn), (drawn, without(drawn, number))):
        is_other, is_painted = shown_in_turn(*pair, qtbot, monkeypatch)

        assert is_other.any()
        assert not (is_other & ~is_painted).any()
        assert is_painted.sum() <= width_px + 2 * LABEL_PADDING_PX


def test_where_a_line_of_an_event_has_come_or_gone_only_its_columns_are_painted_anew(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = frames.busy_run()
    line, other = (EventMark(500, sign, "", has_line=True) for sign in ("graph", "lost"))
    shown = [
        replace(drawn, events=events) for events in ((), (line,), (line._replace(n=2),), (other,))
    ]
    for before, after, n_painted in ((0, 1, 3), (1, 0, 3), (1, 2, 0), (1, 3, 3)):
        is_other, is_painted = shown_in_turn(shown[before], shown[after], qtbot, monkeypatch)

        assert is_other.any() == (n_painted > 0)
        assert not (is_other & ~is_painted).any()
        assert is_painted.sum() == n_painted


@pytest.mark.parametrize(
    "change",
    [
        lambda drawn: replace(drawn, now_px=drawn.now_px - 3),
        lambda drawn: replace(drawn, bars=replace(drawn.bars, x1_px=drawn.bars.x1_px + 1)),
        lambda drawn: replace(drawn, bars=replace(drawn.bars, slot=drawn.bars.slot[::-1].copy())),
        lambda drawn: replace(drawn, bars=replace(drawn.bars, name=drawn.bars.name[::-1].copy())),
        lambda drawn: replace(drawn, bars=replace(drawn.bars, state=drawn.bars.state[::-1].copy())),
        lambda drawn: replace(drawn, bars=replace(drawn.bars, kind=drawn.bars.kind[::-1].copy())),
        lambda drawn: replace(drawn, events=(EventMark(500, "graph", "graph submitted", True),)),
        lambda drawn: replace(drawn, evicted=Evicted(0, 200, "5 spans evicted", "5 spans")),
        lambda drawn: replace(drawn, found=FoundMark(drawn.last_row - 2, 700, 760, False)),
        lambda drawn: replace(drawn, lit=drawn.dense),
        lambda drawn: replace(
            drawn, layout=frames.layout(gone_ns=frames.START_NS + 20_000_000_000)
        ),
        lambda drawn: replace(drawn, scroll_px=9),
        lambda drawn: replace(drawn, densities=()),
    ],
)
def test_whatever_else_is_new_all_of_it_is_painted_anew(
    change: Callable[[TaskStreamFrame], TaskStreamFrame],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = frames.busy_run()

    is_other, is_painted = shown_in_turn(before, change(before), qtbot, monkeypatch)

    assert is_other.any()
    assert not (is_other & ~is_painted).any()


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_a_part_is_painted_as_it_is_in_the_whole(theme: Theme, qtbot: QtBot) -> None:
    drawn = frames.busy_run()
    marks = (EventMark(x_px, "graph", "", True) for x_px in (0, 300, 317))
    drawn = replace(drawn, events=tuple(marks))
    view = StreamView(theme)
    qtbot.addWidget(view)
    view.resize(GUTTER_PX + drawn.view.width_px, drawn.height_px)
    view.show_frame(drawn, frames.ticks(), frames.NAMES)

    def painted(*columns: tuple[int, int]) -> npt.NDArray[np.uint32]:
        image = QImage(view.size(), QImage.Format.Format_RGB32)
        image.fill(0)
        region = QRegion()
        for first, end in columns:
            region += QRegion(first, 0, end - first, view.height())
        view.render(image, region.boundingRect().topLeft(), region)
        return np.frombuffer(image.constBits(), np.uint32).reshape(view.height(), -1).copy()

    whole = painted((0, view.width()))
    for first in range(GUTTER_PX, view.width() - 30, 7):
        columns = (GUTTER_PX, GUTTER_PX + 1), (first, first + 3), (first + 20, first + 21)
        part = painted(*columns)
        for left, right in columns:
            np.testing.assert_array_equal(part[:, left:right], whole[:, left:right])


def test_where_something_is_lit_all_of_it_is_painted_anew(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = frames.busy_run()
    lit, dim = (np.full(len(run.bars), is_lit) for is_lit in (True, False))
    before = replace(run, lit=run.dense, bars=replace(run.bars, is_lit=lit))

    is_other, is_painted = shown_in_turn(
        before, replace(before, bars=replace(run.bars, is_lit=dim)), qtbot, monkeypatch
    )

    assert is_other.any()
    assert not (is_other & ~is_painted).any()


def test_the_gutter_is_painted_anew_only_when_the_rows_are_others(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = StreamView(LIGHT)
    watched = Watched(view, qtbot, monkeypatch)
    rows = layout()

    def show(drawn: TaskStreamFrame) -> int:
        view.show_frame(drawn, frames.ticks(), frames.NAMES)
        return min(watched.taken())

    assert show(frame(rows, BarList().bars())) == 0
    assert show(frame(rows, BarList().bars())) == GUTTER_PX
    assert show(replace(frame(rows, BarList().bars()), scroll_px=7)) == 0
    assert show(frame(layout(), BarList().bars())) == 0


def test_the_minimap_is_painted_anew_only_when_it_looks_other(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = MinimapView(LIGHT)
    watched = Watched(view, qtbot, monkeypatch)
    whole = frames.minimap()

    def show(shown: Minimap, dimmed: frozenset[int] = frozenset()) -> list[int]:
        view.show_minimap(shown, dimmed)
        return watched.taken()

    assert show(whole) == [0]
    assert show(replace(whole)) == []
    assert show(whole, frozenset({2})) == [0]
    assert show(whole) == [0]
    assert show(replace(whole, busy=whole.busy.copy())) == [0]


@pytest.mark.parametrize("step", [(1, 0), (0, 1), (-40, -40), (90, 90), (-700, 2), (80, 0)])
def test_of_the_minimap_all_is_painted_anew_that_a_moved_brush_changes(
    step: tuple[int, int], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = MinimapView(LIGHT)
    view.resize(GUTTER_PX + 1_012, MINIMAP_PX)
    qtbot.addWidget(view)
    boxes: list[tuple[int, ...]] = []
    monkeypatch.setattr(view, "update", lambda *box: boxes.append(box))
    whole, pictures = frames.minimap(), []
    for left, right in ((800, 880), (800 + step[0], 880 + step[1])):
        view.show_minimap(replace(whole, brush_px=(left, right)))
        image = view.grab().toImage()
        pixels = np.frombuffer(image.constBits(), np.uint32).copy()
        pictures.append(pixels.reshape(image.height(), image.width()))
    _, *updated = boxes
    is_updated = np.zeros(view.width(), np.bool_)
    for left, _, width, _ in updated:
        is_updated[left : left + width] = True
    is_other = (pictures[0] != pictures[1]).any(axis=0)
    assert is_other.any()
    assert not (is_other & ~is_updated).any()
    assert is_updated.sum() < is_other.sum() + 60
