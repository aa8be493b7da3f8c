"""Spans of attempts and moves as OTLP, in the shape in which `dask_otel` writes them.

Facts from trace.proto (opentelemetry-proto v1): the tags below are field numbers << 3 | wire type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from dask_otel import conventions as names
from daskscope.simulate import ids
from daskscope.simulate.graph import Ending
from daskscope.simulate.layout import (
    Gap,
    Layout,
    constant,
    doubles,
    field,
    fixed64,
    key_value,
    text,
    text_value,
    varint,
    varints,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from daskscope.simulate.cluster import Cluster
    from daskscope.simulate.graph import Attempts, Ints, Moves, Scheduled
    from daskscope.simulate.layout import Octets, Pieces
    from daskscope.simulate.model import Part
    from daskscope.simulate.traces import Traces

#: Sender of what the scheduler says, in place of a process.
SCHEDULER: Final = -1

_SPAN: Final = 0x12
_ATTRIBUTE: Final = 0x4A
_INTERNAL: Final = b"\x30\x01"
_SERVER: Final = b"\x30\x02"
_CLIENT: Final = b"\x30\x03"
#: `Span.flags`: whether the parent is another process's is known; here it is not, and here it is.
_LOCAL: Final = b"\x85\x01\x00\x01\x00\x00"
_REMOTE: Final = b"\x85\x01\x00\x03\x00\x00"
_LINK_FLAGS: Final = b"\x35\x00\x03\x00\x00"
_RUN_ID_BYTES: Final = 4
_THREAD_BYTES: Final = 7
_OUTCOMES: Final = {
    Ending.FINISHED: names.OUTCOME_FINISHED,
    Ending.FAILED: names.OUTCOME_FAILED,
    Ending.ERRED: names.OUTCOME_FAILED,
    Ending.LOST: names.OUTCOME_LOST,
    Ending.LOST_WAITING: names.OUTCOME_LOST,
}
#: Type, message and traceback of what goes wrong.
FAILURES: Final = {
    Ending.FAILED: (
        "ConnectionResetError",
        "[Errno 104] Connection reset by peer",
        '  File "pipeline/storage.py", line 88, in fetch\n    return session.read(path)\n',
    ),
    Ending.ERRED: (
        "ValueError",
        "cannot convert float NaN to integer",
        '  File "pipeline/tables.py", line 41, in write\n    return int(frame.rows.max())\n',
    ),
    Ending.LOST: (
        "dask_otel.WorkerLost",
        "connection to the worker was lost",
        "",
    ),
}


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
            lambda: _attempt(layer, ending, width, widths, address),
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
            "run id": varints(rows.run_id, _RUN_ID_BYTES),
            "thread": varints(self._cluster.threads(rows.process, rows.lane), _THREAD_BYTES),
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
            lambda: _transfer(giver, width, self._cluster.address, is_sent=False),
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
            lambda: _transfer(giver, width, self._cluster.address, is_sent=True),
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
            ("write", giver.keys.shape[1], width), lambda: _disk(giver, width, is_read=False)
        )
        fill |= traces.place(rows.value)
        return Encoded(layout.messages(len(rows), fill), rows.process)

    def _reads(self, rows: Moves, giver: Scheduled, part: Part, traces: Traces) -> Encoded:
        fill, width = self._on_disk(rows, giver, part)
        layout = self._layout(
            ("read", giver.keys.shape[1], width), lambda: _disk(giver, width, is_read=True)
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
        layout = self._layout(("unpickle", giver.keys.shape[1]), lambda: _unpickle(giver))
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
        return varints(self._cluster.threads(rows.process, rows.lane), _THREAD_BYTES)

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


# Layouts -------------------------------------------------------------------------------------


def _span(parent_flags: bytes, name: str, kind: bytes, action: str, *rest: bytes | Gap) -> Layout:
    """A span, from what all have on to `rest`."""
    return Layout(
        field(
            _SPAN,
            b"\x0a\x10",
            Gap("trace", 16),
            b"\x22\x08",
            Gap("parent", 8),
            parent_flags,
            b"\x12\x08",
            Gap("id", 8),
            b"\x39",
            Gap("start", 8),
            b"\x41",
            Gap("end", 8),
            constant(field(0x2A, name.encode())),
            kind,
            text(_ATTRIBUTE, names.ACTION, action),
            *rest,
        )
    )


def _gap(name: str, value: Pieces) -> Pieces:
    """An attribute with the `AnyValue` of `value`."""
    return key_value(_ATTRIBUTE, name, *value)


def _text_gap(name: str, gap: str, width: int) -> Pieces:
    return _gap(name, text_value(Gap(gap, width)))


def _integer_gap(name: str, gap: str, width: int) -> Pieces:
    return _gap(name, (b"\x18", Gap(gap, width)))


def _double_gap(name: str, gap: str) -> Pieces:
    return _gap(name, (b"\x21", Gap(gap, 8)))


def _integer(name: str, value: int) -> Pieces:
    return _gap(name, (b"\x18" + varint(value),))


def _attempt(
    layer: Scheduled, ending: Ending, width: int, links: tuple[int, ...], address: str
) -> Layout:
    step = layer.layer.step
    rest: list[bytes | Gap] = [
        text(_ATTRIBUTE, names.TASK_PREFIX, step.name),
        text(_ATTRIBUTE, names.TASK_GROUP, step.name),
        text(_ATTRIBUTE, names.TASK_OUTCOME, _OUTCOMES[ending]),
        *_text_gap(names.TASK_KEY, "key", layer.keys.shape[1]),
        *_integer_gap(names.TASK_RUN_ID, "run id", _RUN_ID_BYTES),
    ]
    if ending != Ending.LOST_WAITING:
        rest += _integer_gap(names.THREAD_ID, "thread", _THREAD_BYTES)
    if ending == Ending.FINISHED:
        rest += _integer_gap(names.TASK_NBYTES, "bytes", width)
        rest.append(text(_ATTRIBUTE, names.TASK_TYPE, step.value))
    if not address:
        rest += _double_gap(names.TASK_WAIT_DEPENDENCIES, "waited")
        rest += _double_gap(names.TASK_WAIT_READY, "ready")
        rest += _double_gap(names.TASK_EXECUTE, "execute")
    rest += _integer(names.TASK_DEPENDENCY_COUNT, len(links))
    for number, key_width in enumerate(links):
        rest += _link(number, key_width)
    if address:
        rest.append(text(_ATTRIBUTE, names.WORKER_ADDRESS, address))
        executing = b"\x10\x01" if ending == Ending.LOST else b"\x10\x00"
        rest += _gap(names.TASK_EXECUTING, (executing,))
    if ending != Ending.FINISHED:
        rest += _failure(*FAILURES[min(ending, Ending.LOST)])
    return _span(_REMOTE, step.name, _INTERNAL, names.ACTION_COMPUTE, *rest)


def _link(number: int, key_width: int) -> Pieces:
    return field(
        0x6A,
        b"\x0a\x10",
        Gap(f"link {number} trace", 16),
        b"\x12\x08",
        Gap(f"link {number} id", 8),
        *key_value(0x22, names.LINK_KEY, *text_value(Gap(f"link {number} key", key_width))),
        _LINK_FLAGS,
    )


def _failure(kind: str, message: str, frames: str) -> Pieces:
    """`error.type`, the event `exception` and the status ERROR."""
    stacktrace = f"Traceback (most recent call last):\n{frames}{kind}: {message}\n"
    exception = field(
        0x5A,
        b"\x09",
        Gap("failed", 8),
        constant(field(0x12, names.EVENT_EXCEPTION.encode())),
        text(0x1A, names.EXCEPTION_TYPE, kind),
        text(0x1A, names.EXCEPTION_MESSAGE, message),
        text(0x1A, names.EXCEPTION_STACKTRACE, stacktrace),
    )
    status = field(0x7A, constant(field(0x12, message.encode())), b"\x18\x02")
    return (text(_ATTRIBUTE, names.ERROR_TYPE, kind), *exception, *status)


def _transfer(giver: Scheduled, width: int, address: str, is_sent: bool) -> Layout:
    """One end of a transfer; all addresses are as long as `address`."""
    host = urlsplit(address).hostname or ""
    key = field(0x0A, *text_value(Gap("key", giver.keys.shape[1])))
    rest: list[bytes | Gap] = [
        *_text_gap(names.TRANSFER_PEER, "peer", len(address)),
        *_text_gap(names.SERVER_ADDRESS, "host", len(host)),
        *_integer_gap(names.SERVER_PORT, "port", 3),
        *_integer_gap(names.TRANSFER_BYTES, "bytes", width),
        *_gap(names.TRANSFER_KEYS, field(0x2A, *key)),
        *_integer(names.TRANSFER_KEY_COUNT, 1),
        *_double_gap(names.TRANSFER_BANDWIDTH, "bandwidth"),
    ]
    if not is_sent:
        rest += _integer_gap(names.THREAD_ID, "thread", _THREAD_BYTES)
    rest += _text_gap(names.TRANSFER_ID, "transfer id", 16)
    if is_sent:
        return _span(_REMOTE, names.SPAN_SEND, _SERVER, names.ACTION_SEND, *rest)
    return _span(_LOCAL, names.SPAN_TRANSFER, _CLIENT, names.ACTION_TRANSFER, *rest)


def _disk(giver: Scheduled, width: int, is_read: bool) -> Layout:
    cause = names.DISK_CAUSE_TASK if is_read else names.DISK_CAUSE_MEMORY_MONITOR
    rest: list[bytes | Gap] = [
        *_text_gap(names.TASK_KEY, "key", giver.keys.shape[1]),
        *_integer_gap(names.DISK_BYTES, "bytes", width),
        text(_ATTRIBUTE, names.DISK_CAUSE, cause),
    ]
    if is_read:
        rest += _integer_gap(names.THREAD_ID, "thread", _THREAD_BYTES)
        return _span(_LOCAL, names.SPAN_DISK_READ, _INTERNAL, names.ACTION_DISK_READ, *rest)
    return _span(_REMOTE, names.SPAN_DISK_WRITE, _INTERNAL, names.ACTION_DISK_WRITE, *rest)


def _unpickle(giver: Scheduled) -> Layout:
    return _span(
        _LOCAL,
        names.SPAN_DESERIALIZE,
        _INTERNAL,
        names.ACTION_DESERIALIZE,
        *_text_gap(names.TASK_KEY, "key", giver.keys.shape[1]),
        *_integer_gap(names.THREAD_ID, "thread", _THREAD_BYTES),
    )
