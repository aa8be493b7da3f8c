"""What is refused for what it would become in memory, and what never is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daskscope.ingest import otlp_json
from daskscope.ingest.envelope import Encoding, Signal
from daskscope.ingest.otlp import MAX_BODY_BYTES
from daskscope.ingest.weight import MAX_WEIGHT, weight
from tests.telemetry import nested, record, tasks

if TYPE_CHECKING:
    from collections.abc import Callable

N = 8_000_000


def is_heavy(signal: Signal, encoding: Encoding, body: bytes) -> bool:
    return weight(signal, encoding, body) > MAX_WEIGHT


SPANS, POINTS, RECORDS = (0x0A, 0x12), (0x0A, 0x12, 0x12, 0x2A), (0x0A, 0x12)


@pytest.mark.parametrize(
    ("signal", "empty", "within"),
    [
        (Signal.TRACES, b"\x12\x00", SPANS),
        (Signal.TRACES, b"\x92\x00\x00", SPANS),  # the same tag in two bytes
        (Signal.TRACES, b"\x92\x80\x00\x00", SPANS),
        (Signal.METRICS, b"\x0a\x00", POINTS),
        (Signal.LOGS, b"\x12\x00", RECORDS),
    ],
)
def test_empty_messages_are_heavy(signal: Signal, empty: bytes, within: tuple[int, ...]) -> None:
    assert is_heavy(signal, Encoding.PROTOBUF, nested(empty * N, *within))
    assert not is_heavy(signal, Encoding.PROTOBUF, nested(empty * (N // 10), *within))


@pytest.mark.parametrize("part", [0x4A, 0x6A])
def test_a_span_of_empty_parts_is_heavy(part: int) -> None:
    body = nested(bytes((part, 0)) * (4 * N), *SPANS, 0x12)
    assert len(body) < MAX_BODY_BYTES
    assert is_heavy(Signal.TRACES, Encoding.PROTOBUF, body)


@pytest.mark.parametrize("unit", [b"{}", b'{"a":1}', b"[]", b"[1]"])
def test_empty_objects_are_heavy(unit: bytes) -> None:
    body = b'{"resourceSpans":[%b{}]}' % ((unit + b",") * (MAX_BODY_BYTES // (len(unit) + 1)))
    assert is_heavy(Signal.TRACES, Encoding.JSON, body)


@pytest.mark.parametrize(
    ("signal", "make"),
    [
        (Signal.TRACES, lambda: tasks(2_000)),
        (Signal.LOGS, lambda: record("worker added", {"dask.worker.address": "tcp://w:1"})),
    ],
)
def test_what_senders_send_is_not(signal: Signal, make: Callable[[], object]) -> None:
    """Up to the longest body; several requests, one after the other, are one."""
    body = make().SerializeToString()  # type: ignore[attr-defined]
    assert not is_heavy(signal, Encoding.PROTOBUF, body * (MAX_BODY_BYTES // len(body)))


def test_neither_is_json_of_half_the_length() -> None:
    body = otlp_json.line(tasks(2_000))
    assert not is_heavy(Signal.TRACES, Encoding.JSON, body * (MAX_BODY_BYTES // 2 // len(body)))
