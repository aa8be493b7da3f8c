"""How much memory requests may take once they are parsed: a bound, told from its bytes alone.

An empty span is two bytes on the wire and more than five hundred when it is read, and compression
leaves next to nothing of many: 64 KiB could become ten gigabytes. So each byte that can begin
something is taken for its beginning. What real senders send weighs 25 times its length, metrics 50.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.ingest.envelope import Encoding, Signal

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Of what is decoded at a time, one request or some; 32 times the length of the longest.
MAX_WEIGHT: Final = 2 << 30
#: Weights are told in these units, so that one fits in a byte.
_UNIT: Final = 8

#: By tag (number << 3 | wire type) of what is repeated: the most bytes that one takes while it is
#: parsed and read, measured with protobuf 7 and numpy 2.
_TAGS: Final[Mapping[Signal, Mapping[int, int]]] = {
    Signal.TRACES: {0x0A: 150, 0x12: 560, 0x1A: 72, 0x22: 64, 0x4A: 88, 0x5A: 64, 0x6A: 88},
    Signal.METRICS: {
        0x0A: 760,
        0x12: 448,
        0x1A: 72,
        0x2A: 96,
        0x32: 64,
        0x3A: 64,
        0x42: 96,
        0x4A: 96,
        0x5A: 96,
        0x62: 64,
    },
    Signal.LOGS: {0x0A: 72, 0x12: 664, 0x1A: 72, 0x32: 64},
}
#: The same of JSON, which is a tree before it is messages.
_JSON: Final = {ord("{"): 1_000, ord("["): 80, ord(":"): 120, ord(","): 96}


def _units(weights: Mapping[int, int]) -> bytes:
    return bytes(-(-weights.get(byte, 0) // _UNIT) for byte in range(256))


_UNITS: Final = {
    # A tag may be written longer than it has to be: its first byte has the highest bit then.
    **{
        (signal, Encoding.PROTOBUF): _units({**tags, **{tag | 0x80: tags[tag] for tag in tags}})
        for signal, tags in _TAGS.items()
    },
    **{(signal, Encoding.JSON): _units(_JSON) for signal in Signal},
}
#: Bytes of the shortest message: a tag and a length; braces.
_LEAST_BYTES: Final = 2


def weight(signal: Signal, encoding: Encoding, body: bytes) -> int:
    """The most bytes that a body takes while it is parsed and read.

    Up to some 4 MiB, of which none weighs more than `MAX_WEIGHT`, it is told from the length alone;
    beyond that it takes two nanoseconds a byte.
    """
    units = _UNITS[signal, encoding]
    most = len(body) * max(units) * _UNIT // _LEAST_BYTES
    if most <= MAX_WEIGHT:
        return most
    weights = np.frombuffer(body.translate(units), np.uint8)
    return int(weights.sum(dtype=np.int64)) * _UNIT
