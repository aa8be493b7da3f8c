"""Layouts, read back by protobuf's own parser."""

from __future__ import annotations

import numpy as np
import pytest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from daskscope.simulate.layout import (
    Gap,
    Layout,
    doubles,
    key_value,
    text_value,
    varint,
    varint_range,
    varints,
)


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 7, 9])
def test_integers_of_one_width_are_read_back(width: int) -> None:
    least, most = varint_range(width)
    values = np.array([least, most, (least + most) // 2])
    head, *value = key_value(0x0A, "n", b"\x18", Gap("value", width))
    assert head[1] == sum(map(_width, value))

    rows = Layout(tuple(value)).messages(3, {"value": varints(values, width)})

    found = [KeyValue.FromString(row).value.int_value for row in rows]
    assert found == values.tolist()
    assert {len(varint(int(one))) for one in values} == {width}


def _width(piece: bytes | Gap) -> int:
    return piece.width if isinstance(piece, Gap) else len(piece)


def test_texts_and_doubles_are_read_back() -> None:
    _, *text = key_value(0x0A, "key", *text_value(Gap("text", 3)))
    rows = np.frombuffer(b"abcxyz", np.uint8).reshape(2, 3)
    found = [KeyValue.FromString(row) for row in Layout(tuple(text)).messages(2, {"text": rows})]
    assert [(one.key, one.value.string_value) for one in found] == [("key", "abc"), ("key", "xyz")]

    _, *number = key_value(0x0A, "s", b"\x21", Gap("number", 8))
    fill = {"number": doubles(np.array([0.5, -1e300]))}
    found = [KeyValue.FromString(row) for row in Layout(tuple(number)).messages(2, fill)]
    assert [one.value.double_value for one in found] == [0.5, -1e300]


def test_no_rows_are_no_messages() -> None:
    assert Layout((b"abc",)).messages(0, {}) == []
