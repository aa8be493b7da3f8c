"""What the task stream draws for a task that was chosen: frames and arrows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daskscope.theme import DARK, GUTTER_PX, LIGHT
from tests.gui.chain import N_AGGS, SUM_KEY, choose, ticked
from tests.gui.working import NOW

if TYPE_CHECKING:
    from PySide6.QtGui import QImage

    from daskscope.app.run import Run
    from daskscope.theme import Theme
    from tests.gui.working import Link


def test_the_stream_frames_it_and_draws_arrows(chained: Run, link: Link) -> None:
    choose(chained, SUM_KEY, link)
    frame = chained.frame
    assert frame is not None
    ties = chained.choosing.ties(frame, NOW)
    assert ties is not None
    assert ties.chosen is not None
    ins = [arrow for arrow in ties.arrows if arrow.is_in]
    outs = [arrow for arrow in ties.arrows if not arrow.is_in]
    assert len(ins) == 2
    assert len(outs) == 2  # one for each worker
    assert (ties.more_in, ties.more_out) == (0, N_AGGS - 2)
    assert len(ties.related) == N_AGGS + 2

    for theme in (LIGHT, DARK):
        chained.choose_theme(theme.name)
        ticked(chained, 3)
        picture = chained.window.timeline.stream.grab().toImage()
        row_px = int(frame.layout.row_px[0, ties.chosen.row]) - frame.scroll_px
        x = GUTTER_PX + (ties.chosen.x0_px + ties.chosen.x1_px) // 2
        assert picture.pixel(x, row_px - 1) & 0xFFFFFF == theme.accent
        assert picture.pixel(x, row_px - 2) & 0xFFFFFF == theme.accent


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_arrows_are_drawn_on_their_upright(chained: Run, link: Link, theme: Theme) -> None:
    chained.choose_theme(theme.name)
    choose(chained, SUM_KEY, link)
    frame = chained.frame
    assert frame is not None
    ties = chained.choosing.ties(frame, NOW)
    assert ties is not None
    arrow = next(one for one in ties.arrows if one.is_in and one.source_row != one.target_row)
    tops = frame.layout.row_px[0] - frame.scroll_px
    # Half way between both rows, where nothing else is.
    y = int(tops[arrow.source_row] + frame.layout.pitch_px + tops[arrow.target_row]) // 2

    def amount(picture: QImage) -> int:
        """How much of the accent's blue is there, less red."""
        pixels = [picture.pixelColor(GUTTER_PX + arrow.trunk_px + dx, y) for dx in (-1, 0)]
        return sum(pixel.blue() - pixel.red() for pixel in pixels)

    drawn = amount(chained.window.timeline.stream.grab().toImage())
    chained.choosing.let_go()
    ticked(chained)
    gone = amount(chained.window.timeline.stream.grab().toImage())
    assert drawn > gone + 100
