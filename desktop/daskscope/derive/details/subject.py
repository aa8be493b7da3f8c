"""One span out of the store, as a value that outlives its chunk."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.derive.frames import BarState
from daskscope.derive.pick import SILENT, ending
from daskscope.derive.place import place
from daskscope.session import Chosen
from daskscope.store.schema import Kind, Outcome
from daskscope.store.snapshot import STILL

if TYPE_CHECKING:
    from daskscope.store.chunk import Chunk
    from daskscope.store.snapshot import Running, Snapshot

#: An attempt that has ended is looked for in so many of the newest chunks.
_NEWEST_CHUNKS: Final = 3


@dataclass(frozen=True, slots=True)
class Subject:
    """What the columns say of one span.

    Attributes
    ----------
    chosen
        Its name in the session; of a span that the store does not hold its chunk is -1.
    name, key
        Prefix or name of the span, and the key of its task.
    slot
        Palette slot of its name.
    status_text
        How it ended, in words.
    lane
        -1 where it is not known.
    end_ns
        0 while it runs.
    heard_ns
        When its worker was last heard of, if that has fallen silent while it ran; else 0.
    worker, address
        Name of the worker or service, and its address.
    wait_data_s, wait_thread_s
        NaN where they are not known.
    """

    chosen: Chosen
    name: str
    key: str
    slot: int
    kind: Kind
    state: BarState
    status_text: str
    lane: int
    start_ns: int
    end_ns: int
    worker: str
    address: str
    name_id: int = 0
    parent_id: int = 0
    trace_id: bytes = b""
    nbytes: int = -1
    peer: str = ""
    type: str = ""
    error: str = ""
    run_id: int = -1
    outcome: Outcome = Outcome.NONE
    wait_data_s: float = float("nan")
    wait_thread_s: float = float("nan")
    heard_ns: int = 0

    @property
    def is_attempt(self) -> bool:
        """It is an attempt to run a task."""
        return self.kind is Kind.COMPUTE

    @property
    def lasted_ns(self) -> int:
        """How long it took; 0 while it runs."""
        return max(self.end_ns - self.start_ns, 0) if self.end_ns else 0

    def known_until_ns(self, now_ns: int) -> int:
        """Its end, or until when it is known to have run."""
        return self.end_ns or max(self.heard_ns or now_ns, self.start_ns)


def of_row(chunk: Chunk, index: int) -> Chosen:
    """The name of a row of a chunk."""
    columns = chunk.columns
    return Chosen(
        chunk.number, index, int(columns["span_id"][index]), int(columns["request"][index])
    )


def subject(snapshot: Snapshot, chosen: Chosen) -> Subject | None:
    """What the store holds of a span, None when it has been evicted or has ended."""
    if chosen.is_running:
        running = snapshot.running.get(chosen.resource)
        if running is None:
            return None
        found = np.flatnonzero(running.run_id == chosen.run_id)
        return _of_running(snapshot, chosen, running, int(found[0])) if len(found) else None
    chunk = snapshot.chunk(chosen.chunk)
    return row_subject(snapshot, chunk, chosen.index) if chunk is not None else None


def row_subject(snapshot: Snapshot, chunk: Chunk, index: int) -> Subject:
    """What the columns say of a row."""
    value = {name: column[index].item() for name, column in chunk.columns.items()}
    strings = snapshot.strings
    state, status_text = ending(value["outcome"], value["status"])
    where = place(snapshot.resources[snapshot.lanes[value["lane"]].resource])
    trace = value["trace"]
    return Subject(
        chosen=Chosen(chunk.number, index, value["span_id"], value["request"]),
        name=strings[value["name"]],
        key=chunk.keys[index],
        slot=int(snapshot.slot_of[value["name"]]),
        kind=Kind(value["kind"]),
        state=state,
        status_text=status_text,
        lane=value["lane"],
        start_ns=value["start_ns"],
        end_ns=value["end_ns"],
        worker=where.name,
        address=where.address,
        name_id=value["name"],
        parent_id=value["parent_id"],
        trace_id=snapshot.traces[trace] if trace < len(snapshot.traces) else b"",
        nbytes=value["nbytes"],
        peer=strings[value["peer"]],
        type=strings[value["type"]],
        error=strings[value["error"]],
        run_id=value["run_id"],
        outcome=Outcome(value["outcome"]),
        wait_data_s=value["wait_data_s"],
        wait_thread_s=value["wait_thread_s"],
    )


def _of_running(snapshot: Snapshot, chosen: Chosen, running: Running, index: int) -> Subject:
    name = int(running.name[index])
    where = place(snapshot.resources[running.resource])
    heard_ns = int(snapshot.heard_until_ns[running.resource])
    is_silent = heard_ns != STILL
    return Subject(
        chosen=chosen,
        name=snapshot.strings[name],
        key=running.keys[index],
        slot=int(snapshot.slot_of[name]),
        kind=Kind.COMPUTE,
        state=BarState.LOST if is_silent else BarState.RUNNING,
        status_text=SILENT if is_silent else "running",
        lane=int(running.lane[index]),
        start_ns=int(running.start_ns[index]),
        end_ns=0,
        worker=where.name,
        address=where.address,
        name_id=name,
        run_id=chosen.run_id,
        heard_ns=heard_ns if is_silent else 0,
    )


def settled(snapshot: Snapshot, chosen: Chosen) -> Chosen:
    """The same span by its place in the store, when an attempt that was chosen has ended."""
    if not chosen.is_running or chosen.span_id or chosen.run_id < 0:
        return chosen
    running = snapshot.running.get(chosen.resource)
    if running is not None and bool((running.run_id == chosen.run_id).any()):
        return chosen
    for chunk in reversed(snapshot.chunks[-_NEWEST_CHUNKS:]):
        columns = chunk.columns
        is_it = (columns["run_id"] == chosen.run_id) & (columns["kind"] == Kind.COMPUTE.value)
        for row in reversed(np.flatnonzero(is_it).tolist()):
            if snapshot.lanes[int(columns["lane"][row])].resource == chosen.resource:
                return of_row(chunk, row)
    return chosen


def locate(snapshot: Snapshot, span_id: int, request: int) -> tuple[Chunk, int] | None:
    """Chunk and row of a span that a request brought, None where the store does not hold it."""
    chunks = snapshot.chunks
    number = np.uint32(request)  # of another type it would have the column converted
    # Requests come in the order of their numbers, so the column ascends over all chunks.
    at = bisect_right(chunks, request, key=_first_request) - 1
    while at >= 0:
        chunk = chunks[at]
        requests = chunk.columns["request"]
        first = int(np.searchsorted(requests, number, "left"))
        last = int(np.searchsorted(requests, number, "right"))
        found = np.flatnonzero(chunk.columns["span_id"][first:last] == np.uint64(span_id))
        if len(found):
            return chunk, first + int(found[0])
        if first > 0:
            return None
        at -= 1  # the request's spans may begin in the chunk before
    return None


def _first_request(chunk: Chunk) -> int:
    return int(chunk.columns["request"][0]) if len(chunk) else 0
