"""Sums of busy time by row, column and slot."""

from __future__ import annotations

import numpy as np
import pytest

from daskscope.derive.frames import FAILED_KIND
from daskscope.derive.raster import ERRED, MAX_SLOT_PLANES, NOTHING, OTHER, Raster, Window
from daskscope.store.schema import Kind, Status

WINDOW = Window(0, 10.0, 0, 20)


def put(
    raster: Raster,
    x0: float,
    x1: float,
    slot: int = 0,
    row: int = 0,
    kind: Kind = Kind.COMPUTE,
    status: Status = Status.UNSET,
) -> None:
    plane = raster.planes(
        np.array([kind], np.uint8), np.array([status], np.uint8), np.array([slot], np.int32)
    )
    raster.cover(plane, np.array([row], np.int32), np.array([x0]), np.array([x1]))


def shares(raster: Raster, row: int = 0) -> list[float]:
    sums, _ = raster.shares(row, slice(0, WINDOW.n_columns))
    found: list[float] = sums.sum(axis=0).tolist()
    return found


@pytest.mark.parametrize(
    ("x0", "x1", "expected"),
    [
        (2.25, 2.75, {2: 0.5}),
        (2.0, 3.0, {2: 1.0}),
        (2.5, 3.25, {2: 0.5, 3: 0.25}),
        (2.5, 6.25, {2: 0.5, 3: 1.0, 4: 1.0, 5: 1.0, 6: 0.25}),
        (-3.0, 1.5, {0: 1.0, 1: 0.5}),
        (18.5, 40.0, {18: 0.5, 19: 1.0}),
        (-5.0, -1.0, {}),
        (20.0, 30.0, {}),
        (4.0, 4.0, {4: 0.001}),
    ],
)
def test_a_box_covers_exactly_its_columns(x0: float, x1: float, expected: dict[int, float]) -> None:
    raster = Raster(WINDOW, 2)
    put(raster, x0, x1, row=1)

    assert shares(raster, 1) == pytest.approx([expected.get(x, 0.0) for x in range(20)], abs=1e-6)
    assert shares(raster, 0) == [0.0] * 20


def test_projection_takes_the_commonest_and_marks_failures() -> None:
    raster = Raster(WINDOW, 1)
    put(raster, 1.0, 1.3, slot=4)
    put(raster, 1.3, 1.9, slot=7)
    put(raster, 3.0, 3.9, slot=4)
    put(raster, 3.9, 3.95, slot=4, status=Status.ERROR)
    put(raster, 5.0, 6.0, slot=-1, kind=Kind.OTHER)
    put(raster, 7.2, 7.3, slot=-1, kind=Kind.DISK_READ)
    raster.project(frozenset())

    assert raster.slot[0, [0, 1, 3, 5, 7]].tolist() == [NOTHING, 7, ERRED, OTHER, NOTHING]
    assert raster.busy[0, [0, 1, 5]].tolist() == [0, round(0.901 * 255), 255]
    assert raster.kind[0, [1, 7]].tolist() == [0, Kind.DISK_READ]
    raster.project(frozenset({7}))
    assert raster.slot[0, 1] == 4


def test_what_is_added_later_is_projected() -> None:
    raster = Raster(WINDOW, 1)
    put(raster, 1.0, 2.0, slot=0)
    raster.project(frozenset())
    put(raster, 9.0, 9.5, slot=1)
    raster.project(frozenset())

    assert raster.slot[0, [1, 9]].tolist() == [0, 1]


def test_moving_keeps_what_stays_in_the_window() -> None:
    raster = Raster(WINDOW, 1)
    put(raster, 1.0, 2.0, slot=0)
    put(raster, 15.0, 16.0, slot=1)
    raster.project(frozenset())
    put(raster, 17.0, 18.0, slot=2)
    raster.move(10)
    put(raster, 19.0, 20.0, slot=0)
    raster.project(frozenset())

    assert raster.window.start_ns == 100
    expected = [NOTHING] * 20
    expected[5], expected[7], expected[19] = 1, 2, 0
    assert raster.slot[0].tolist() == expected


def test_a_move_beyond_the_window_leaves_it_empty() -> None:
    raster = Raster(WINDOW, 1)
    put(raster, 1.0, 20.0)
    raster.project(frozenset())
    raster.move(50)
    raster.project(frozenset())

    assert (raster.slot == NOTHING).all()
    assert shares(raster) == [0.0] * 20


def test_planes_are_bounded() -> None:
    raster = Raster(WINDOW, 1)
    for slot in range(3 * MAX_SLOT_PLANES):
        put(raster, 1.0, 2.0, slot=slot)

    assert len(raster.slots) == 2 + MAX_SLOT_PLANES
    assert shares(raster)[1] == pytest.approx(3 * MAX_SLOT_PLANES)


def test_what_failed_in_a_sub_lane_is_marked() -> None:
    raster = Raster(Window(0, 1.0, 0, 9), 1)
    kinds = np.array([Kind.TRANSFER, Kind.TRANSFER, Kind.DISK_READ], np.uint8)
    status = np.array([Status.UNSET, Status.ERROR, Status.UNSET], np.uint8)
    planes = raster.planes(kinds, status, np.full(3, -1, np.int32))
    starts = np.array([0.0, 2.0, 4.0])
    raster.cover(planes, np.zeros(3, np.int32), starts, starts + 1.5)
    raster.project(frozenset())

    expected = [Kind.TRANSFER] * 2 + [FAILED_KIND] * 2 + [Kind.DISK_READ] * 2 + [0] * 3
    assert raster.kind[0].tolist() == expected
    assert (raster.slot == NOTHING).all()
