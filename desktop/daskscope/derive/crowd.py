"""Several transfers or disk accesses at one time, which share the sub-lane: told together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from daskscope.derive import quantity
from daskscope.derive.frames import BarState
from daskscope.derive.peers import peer as peer_at
from daskscope.store.schema import Kind

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from daskscope.derive.frames import Hit, TaskStreamFrame
    from daskscope.store.snapshot import Snapshot

#: Spans that have a line of their own.
MOST_LINES: Final = 5
_NOUNS: Final = {
    Kind.TRANSFER: "transfer",
    Kind.DISK_READ: "disk read",
    Kind.DISK_WRITE: "disk write",
    Kind.DESERIALIZE: "deserialize",
}


def crowd(
    snapshot: Snapshot, frame: TaskStreamFrame, nearest: Hit, bars: npt.NDArray[np.intp]
) -> Hit:
    """`nearest` with what else lies there at the same time: `bars` are indices of them all."""
    found = []
    for bar in bars.tolist():
        chunk = snapshot.chunk(int(frame.bars.chunk[bar]))
        if chunk is not None:
            found.append((chunk, int(frame.bars.index[bar])))
    found.sort(key=lambda at: int(at[0].start_ns[at[1]]))
    lines = []
    sums = 0
    for chunk, row in found:
        kind = Kind(int(chunk.columns["kind"][row]))
        nbytes = int(chunk.columns["nbytes"][row])
        sums += max(nbytes, 0)
        peer = snapshot.strings[int(chunk.columns["peer"][row])]
        lane = int(chunk.columns["lane"][row])
        parts = [quantity.duration(int(chunk.end_ns[row]) - int(chunk.start_ns[row]))]
        if nbytes >= 0:
            parts.append(quantity.nbytes(nbytes))
        if peer:
            parts.append(f"from {_peer_name(snapshot, peer, lane)}")
        lines.append((_NOUNS[kind].capitalize(), ", ".join(parts)))
    kinds = {line[0] for line in lines}
    noun = lines[0][0].lower() if len(kinds) == 1 else "span"
    fields = [*lines[:MOST_LINES]]
    if len(lines) > MOST_LINES:
        fields.append(("And", quantity.plural(len(lines) - MOST_LINES, "more span")))
    if sums:
        fields.append(("Bytes", quantity.nbytes(sums)))
    fields += [field for field in nearest.fields if field[0] in ("Worker", "Thread", "Service")]
    left = int(frame.bars.x0_px[bars].min())
    right = int(frame.bars.x1_px[bars].max())
    is_erred = bool((frame.bars.state[bars] == BarState.ERRED.value).any())
    return replace(
        nearest,
        title=f"{quantity.plural(len(lines), noun)} at once",
        key="",
        state=BarState.ERRED if is_erred else BarState.FINISHED,
        fields=tuple(fields),
        x0_px=left,
        x1_px=right,
    )


def _peer_name(snapshot: Snapshot, address: str, lane: int) -> str:
    where = peer_at(snapshot, address, snapshot.lanes[lane].resource)
    return where.name if where is not None else address.rpartition("://")[2]
