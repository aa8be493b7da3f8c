"""Sums of busy time by row, column and slot."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from daskscope.derive.frames import FAILED_KIND, Dense
from daskscope.derive.raster import ERRED, MAX_SLOT_PLANES, NOTHING, OTHER, Raster, Window
from daskscope.derive.taskstream import always
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
    raster.cover(plane, np.array([row], np.int32), (np.array([x0]), np.array([x1])))


def looked_at(
    raster: Raster,
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    raster.project(0, always)
    cells = Dense(raster.look(raster.window.column, raster.window.end))
    return cells.slot, cells.busy, cells.kind


def shares(raster: Raster, row: int = 0) -> list[float]:
    window = raster.window
    sums, _ = raster.shares(row, np.arange(window.column, window.end))
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
    slot, busy, kind = looked_at(raster)

    assert slot[0, [0, 1, 3, 5, 7]].tolist() == [NOTHING, 7, ERRED, OTHER, NOTHING]
    assert busy[0, [0, 1, 5]].tolist() == [0, round(0.901 * 255), 255]
    assert kind[0, [1, 7]].tolist() == [0, Kind.DISK_READ]


def test_what_is_added_later_is_projected() -> None:
    raster = Raster(WINDOW, 1)
    put(raster, 1.0, 2.0, slot=0)
    looked_at(raster)
    put(raster, 9.0, 9.5, slot=1)
    slot, _, _ = looked_at(raster)

    assert slot[0, [1, 9]].tolist() == [0, 1]


@pytest.mark.parametrize(("column", "expected"), [(10, {5: 1, 7: 2}), (-4, {5: 0, 19: 1})])
def test_moving_keeps_what_stays_in_the_window(column: int, expected: dict[int, int]) -> None:
    raster = Raster(WINDOW, 1)
    put(raster, 1.0, 2.0, slot=0)
    put(raster, 15.0, 16.0, slot=1)
    looked_at(raster)
    put(raster, 17.0, 18.0, slot=2)
    raster.move(column)
    put(raster, 3.0, 4.0, slot=5)
    slot, busy, _ = looked_at(raster)

    expected = expected | {3: 5}
    assert raster.window.start_ns == 10 * column
    assert slot[0].tolist() == [expected.get(x, NOTHING) for x in range(20)]
    assert busy[0].tolist() == [255 * (x in expected) for x in range(20)]
    assert shares(raster) == [float(x in expected) for x in range(20)]


def test_a_ring_moved_around_many_times_is_still_in_order() -> None:
    raster = Raster(WINDOW, 1)
    for column in range(0, 100, 7):
        raster.move(column)
        put(raster, 12.5, 13.0, slot=1)
        slot, _, _ = looked_at(raster)
        known = range(12, -1, -7) if column else [12]
        assert np.flatnonzero(slot[0] == 1).tolist() == sorted(x for x in known if 12 - x <= column)


@pytest.mark.parametrize("column", [50, -50])
def test_a_move_beyond_the_window_leaves_it_empty(column: int) -> None:
    raster = Raster(WINDOW, 1)
    put(raster, 1.0, 20.0)
    looked_at(raster)
    raster.move(column)
    slot, busy, _ = looked_at(raster)

    assert (slot == NOTHING).all()
    assert not busy.any()
    assert shares(raster) == [0.0] * 20


def test_a_box_is_cut_to_the_columns_that_are_meant() -> None:
    raster = Raster(Window(0, 10.0, 100, 20), 1)
    box_px = np.array([2.5]), np.array([15.5])
    raster.cover(np.array([6]), np.zeros(1, np.int32), box_px, within=(104, 106))
    raster.cover(np.array([6]), np.zeros(1, np.int32), box_px, within=(106, 120))
    raster.cover(np.array([6]), np.zeros(1, np.int32), box_px, within=(100, 104))

    whole = Raster(Window(0, 10.0, 100, 20), 1)
    whole.cover(np.array([6]), np.zeros(1, np.int32), box_px)
    np.testing.assert_array_equal(raster._sums, whole._sums)


def test_a_projection_can_be_cut_short() -> None:
    raster = Raster(Window(0, 1.0, 0, 1_000), 1)
    put(raster, 10.0, 11.0)
    put(raster, 990.0, 991.0)
    raster.project(900, lambda: False)

    assert raster.is_projected(900, 1_000)
    assert not raster.is_projected(0, 900)
    while not raster.is_projected(0, 1_000):
        raster.project(900, lambda: False)
    slot = Dense(raster.look(0, 1_000)).slot
    assert np.flatnonzero(slot[0] != NOTHING).tolist() == [10, 990]


def test_planes_are_bounded() -> None:
    raster = Raster(WINDOW, 1)
    for slot in range(3 * MAX_SLOT_PLANES):
        put(raster, 1.0, 2.0, slot=slot)

    assert len(raster.slots) == 2 + MAX_SLOT_PLANES
    assert shares(raster)[1] == pytest.approx(3 * MAX_SLOT_PLANES)
    # No prefix is taken for another one.
    sums, _ = raster.shares(0, np.arange(WINDOW.column, WINDOW.end))
    by_slot = dict(zip(raster.slots, sums[:, 1].tolist(), strict=True))
    assert by_slot == {ERRED: 0, OTHER: 2 * MAX_SLOT_PLANES} | dict.fromkeys(
        range(MAX_SLOT_PLANES), 1
    )


def test_what_failed_in_a_sub_lane_is_marked() -> None:
    raster = Raster(Window(0, 1.0, 0, 9), 1)
    kinds = np.array([Kind.TRANSFER, Kind.TRANSFER, Kind.DISK_READ], np.uint8)
    status = np.array([Status.UNSET, Status.ERROR, Status.UNSET], np.uint8)
    planes = raster.planes(kinds, status, np.full(3, -1, np.int32))
    starts = np.array([0.0, 2.0, 4.0])
    raster.cover(planes, np.zeros(3, np.int32), (starts, starts + 1.5))
    slot, _, kind = looked_at(raster)

    expected = [Kind.TRANSFER] * 2 + [FAILED_KIND] * 2 + [Kind.DISK_READ] * 2 + [0] * 3
    assert kind[0].tolist() == expected
    assert (slot == NOTHING).all()
