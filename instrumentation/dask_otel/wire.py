"""Protobuf's wire format, as far as OTLP's spans need it (opentelemetry-proto v1).

Written by hand because it is a tenth of the time of building the generated messages: what comes in
front of a value depends on its length alone, and is remembered.

A `tag` is a field's number shifted left by 3, plus its wire type: 0 varint, 1 fixed64, 2 bytes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sized

#: Attribute values as OpenTelemetry's API takes them.
Value = str | int | float | tuple[str, ...] | tuple[int, ...] | tuple[float, ...]

K = TypeVar("K")
V = TypeVar("V", bound="Sized")

_BYTES: Final = tuple(bytes((value,)) for value in range(256))
#: A number of 7 bits, and the lowest 7 bits of one that goes on.
_LAST, _MORE = _BYTES[:0x80], _BYTES[0x80:]
#: What is remembered is at most twice as much.
_N_REMEMBERED: Final = 2_048
#: Longest of what is remembered: a task's name can be of any length.
_MAX_REMEMBERED: Final = 1_024
_N_DOUBLE: Final = 8
double = struct.Struct("<d").pack
fixed64 = struct.Struct("<Q").pack


def field(tag: int, payload: bytes) -> bytes:
    """A field whose length stands in front of it."""
    return _BYTES[tag] + varint(len(payload)) + payload


def text(value: str) -> bytes:
    """UTF-8; what UTF-8 cannot hold becomes a question mark."""
    return value.encode("utf-8", "replace")


def readable(value: Value) -> Value:
    """`value` with nothing in it that UTF-8 cannot hold, for those who would fail at it."""
    if isinstance(value, str):
        return value if value.isascii() else text(value).decode()
    if isinstance(value, tuple) and any(isinstance(item, str) for item in value):
        return tuple(str(readable(item)) for item in value)
    return value


def any_value(value: Value) -> bytes:
    """`AnyValue`."""
    if isinstance(value, str):
        return field(0x0A, text(value))
    if isinstance(value, bool):
        return b"\x10" + varint(value)
    if isinstance(value, int):
        return b"\x18" + varint(value)
    if isinstance(value, float):
        return b"\x21" + double(value)
    return field(0x2A, b"".join([_item(item) for item in value]))


def key_value(name: str, value: Value) -> bytes:
    """`KeyValue`."""
    return field(0x0A, text(name)) + field(0x12, any_value(value))


def attribute(name: str, value: Value) -> bytes:
    """`Span.attributes`."""
    return field(0x4A, key_value(name, value))


class Remembered(dict[K, V]):
    """What repeats, made once per value; keeps what was used last, and no giants.

    `remembered[value]` is what is made of a hashable value. Being a dict, it finds what is there
    without a call of Python's, which is a quarter of the time of encoding an attempt.
    """

    __slots__ = ("_before", "_make")

    def __init__(self, make: Callable[[K], V]) -> None:
        self._make = make
        self._before: dict[K, V] = {}  # what was there when it was full the last time

    def __missing__(self, value: K) -> V:
        made = self._before.get(value)
        if made is None:
            made = self._make(value)
            if len(made) > _MAX_REMEMBERED:
                return made
        if len(self) >= _N_REMEMBERED:
            self._before = dict(self)
            self.clear()
        self[value] = made
        return made


_N_HIGH_BITS: Final = 64 - 7


def varint_writer(front: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """Writer of integers as `varint` writes them, with `front(n)` in front of `n` bytes.

    What is in front is joined with any first byte beforehand. What follows that in long and in
    negative numbers is remembered: run ids count up, priorities down, and 128 have it in common.
    """
    one = [front(1) + first for first in _LAST]
    more = Remembered[int, list[bytes]](lambda n: [front(n) + first for first in _MORE])
    two, three = more[2], more[3]
    rests = Remembered[int, bytes](_rest)

    def write(value: int) -> bytes:
        if value >= 0x80:
            if value < 0x4000:
                return two[value & 0x7F] + _LAST[value >> 7]
            if value < 0x20_0000:
                return three[value & 0x7F] + _MORE[value >> 7 & 0x7F] + _LAST[value >> 14]
        elif value >= 0:
            return one[value]
        rest = rests[value >> 7]
        return more[1 + len(rest)][value & 0x7F] + rest

    return write


def _rest(high: int) -> bytes:
    """What follows the first byte of a number of 64 bits at most, by all but its lowest 7 bits."""
    left, rest = high & (1 << _N_HIGH_BITS) - 1, b""
    if high < 0:
        left |= 1 << _N_HIGH_BITS - 1  # of any number: the sign makes it 10 bytes
    while left >= 0x80:
        rest += _MORE[left & 0x7F]
        left >>= 7
    return rest + _LAST[left]


#: In front of a float in `ArrayValue.values`.
_FLOAT_ITEM: Final = b"\x0a\x09\x21"
#: An integer in base 128; a negative one as its 64-bit complement.
varint: Final = varint_writer(lambda _n_bytes: b"")
#: An integer in `ArrayValue.values`.
_integer_item: Final = varint_writer(lambda n_bytes: bytes((0x0A, 1 + n_bytes, 0x18)))

#: Tag of `Span.attributes`.
_ATTRIBUTE: Final = 0x4A


def text_heads(name: str, tag: int = _ATTRIBUTE) -> Remembered[int, bytes]:
    """By its length in UTF-8: what stands in front of a text, in attributes with that `tag`."""
    return _heads(name, lambda n_bytes: b"\x0a" + varint(n_bytes), tag)


def float_head(name: str) -> bytes:
    """What stands in front of the 8 bytes of a float."""
    return _heads(name, lambda _n_bytes: b"\x21")[_N_DOUBLE]


def text_attribute(name: str, tag: int = _ATTRIBUTE) -> Callable[[str], bytes]:
    """Writer of a text attribute whose values do not repeat; `tag` is that of the attributes."""
    heads = text_heads(name, tag)

    def write(value: str) -> bytes:
        payload = text(value)
        return heads[len(payload)] + payload

    return write


def number_attribute(name: str) -> Callable[[int], bytes]:
    """Writer of an integer attribute whose values do not repeat."""
    return varint_writer(_heads(name, lambda _n_bytes: b"\x18").__getitem__)


def float_attribute(name: str) -> Callable[[float], bytes]:
    """Writer of an attribute with a float."""
    head = float_head(name)

    def write(value: float) -> bytes:
        return head + double(value)

    return write


def texts_attribute(name: str) -> Callable[[Iterable[str]], bytes]:
    """Writer of an attribute with texts."""
    heads = _array_heads(name)

    def write(values: Iterable[str]) -> bytes:
        payload = b"".join([_item(value) for value in values])
        return heads[len(payload)] + payload

    return write


def integers_attribute(name: str) -> Callable[[Iterable[float]], bytes]:
    """Writer of an attribute with a few integers; raises TypeError where there are others."""
    heads = _array_heads(name)

    def write(values: Iterable[float]) -> bytes:
        payload = b""
        for value in values:  # a list to join takes longer, where they are few
            payload += _integer_item(value)  # type: ignore[arg-type]
        return heads[len(payload)] + payload

    return write


def floats_attribute(name: str) -> Callable[[Iterable[float]], bytes]:
    """Writer of an attribute with a few floats."""
    heads = _array_heads(name)

    def write(values: Iterable[float]) -> bytes:
        payload = b"".join([_FLOAT_ITEM + double(value) for value in values])
        return heads[len(payload)] + payload

    return write


def _item(value: str | float) -> bytes:
    """`ArrayValue.values`."""
    return field(0x0A, any_value(value))


def _array_heads(name: str) -> Remembered[int, bytes]:
    return _heads(name, lambda n_bytes: b"\x2a" + varint(n_bytes))


def _heads(
    name: str, value_head: Callable[[int], bytes], tag: int = _ATTRIBUTE
) -> Remembered[int, bytes]:
    """What stands in front of the last `n_bytes` of an attribute."""
    key = field(0x0A, text(name)) + b"\x12"

    def head(n_bytes: int) -> bytes:
        inner = value_head(n_bytes)
        middle = key + varint(len(inner) + n_bytes) + inner
        return _BYTES[tag] + varint(len(middle) + n_bytes) + middle

    return Remembered(head)
