"""Pixels kept from frame to frame, held against frames that are drawn anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from PySide6.QtGui import QImage, QPainter

from daskscope.derive.frames import TaskStreamFrame, Tick
from daskscope.derive.lanelayout import RowKind
from daskscope.derive.lanes import lane_layout
from daskscope.derive.taskstream import TaskStream
from daskscope.session import Session, viewport
from daskscope.store.writer import Store
from daskscope.theme import DARK, LIGHT, NOT_YET_PX, WORKER_GAP_PX, Theme
from daskscope.views.timeline.backing import Backing
from tests.builders import MS, SECOND, Load

WIDTH, HEIGHT = 300, 200


class Live:
    """A cluster that goes on, and the frames of a view that follows it."""

    def __init__(self, collapsed: frozenset[str] = frozenset()) -> None:
        self.load = Load(n_workers=2, n_threads=2, mean_ns=4 * MS)
        self.store = Store()
        self.store.apply(self.load.source.definitions())
        self.stream = TaskStream()
        self.session = Session(span_ns=2 * SECOND, collapsed_hosts=collapsed)

    def frame(self, n_spans: int) -> TaskStreamFrame:
        self.store.apply(self.load.batch(n_spans))
        snapshot = self.store.snapshot()
        view = viewport(self.session, WIDTH, snapshot.last_ns, snapshot.first_ns, NOT_YET_PX)
        layout = lane_layout(snapshot, self.session, HEIGHT)
        return self.stream.frame(snapshot, self.session, layout, view, HEIGHT, snapshot.last_ns)


def drawn(backing: Backing) -> npt.NDArray[np.uint32]:
    image = QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    backing.draw(painter)
    painter.end()
    pixels = np.frombuffer(image.constBits(), np.uint32).reshape(HEIGHT, WIDTH)
    return pixels & np.uint32(0xFFFFFF)


def drawn_anew(frame: TaskStreamFrame, theme: Theme = LIGHT) -> npt.NDArray[np.uint32]:
    backing = Backing()
    backing.update(frame, theme, frozenset())
    return drawn(backing)


@pytest.mark.parametrize("collapsed", [frozenset(), frozenset({"node-00"})])
@pytest.mark.usefixtures("qapp")
def test_what_is_kept_is_what_is_drawn_anew(collapsed: frozenset[str]) -> None:
    live, backing = Live(collapsed), Backing()
    live.frame(3_000)
    rng = np.random.default_rng(3)
    n_drawn = []
    for _ in range(60):
        frame = live.frame(int(rng.integers(1, 90)))
        backing.update(frame, LIGHT, frozenset())
        n_drawn.append(backing.n_drawn)
        np.testing.assert_array_equal(drawn(backing), drawn_anew(frame))
    assert n_drawn[0] == WIDTH
    assert np.median(n_drawn) < WIDTH / 4
    # Not even where a prefix comes into view or goes.
    assert max(n_drawn[1:]) < WIDTH


@pytest.mark.usefixtures("qapp")
def test_views_that_are_moved_by_hand_are_kept_as_well() -> None:
    live, backing = Live(), Backing()
    live.frame(20_000)
    rng = np.random.default_rng(4)
    frame = live.frame(1)
    for _ in range(40):
        moved_ns = round(float(rng.normal(0, 60)) * frame.view.ns_per_px)
        end_ns = frame.view.end_ns + moved_ns
        live.session = replace(live.session, is_following=False, end_ns=end_ns)
        frame = live.frame(1)
        backing.update(frame, LIGHT, frozenset())
        np.testing.assert_array_equal(drawn(backing), drawn_anew(frame))


@pytest.mark.usefixtures("qapp")
def test_another_look_draws_everything_anew() -> None:
    live, backing = Live(), Backing()
    frame = live.frame(3_000)
    backing.update(frame, LIGHT, frozenset())
    backing.update(frame, LIGHT, frozenset())
    assert backing.n_drawn == 0
    backing.update(frame, DARK, frozenset())
    np.testing.assert_array_equal(drawn(backing), drawn_anew(frame, DARK))
    for changed in (
        replace(frame, scroll_px=frame.scroll_px + 1),
        replace(frame, lit=frame.dense),
        replace(frame, view=replace(frame.view, ns_per_px=frame.view.ns_per_px * 2)),
    ):
        backing.update(changed, DARK, frozenset())
        assert backing.n_drawn == WIDTH
        np.testing.assert_array_equal(drawn(backing), drawn_anew(changed, DARK))


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.usefixtures("qapp")
def test_grid_lines_stand_at_labelled_ticks_where_nothing_is(theme: Theme) -> None:
    live, backing, lined_backing = Live(), Backing(), Backing()
    live.frame(3_000)
    for x_px in (100, 100, 103):
        frame = live.frame(40)
        backing.update(frame, theme, frozenset())
        ticks = Tick(x_px, "1 s"), Tick(200), Tick(WIDTH, "2 s")
        lined_backing.update(frame, theme, frozenset(), ticks=ticks)
        plain, lined = drawn(backing), drawn(lined_backing)
        differs = plain != lined
        assert np.flatnonzero(differs.any(axis=0)).tolist() == [x_px]
        assert (differs[:, x_px] == (plain[:, x_px] == theme.lane)).all()
        assert set(lined[differs].tolist()) == {theme.grid}
        headers = [row for row in frame.layout.rows if row.kind is RowKind.HOST]
        assert not differs[headers[0].y_px, x_px]


@pytest.mark.usefixtures("qapp")
def test_a_line_lies_between_two_workers() -> None:
    live, backing = Live(), Backing()
    frame = live.frame(3_000)
    backing.update(frame, LIGHT, frozenset())
    blocks = frame.layout.workers
    between_px = blocks[1].y_px - WORKER_GAP_PX // 2
    assert blocks[0].y_px + blocks[0].height_px <= between_px
    lines = np.flatnonzero((drawn(backing) == LIGHT.line2).all(axis=1)).tolist()
    headers = [row for row in frame.layout.rows if row.kind is RowKind.HOST]
    assert lines == [headers[0].y_px + headers[0].height_px - 1, between_px]
