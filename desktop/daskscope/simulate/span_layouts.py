"""Layouts of spans as OTLP, in the shape in which `dask_otel` writes them.

Facts from trace.proto (opentelemetry-proto v1): the tags below are field numbers << 3 | wire type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from dask_otel import conventions as names
from daskscope.simulate.graph import Ending
from daskscope.simulate.layout import (
    Gap,
    Layout,
    constant,
    field,
    key_value,
    text,
    text_value,
    varint,
)

if TYPE_CHECKING:
    from daskscope.simulate.graph import Scheduled
    from daskscope.simulate.layout import Pieces

_SPAN: Final = 0x12
_ATTRIBUTE: Final = 0x4A
_INTERNAL: Final = b"\x30\x01"
_SERVER: Final = b"\x30\x02"
_CLIENT: Final = b"\x30\x03"
#: `Span.flags`: whether the parent is another process's is known; here it is not, and here it is.
_LOCAL: Final = b"\x85\x01\x00\x01\x00\x00"
_REMOTE: Final = b"\x85\x01\x00\x03\x00\x00"
_LINK_FLAGS: Final = b"\x35\x00\x03\x00\x00"
#: Octets of a run id, and of a thread's ident, in every span.
RUN_ID_BYTES: Final = 4
THREAD_BYTES: Final = 7
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


def attempt(
    layer: Scheduled, ending: Ending, width: int, links: tuple[int, ...], address: str
) -> Layout:
    """An attempt.

    Parameters
    ----------
    layer
        Of its task.
    ending
        How it ended.
    width
        Octets of the number of its result's bytes.
    links
        Of each dependency: octets of its key.
    address
        Of its worker, when the scheduler tells of it; else "".
    """
    step = layer.layer.step
    rest: list[bytes | Gap] = [
        text(_ATTRIBUTE, names.TASK_PREFIX, step.name),
        text(_ATTRIBUTE, names.TASK_GROUP, step.name),
        text(_ATTRIBUTE, names.TASK_OUTCOME, _OUTCOMES[ending]),
        *_text_gap(names.TASK_KEY, "key", layer.keys.shape[1]),
        *_integer_gap(names.TASK_RUN_ID, "run id", RUN_ID_BYTES),
    ]
    if ending != Ending.LOST_WAITING:
        rest += _integer_gap(names.THREAD_ID, "thread", THREAD_BYTES)
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


def transfer(giver: Scheduled, width: int, address: str, is_sent: bool) -> Layout:
    """One end of a transfer; all addresses are as long as `address`."""
    host = urlsplit(address).hostname or ""
    host_name = names.CLIENT_ADDRESS if is_sent else names.SERVER_ADDRESS
    port_name = names.CLIENT_PORT if is_sent else names.SERVER_PORT
    key = field(0x0A, *text_value(Gap("key", giver.keys.shape[1])))
    rest: list[bytes | Gap] = [
        *_text_gap(names.TRANSFER_PEER, "peer", len(address)),
        *_text_gap(host_name, "host", len(host)),
        *_integer_gap(port_name, "port", 3),
        *_integer_gap(names.TRANSFER_BYTES, "bytes", width),
        *_gap(names.TRANSFER_KEYS, field(0x2A, *key)),
        *_integer(names.TRANSFER_KEY_COUNT, 1),
        *_double_gap(names.TRANSFER_BANDWIDTH, "bandwidth"),
    ]
    if not is_sent:
        rest += _integer_gap(names.THREAD_ID, "thread", THREAD_BYTES)
    rest += _text_gap(names.TRANSFER_ID, "transfer id", 16)
    if is_sent:
        return _span(_REMOTE, names.SPAN_SEND, _SERVER, names.ACTION_SEND, *rest)
    return _span(_LOCAL, names.SPAN_TRANSFER, _CLIENT, names.ACTION_TRANSFER, *rest)


def disk(giver: Scheduled, width: int, is_read: bool) -> Layout:
    """A result that goes to disk, or comes back for a task."""
    cause = names.DISK_CAUSE_TASK if is_read else names.DISK_CAUSE_MEMORY_MONITOR
    rest: list[bytes | Gap] = [
        *_text_gap(names.TASK_KEY, "key", giver.keys.shape[1]),
        *_integer_gap(names.DISK_BYTES, "bytes", width),
        text(_ATTRIBUTE, names.DISK_CAUSE, cause),
    ]
    if is_read:
        rest += _integer_gap(names.THREAD_ID, "thread", THREAD_BYTES)
        return _span(_LOCAL, names.SPAN_DISK_READ, _INTERNAL, names.ACTION_DISK_READ, *rest)
    return _span(_REMOTE, names.SPAN_DISK_WRITE, _INTERNAL, names.ACTION_DISK_WRITE, *rest)


def unpickle(giver: Scheduled) -> Layout:
    """A result that is deserialised for a task."""
    return _span(
        _LOCAL,
        names.SPAN_DESERIALIZE,
        _INTERNAL,
        names.ACTION_DESERIALIZE,
        *_text_gap(names.TASK_KEY, "key", giver.keys.shape[1]),
        *_integer_gap(names.THREAD_ID, "thread", THREAD_BYTES),
    )
