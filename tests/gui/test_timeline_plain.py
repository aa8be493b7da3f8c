"""Plain bars as part of the pixels, held against bars that Qt draws one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
from PySide6.QtGui import QImage, QPainter

from daskscope.derive.lanes import lane_layout
from daskscope.derive.taskstream import TaskStream
from daskscope.session import Session, viewport
from daskscope.store.writer import Store
from daskscope.theme import COMPACT, DARK, LIGHT, NORMAL, NOT_YET_PX, Density, Theme
from daskscope.views.timeline.backing import Backing
from daskscope.views.timeline.bars import draw_bars
from daskscope.views.timeline.lanes import bar_shapes
from daskscope.views.timeline.plain import plain_bars, told_apart
from daskscope.views.timeline.zones import draw_zones
from tests.builders import MS, SECOND, Load
from tests.gui.frames import BarList, frame, layout

if TYPE_CHECKING:
    from daskscope.derive.frames import TaskStreamFrame

WIDTH, HEIGHT = 300, 200
THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
Dimmed = frozenset[int]


def painted(
    backing: Backing,
    drawn: TaskStreamFrame,
    theme: Theme,
    dimmed: Dimmed = frozenset(),
    *,
    has_plain: bool,
) -> npt.NDArray[np.uint32]:
    width, height = drawn.view.width_px, drawn.height_px
    shapes = bar_shapes(drawn)
    plain, others = told_apart(drawn, shapes)
    image = QImage(width, height, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    bars = plain_bars(drawn, shapes, plain, theme, dimmed) if has_plain else None
    backing.update(drawn, theme, dimmed, bars)
    backing.draw(painter)
    draw_zones(painter, drawn, theme)
    draw_bars(painter, drawn.bars, shapes, theme, dimmed, others if has_plain else None)
    painter.end()
    pixels = np.frombuffer(image.constBits(), np.uint32).reshape(height, width)
    return pixels & np.uint32(0xFFFFFF)


def some(density: Density, seed: int, gone_ns: int = 0) -> TaskStreamFrame:
    """Bars of all widths and slots that do not overlap, in all lanes of three hosts."""
    rng = np.random.default_rng(seed)
    rows, listed = layout(density=density, gone_ns=gone_ns), BarList()
    for row in np.flatnonzero(rows.kinds == 1).tolist():
        edges = np.unique(rng.integers(0, 1_012, 120))
        for x0, x1 in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            if rng.random() < 0.7:
                listed.add(row, x0, x1, 1, slot=int(rng.integers(0, 45)))
    return frame(rows, listed.bars())


@THEMES
@pytest.mark.parametrize("density", [NORMAL, COMPACT])
@pytest.mark.parametrize("scroll_px", [0, 9])
@pytest.mark.usefixtures("qapp")
def test_plain_bars_look_like_bars_that_are_drawn_one_by_one(
    theme: Theme, density: Density, scroll_px: int
) -> None:
    drawn = replace(some(density, scroll_px), scroll_px=scroll_px)
    lit = replace(drawn.bars, is_lit=np.arange(len(drawn.bars)) % 3 > 0)
    shapes = bar_shapes(drawn)
    assert len(told_apart(drawn, shapes)[0]) > len(drawn.bars) / 3
    for shown in (drawn, replace(drawn, bars=lit), replace(drawn, now_px=400)):
        for dimmed in (frozenset[int](), frozenset({1, 3, 5, 21, 22})):
            one_by_one = painted(Backing(), shown, theme, dimmed, has_plain=False)
            at_once = painted(Backing(), shown, theme, dimmed, has_plain=True)
            np.testing.assert_array_equal(at_once, one_by_one)


@pytest.mark.usefixtures("qapp")
def test_what_reaches_into_the_time_after_a_worker_went_lies_over_its_pattern() -> None:
    view = some(NORMAL, 1).view
    drawn = some(NORMAL, 1, gone_ns=view.time_ns(500.0))
    assert any(block.gone_ns for block in drawn.layout.workers)
    shapes = bar_shapes(drawn)
    plain, others = told_apart(drawn, shapes)
    assert len(plain) > 100 < len(others)
    one_by_one = painted(Backing(), drawn, LIGHT, has_plain=False)
    np.testing.assert_array_equal(painted(Backing(), drawn, LIGHT, has_plain=True), one_by_one)


@pytest.mark.parametrize("span_s", [1, 4])
@pytest.mark.usefixtures("qapp")
def test_what_is_kept_is_what_is_drawn_anew(span_s: int) -> None:
    load = Load(n_workers=2, n_threads=2, mean_ns=40 * MS)
    store, stream, backing = Store(), TaskStream(), Backing()
    store.apply(load.source.definitions())
    store.apply(load.batch(600))
    session = Session(span_ns=span_s * SECOND)
    rng = np.random.default_rng(span_s)
    n_drawn, n_plain = [], 0
    for step in range(60):
        store.apply(load.batch(int(rng.integers(1, 12))))
        snapshot = store.snapshot()
        if step == 40:
            moved_ns = snapshot.last_ns - SECOND // 3
            session = replace(session, is_following=False, end_ns=moved_ns)
        view = viewport(session, WIDTH, snapshot.last_ns, snapshot.first_ns, NOT_YET_PX)
        rows = lane_layout(snapshot, session, HEIGHT)
        drawn = stream.frame(snapshot, session, rows, view, HEIGHT, snapshot.last_ns)
        kept = painted(backing, drawn, LIGHT, has_plain=True)
        n_drawn.append(backing.n_drawn)
        n_plain += len(told_apart(drawn, bar_shapes(drawn))[0])
        np.testing.assert_array_equal(kept, painted(Backing(), drawn, LIGHT, has_plain=False))
    assert n_plain > 1_000
    assert np.mean(np.array(n_drawn) < WIDTH) > 0.4
