"""Spans of attempts and moves as OTLP: what is in the gaps of their layouts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from daskscope.simulate import ids, span_layouts
from daskscope.simulate.graph import Ending
from daskscope.simulate.layout import (
    Layout,
    doubles,
    fixed64,
    varint,
    varints,
)
from daskscope.simulate.span_layouts import RUN_ID_BYTES, THREAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from daskscope.simulate.cluster import Cluster
    from daskscope.simulate.graph import Attempts, Ints, Moves, Scheduled
    from daskscope.simulate.layout import Octets
    from daskscope.simulate.model import Part
    from daskscope.simulate.traces import Traces

#: Sender of what the scheduler says, in place of a process.
SCHEDULER: Final = -1


class Encoded(NamedTuple):
    """Spans of one kind.

    Attributes
    ----------
    sender
        int64, shape (n,): number of the process that sends each, or `SCHEDULER`.
    """

    spans: list[bytes]
    sender: Ints


class SpanWriter:
    """Writes the spans of one session.

    Parameters
    ----------
    origin_ns
        The time at which the model begins, since the epoch.
    """

    def __init__(self, cluster: Cluster, origin_ns: int) -> None:
        self._cluster = cluster
        self._origin_ns = origin_ns
        self._layouts: dict[tuple[object, ...], Layout] = {}
        self._addresses: Octets = np.empty((0, 0), np.uint8)

    def encoded(self, part: Part, traces: Traces) -> Iterator[Encoded]:
        """All spans of a part."""
        for ending in np.unique(part.attempts.ending).tolist():
            rows = part.attempts.rows(part.attempts.ending == ending)
            if ending < Ending.LOST:
                yield self._attempts(part, rows, traces, Ending(ending), "")
            else:  # few, and each worker's address has a layout of its own
                for process in np.unique(rows.process).tolist():
                    address = self._cluster.processes[process].address
                    of_one = rows.rows(rows.process == process)
                    yield self._attempts(part, of_one, traces, Ending(ending), address)
        moves: tuple[tuple[Moves, Callable[..., Encoded]], ...] = (
            (part.transfers, self._transfers),
            (part.transfers, self._sends),
            (part.writes, self._writes),
            (part.reads, self._reads),
            (part.unpickled, self._unpickled),
        )
        for rows_of_kind, write in moves:
            for layer in part.graph.layers:
                first = layer.layer.first
                is_own = rows_of_kind.value >= first
                is_own &= rows_of_kind.value < first + layer.layer.n
                if is_own.any():
                    yield write(rows_of_kind.rows(is_own), layer, part, traces)

    # Attempts --------------------------------------------------------------------------------

    def _attempts(
        self, part: Part, rows: Attempts, traces: Traces, ending: Ending, address: str
    ) -> Encoded:
        layer, values = part.layer, part.graph.values
        own = rows.task - layer.layer.first
        taken = layer.layer.dependencies[own]
        givers = [part.graph.layer_of(int(column[0])) for column in taken.T]
        n_bytes = values.n_bytes[rows.task]
        width = len(varint(int(n_bytes[0])))
        widths = tuple(giver.keys.shape[1] for giver in givers)
        layout = self._layout(
            (layer.layer.step.name, ending, width, widths, address),
            lambda: span_layouts.attempt(layer, ending, width, widths, address),
        )
        keys = layer.keys[own]
        if ending == Ending.FINISHED:
            span_id = values.attempt[rows.task]
            # A result that was lost with its worker was made by another attempt.
            is_other = rows.end != values.end[rows.task]
        else:
            span_id, is_other = np.empty((len(own), 8), np.uint8), np.ones(len(own), np.bool_)
        if is_other.any():
            texts = [row.tobytes() for row in keys[is_other]]
            span_id = span_id.copy()
            span_id[is_other] = ids.attempt_ids(texts, rows.run_id[is_other].tolist())
        fill = {
            **traces.place(rows.task),
            **self._times(rows.start, rows.end),
            "id": span_id,
            "key": keys,
            "run id": varints(rows.run_id, RUN_ID_BYTES),
            "thread": varints(self._cluster.threads(rows.process, rows.lane), THREAD_BYTES),
            "bytes": varints(n_bytes, width),
            "waited": doubles((rows.ready - rows.assigned) / 1e9),
            "ready": doubles((rows.start - rows.ready) / 1e9),
            "execute": doubles((rows.end - rows.start) / 1e9),
        }
        fill["failed"] = fill["end"]
        for number, (giver, column) in enumerate(zip(givers, taken.T, strict=True)):
            fill[f"link {number} trace"] = traces.trace_of(column)
            fill[f"link {number} id"] = values.attempt[column]
            fill[f"link {number} key"] = giver.keys[column - giver.layer.first]
        sender = np.full(len(own), SCHEDULER) if address else rows.process
        return Encoded(layout.messages(len(own), fill), sender)

    # Moves -----------------------------------------------------------------------------------

    def _transfers(self, rows: Moves, giver: Scheduled, part: Part, traces: Traces) -> Encoded:
        fill, width = self._moved(rows, giver, part)
        layout = self._layout(
            ("transfer", giver.keys.shape[1], width),
            lambda: span_layouts.transfer(giver, width, self._cluster.address, is_sent=False),
        )
        fill |= {
            "trace": traces.trace_of(rows.parent),
            "parent": part.graph.values.attempt[rows.parent],
            "id": ids.octets(ids.mixed(rows.number.view(np.uint64), 1)),
            "thread": self._thread(rows),
            **self._peer(rows.peer),
            **self._times(rows.start, rows.end),
        }
        return Encoded(layout.messages(len(rows), fill), rows.process)

    def _sends(self, rows: Moves, giver: Scheduled, part: Part, traces: Traces) -> Encoded:
        fill, width = self._moved(rows, giver, part)
        layout = self._layout(
            ("send", giver.keys.shape[1], width),
            lambda: span_layouts.transfer(giver, width, self._cluster.address, is_sent=True),
        )
        edge = (rows.end - rows.start) // 16
        fill |= {
            **traces.place(rows.value),
            "id": ids.octets(ids.mixed(rows.number.view(np.uint64), 2)),
            **self._peer(rows.process),
            **self._times(rows.start + edge, rows.end - edge),
        }
        return Encoded(layout.messages(len(rows), fill), rows.peer)

    def _moved(self, rows: Moves, giver: Scheduled, part: Part) -> tuple[dict[str, Octets], int]:
        n_bytes = part.graph.values.n_bytes[rows.value]
        width = len(varint(int(n_bytes[0])))
        seconds = np.maximum(rows.end - rows.start, 1) / 1e9
        return {
            "bytes": varints(n_bytes, width),
            "key": giver.keys[rows.value - giver.layer.first],
            "bandwidth": doubles(n_bytes / seconds),
            "transfer id": ids.hexadecimal(ids.octets(ids.mixed(rows.number.view(np.uint64), 3))),
        }, width

    def _writes(self, rows: Moves, giver: Scheduled, part: Part, traces: Traces) -> Encoded:
        fill, width = self._on_disk(rows, giver, part)
        layout = self._layout(
            ("write", giver.keys.shape[1], width),
            lambda: span_layouts.disk(giver, width, is_read=False),
        )
        fill |= traces.place(rows.value)
        return Encoded(layout.messages(len(rows), fill), rows.process)

    def _reads(self, rows: Moves, giver: Scheduled, part: Part, traces: Traces) -> Encoded:
        fill, width = self._on_disk(rows, giver, part)
        layout = self._layout(
            ("read", giver.keys.shape[1], width),
            lambda: span_layouts.disk(giver, width, is_read=True),
        )
        fill |= {
            "trace": traces.trace_of(rows.parent),
            "parent": part.graph.values.attempt[rows.parent],
            "thread": self._thread(rows),
        }
        return Encoded(layout.messages(len(rows), fill), rows.process)

    def _on_disk(self, rows: Moves, giver: Scheduled, part: Part) -> tuple[dict[str, Octets], int]:
        n_bytes = part.graph.values.n_bytes[rows.value]
        width = len(varint(int(n_bytes[0])))
        return {
            "id": ids.octets(ids.mixed(rows.number.view(np.uint64), 4)),
            "bytes": varints(n_bytes, width),
            "key": giver.keys[rows.value - giver.layer.first],
            **self._times(rows.start, rows.end),
        }, width

    def _unpickled(self, rows: Moves, giver: Scheduled, part: Part, traces: Traces) -> Encoded:
        layout = self._layout(
            ("unpickle", giver.keys.shape[1]), lambda: span_layouts.unpickle(giver)
        )
        fill = {
            "trace": traces.trace_of(rows.parent),
            "parent": part.graph.values.attempt[rows.parent],
            "id": ids.octets(ids.mixed(rows.number.view(np.uint64), 5)),
            "key": giver.keys[rows.value - giver.layer.first],
            "thread": self._thread(rows),
            **self._times(rows.start, rows.end),
        }
        return Encoded(layout.messages(len(rows), fill), rows.process)

    # What they share -------------------------------------------------------------------------

    def _layout(self, kind: tuple[object, ...], make: Callable[[], Layout]) -> Layout:
        layout = self._layouts.get(kind)
        if layout is None:
            layout = self._layouts[kind] = make()
        return layout

    def _times(self, start: Ints, end: Ints) -> dict[str, Octets]:
        # Dask's clocks are floats of seconds: good to a microsecond.
        return {
            "start": fixed64(self._origin_ns + start // 1_000 * 1_000),
            "end": fixed64(self._origin_ns + end // 1_000 * 1_000),
        }

    def _thread(self, rows: Moves) -> Octets:
        return varints(self._cluster.threads(rows.process, rows.lane), THREAD_BYTES)

    def _peer(self, process: Ints) -> dict[str, Octets]:
        known = len(self._addresses)
        if known < len(self._cluster.processes):
            new = "".join(one.address for one in self._cluster.processes[known:]).encode()
            n_new = len(self._cluster.processes) - known
            more = np.frombuffer(new, np.uint8).reshape(n_new, -1)
            self._addresses = np.vstack([self._addresses, more]) if known else more
        address = self._addresses[process]
        digits = address[:, -5:].astype(np.int64) - ord("0")
        port = digits @ np.array([10_000, 1_000, 100, 10, 1])
        return {"peer": address, "host": address[:, 6:-6], "port": varints(port, 3)}
