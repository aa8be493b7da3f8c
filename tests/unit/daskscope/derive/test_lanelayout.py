"""Which header stays at the top, and where."""

from __future__ import annotations

import pytest

from daskscope.derive.lanelayout import RowKind
from daskscope.derive.lanes import lane_layout
from daskscope.session import Grouping, Session
from tests.layouts import cluster

LAYOUT = lane_layout(cluster(24, 4), Session(), 200)
ROWS = [index for index, row in enumerate(LAYOUT.rows) if row.kind is RowKind.HOST]
TOPS_PX = [LAYOUT.rows[index].y_px for index in ROWS]
HEADER_PX = LAYOUT.header_px


def test_of_hosts_there_is_a_header_of_some_height() -> None:
    assert len(ROWS) == 3
    assert HEADER_PX == LAYOUT.rows[0].height_px > 0


@pytest.mark.parametrize("host", [0, 1, 2])
def test_it_stays_while_lanes_of_its_host_lie_at_the_top(host: int) -> None:
    assert LAYOUT.stuck_header(TOPS_PX[host] + 1) == (ROWS[host], 0)
    end_px = (*TOPS_PX, LAYOUT.height_px)[host + 1]
    assert LAYOUT.stuck_header(end_px - HEADER_PX) == (ROWS[host], 0)


@pytest.mark.parametrize("left_px", [HEADER_PX - 1, 1])
def test_the_next_one_pushes_it_out(left_px: int) -> None:
    assert LAYOUT.stuck_header(TOPS_PX[1] - left_px) == (ROWS[0], left_px - HEADER_PX)


def test_none_does_where_the_one_at_the_top_belongs_there() -> None:
    assert LAYOUT.stuck_header(0) is None
    found = LAYOUT.stuck_header(TOPS_PX[1])
    assert found is not None
    assert found[1] <= -HEADER_PX  # all of the one before is out of sight


def test_without_hosts_there_is_none() -> None:
    layout = lane_layout(cluster(24, 4), Session(grouping=Grouping.WORKER), 200)
    assert layout.header_px == 0
    assert layout.stuck_header(100) is None
