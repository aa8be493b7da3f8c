"""From label to label in the gutter: hosts and workers, from top to bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from daskscope.derive import quantity
from daskscope.derive.lanelayout import RowKind

if TYPE_CHECKING:
    from daskscope.derive.lanelayout import Int32s, LaneLayout


class Label(NamedTuple):
    """The name of a host or worker.

    Attributes
    ----------
    key
        Of the host or worker, as the session folds and pins it.
    y_px, height_px
        Where it stands in the unscrolled content.
    said
        In words what stands beside it, too.
    """

    key: str
    is_host: bool
    name: str
    y_px: int
    height_px: int
    said: str = ""


def beside(layout: LaneLayout, label: Label | None, top_px: int, step: int) -> Label | None:
    """The label `step` labels below `label`, which may have moved since it was found.

    None where there are no labels. The first one begins at or below `top_px`.
    """
    hosts = np.flatnonzero(layout.kinds == RowKind.HOST.value)
    tops_px = np.concatenate([layout.row_px[0, hosts], layout.block_px[0]])
    order = np.argsort(tops_px, kind="stable")
    if not len(order):
        return None

    def at(position: int) -> Label:
        index = int(order[position])
        if index >= len(hosts):
            block = layout.workers[index - len(hosts)]
            words = _words(
                block.name,
                block.address,
                block.warning,
                "removed" if block.gone_ns else "",
                "folded" if block.is_folded else "",
            )
            return Label(block.key, False, block.name, block.y_px, block.height_px, words)
        row = layout.rows[int(hosts[index])]
        words = _words(row.title, row.caption, row.detail, "folded" if row.is_folded else "")
        return Label(row.host, True, row.title, row.y_px, row.height_px, words)

    position = _position(tops_px[order], top_px if label is None else label.y_px)
    if label is not None:
        same = (near for near in (position, *range(len(order))) if at(near)[:2] == label[:2])
        position = next(same, position) + step
    return at(min(max(position, 0), len(order) - 1))


def _words(*parts: str) -> str:
    """Texts one after the other, where dots stand between them, too."""
    return ", ".join(part for part in parts if part).replace(quantity.DOT, ", ")


def _position(tops_px: Int32s, y_px: int) -> int:
    """The first of the sorted tops that is not above a pixel, or the last."""
    return min(int(np.searchsorted(tops_px, y_px)), len(tops_px) - 1)
