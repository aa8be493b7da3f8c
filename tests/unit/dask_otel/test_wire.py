from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from dask_otel import wire
from tests.sinks import plain, plain_attributes

LIMITS = [2**n_bits for n_bits in (0, 7, 14, 21, 28, 35, 42, 49, 56)]
NUMBERS = [
    *(number for limit in LIMITS for number in (limit - 1, limit, -limit, -limit - 1)),
    *(300, 2**31, 2**63 - 1, -62, -(2**63)),
]
TEXTS = ["", "x", "é日本", "a\nb", "x" * 62, "x" * 127, "x" * 128, "y" * 10_000, "z" * 20_000]


@pytest.mark.parametrize("value", [*NUMBERS, *TEXTS, 1.5, -0.0, True, ("a", "é"), (1, -2), ()])
def test_values_are_what_protobuf_reads(value: wire.Value) -> None:
    read = KeyValue.FromString(wire.key_value("name", value))
    expected = list(value) if isinstance(value, tuple) else value
    assert (read.key, plain(read.value)) == ("name", expected)
    assert type(plain(read.value)) is type(expected)


def test_writers_agree_with_the_plain_way() -> None:
    write_text, write_number = wire.text_attribute("text"), wire.number_attribute("number")
    for text in TEXTS:
        assert write_text(text) == wire.attribute("text", text)
    for number in NUMBERS:
        assert write_number(number) == wire.attribute("number", number)
    write_float = wire.float_attribute("float")
    for value in (0.0, -1.5, float("inf")):
        assert write_float(value) == wire.attribute("float", value)
    write_integers = wire.integers_attribute("numbers")
    for numbers in ((), (1, 1), (0, 1, 12_345), (0, 2, 0, -62), tuple(NUMBERS)):
        assert write_integers(numbers) == wire.attribute("numbers", numbers)
    write_floats = wire.floats_attribute("numbers")
    for floats in ((), (1, 1.5), (-0.0, float("inf"), 2**40)):
        assert write_floats(floats) == wire.attribute("numbers", tuple(map(float, floats)))
    write_texts = wire.texts_attribute("texts")
    for texts in ((), ("a",), tuple(TEXTS)):
        assert write_texts(texts) == wire.attribute("texts", texts)


@pytest.mark.parametrize("value", [0.0, 1.0, 127.5, 300.0, -1.0, 1e5, 3e9, float("nan"), "1"])
def test_a_writer_of_integers_takes_nothing_else(value: Any) -> None:
    with pytest.raises(TypeError):
        wire.integers_attribute("numbers")((0, value))


@pytest.mark.parametrize("value", [2**64 + 5, 2**70, -(2**64) + 5, -(2**70)])
def test_what_has_more_than_64_bits_spoils_no_message(value: int) -> None:
    read = Span.FromString(wire.attribute("a", value) + wire.attribute("b", "two"))
    assert plain_attributes(read.attributes)["b"] == "two"


def test_attributes_of_a_span_follow_each_other() -> None:
    span = Span.FromString(wire.attribute("a", 1) + wire.attribute("b", "two"))
    assert plain_attributes(span.attributes) == {"a": 1, "b": "two"}


def test_what_utf8_cannot_hold_becomes_a_question_mark() -> None:
    assert plain(KeyValue.FromString(wire.key_value("k", "a\udcffb")).value) == "a?b"


def test_remembered_forgets_before_it_grows_too_large() -> None:
    calls: list[object] = []

    def make(value: object) -> bytes:
        calls.append(value)
        return repr(value).encode()

    remembered = wire.Remembered(make)
    assert [remembered[1], remembered[1], remembered[2]] == [b"1", b"1", b"2"]
    assert calls == [1, 2]
    for number in range(3, 10_000):
        assert remembered[number]
    assert remembered[1] == b"1"
    assert calls.count(1) == 2


def test_remembered_keeps_what_is_used() -> None:
    calls: list[int] = []

    def make(value: int) -> bytes:
        calls.append(value)
        return b"made"

    remembered = wire.Remembered(make)
    for number in range(20_000):
        assert remembered[-1] == remembered[number] == b"made"
    assert calls.count(-1) == 1
    assert len(calls) == 20_001


def test_remembered_keeps_no_giants() -> None:
    calls: list[int] = []

    def make(value: int) -> bytes:
        calls.append(value)
        return b"x" * value

    remembered = wire.Remembered(make)
    for value in (10, 10, 1_000_000, 1_000_000):
        assert remembered[value]
    assert calls == [10, 1_000_000, 1_000_000]
