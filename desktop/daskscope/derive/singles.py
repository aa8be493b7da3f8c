"""Spans that are drawn one by one, as rows of an array: such as are kept, and such as run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.derive.frames import BarState
from daskscope.store.schema import Kind
from daskscope.store.snapshot import STILL

if TYPE_CHECKING:
    import numpy.typing as npt

    from daskscope.derive.rowing import Rowing
    from daskscope.store.snapshot import Snapshot

    Spans = npt.NDArray[np.void]

#: One span that is kept; `row` is the layout's, `chunk` the chunk's number, -1 while it runs.
SPAN: Final = np.dtype(
    [
        ("start_ns", "i8"),
        ("end_ns", "i8"),
        ("row", "i4"),
        ("slot", "i4"),
        ("name", "u4"),
        ("chunk", "i4"),
        ("index", "i4"),
        ("kind", "u1"),
        ("state", "u1"),
    ]
)
_COMPUTE, _RUNNING = np.uint8(Kind.COMPUTE), np.uint8(BarState.RUNNING)
_LOST: Final = np.uint8(BarState.LOST)
_BYTES: Final = np.dtype((np.void, SPAN.itemsize))


def joined(*blocks: Spans) -> Spans:
    """Blocks of `SPAN`, one after the other.

    As bytes: numpy promotes the fields of each block in Python, which takes ten times as long.
    """
    parts = [np.empty(0, _BYTES), *(block.view(_BYTES) for block in blocks)]
    return np.concatenate(parts).view(SPAN)


def picked(spans: Spans, at: npt.NDArray[np.intp]) -> Spans:
    """Some of a block of `SPAN`; as bytes, for the same reason."""
    return np.take(spans.view(_BYTES), at).view(SPAN)


def running_spans(snapshot: Snapshot, rows: Rowing, now_ns: int) -> Spans:
    """What runs on the visible rows; `index` counts over the attempts of all workers.

    What a silent worker ran is lost until it is heard again, and ends where it was heard last.
    """
    attempts = snapshot.running.attempts
    index = np.flatnonzero(rows.row_of_lane[attempts.lane] >= 0)
    lane, start_ns = attempts.lane[index], attempts.start_ns[index]
    name = attempts.name[index]
    until_ns = snapshot.heard_until_ns[attempts.resource[index]]
    spans = np.empty(len(index), SPAN)
    spans["start_ns"] = start_ns
    spans["end_ns"] = np.maximum(start_ns, np.minimum(until_ns, now_ns))
    spans["row"] = rows.row_of_lane[lane] + rows.first_row
    spans["slot"] = snapshot.slot_of[name]
    spans["name"] = name
    spans["chunk"] = -1
    spans["index"] = index
    spans["kind"] = _COMPUTE
    spans["state"] = np.where(until_ns == STILL, _RUNNING, _LOST)
    return spans
