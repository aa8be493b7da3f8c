"""What is said to be well formed, against protobuf's own parser."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from google.protobuf.message import DecodeError

from daskscope.ingest.envelope import Signal
from daskscope.ingest.otlp import REQUEST_TYPES
from daskscope.ingest.wellformed import checker
from tests.telemetry import gauge, nested, record, tasks

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKS = {signal: checker(kind.DESCRIPTOR) for signal, kind in REQUEST_TYPES.items()}
WHOLE = {
    Signal.TRACES: tasks(3).SerializeToString() * 2,
    Signal.METRICS: gauge("memory", 1.5).SerializeToString() * 2,
    Signal.LOGS: record("added", {"worker": "wörker", "n": [1, [True, 0.5]]}).SerializeToString(),
}


def is_accepted(read: Callable[[bytes], object], data: bytes) -> bool:
    try:
        read(data)
    except DecodeError:
        return False
    return True


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The same with some bytes changed, cut out, or put in."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(changed))
        match chance.randrange(4):
            case 0:
                del changed[at : at + chance.choice((1, 2, 50))]
            case 1:
                changed[at:at] = chance.randbytes(chance.choice((1, 2, 9)))
            case 2:
                changed[at] ^= 1 << chance.randrange(8)
            case _:
                changed[at] = chance.choice((0, 0x7F, 0x80, 0xFF))
    return bytes(changed)


@pytest.mark.parametrize("signal", Signal)
def test_what_is_whole_is_accepted(signal: Signal) -> None:
    assert is_accepted(CHECKS[signal], WHOLE[signal])
    assert is_accepted(CHECKS[signal], b"")


@pytest.mark.parametrize("signal", Signal)
def test_of_what_is_damaged_the_same_is_refused(signal: Signal) -> None:
    chance = random.Random(5)
    verdicts = []
    for _ in range(3_000):
        data = damaged(WHOLE[signal], chance)
        verdicts.append(is_accepted(CHECKS[signal], data))
        assert verdicts[-1] is is_accepted(REQUEST_TYPES[signal].FromString, data), data.hex()
    assert {True, False} == set(verdicts)


@pytest.mark.parametrize("within", [(0x0A, 0x12, 0x12, 0x2A), (0x0A, 0x12, 0x12, 0x4A, 0x0A)])
def test_a_text_that_is_not_utf8_is_refused_wherever_it_comes(within: tuple[int, ...]) -> None:
    good, bad = nested("ü".encode(), *within), nested(b"\xff", *within)
    assert is_accepted(CHECKS[Signal.TRACES], good + good)
    for data in (bad, bad + good, good + bad):
        assert not is_accepted(CHECKS[Signal.TRACES], data)
        assert not is_accepted(REQUEST_TYPES[Signal.TRACES].FromString, data)


def test_numbers_that_lie_packed_are_looked_at() -> None:
    """Of a histogram: its bounds are eight bytes each, and seven are none."""
    bounds = (0x0A, 0x12, 0x12, 0x4A, 0x0A, 0x3A)
    assert is_accepted(CHECKS[Signal.METRICS], nested(bytes(16), *bounds))
    assert not is_accepted(CHECKS[Signal.METRICS], nested(bytes(15), *bounds))


@pytest.mark.parametrize(("depth", "is_fine"), [(40, True), (200, False)])
def test_values_within_values_end_somewhere(depth: int, is_fine: bool) -> None:
    value = nested(b"\x08\x01", *(0x2A, 0x0A) * depth)
    data = nested(value, 0x0A, 0x12, 0x12, 0x4A, 0x12)
    assert is_accepted(CHECKS[Signal.TRACES], data) is is_fine
    assert is_accepted(REQUEST_TYPES[Signal.TRACES].FromString, data) is is_fine
