"""From label to label, down and up, also where the layout has changed meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.derive.lanelabels import Label, beside
from tests.gui.frames import layout

if TYPE_CHECKING:
    from daskscope.derive.lanelayout import LaneLayout


def walk(found: LaneLayout, label: Label | None, step: int, n: int) -> list[str]:
    names = []
    for _ in range(n):
        label = beside(found, label, 0, step)
        assert label is not None
        names.append(label.name)
    return names


def test_labels_are_walked_down_and_up() -> None:
    found = layout()
    names = ["node-01", "w0", "w1", "node-02", "w2", "w3", "node-03"]
    assert walk(found, None, 1, 8) == [*names, "node-03"]
    last = beside(found, None, found.height_px, 1)
    assert walk(found, last, -1, 7) == [*names[-2::-1], "node-01"]


def test_the_first_one_is_in_view() -> None:
    found = layout()
    second = found.workers[1]
    top_px, height_px = found.block_px[:, 1].tolist()
    worker = Label("w1", False, "w1", top_px, height_px, "w1, :40107")
    assert beside(found, None, second.y_px, 1) == worker
    label = beside(found, None, second.y_px + 1, -1)
    assert label is not None
    assert label[:-1] == Label("node-02", True, "node-02", *_host(found))[:-1]


def test_a_label_that_has_moved_is_found_again() -> None:
    before, after = layout(), layout(hosts=((4, 4, 4), (4, 4)))
    label = beside(before, None, before.workers[2].y_px, 1)
    assert label is not None
    assert (label.name, walk(after, label, 1, 1)) == ("w2", ["node-02"])
    gone = Label("gone", False, "gone", label.y_px, 1)
    assert beside(after, gone, 0, 1) is not None


def test_where_there_are_no_labels_there_is_nowhere_to_go() -> None:
    assert beside(layout(hosts=(), folded=()), None, 0, 1) is None


def _host(found: LaneLayout) -> tuple[int, int]:
    row = next(row for row in found.rows if row.title == "node-02")
    return row.y_px, row.height_px
