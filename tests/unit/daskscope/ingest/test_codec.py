from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pytest

from daskscope.ingest import codec
from daskscope.store.schema import (
    EVENT_COLUMNS,
    POINT_COLUMNS,
    RUNNING_COLUMNS,
    SPAN_COLUMNS,
    WORD_COLUMNS,
    Array,
    Definitions,
    EventBatch,
    Message,
    Outcome,
    PointBatch,
    RunningWords,
    Series,
    SourceStatus,
    SpanBatch,
    TextColumn,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXTS = ("", "a\x00b", "𝄞", "k" * 10_000, '"\\', "\n")


def columns(schema: Mapping[str, np.dtype[np.generic]], n: int) -> dict[str, Array]:
    chance = np.random.default_rng(1)
    return {
        name: np.frombuffer(chance.bytes(n * dtype.itemsize), dtype)
        if dtype.kind != "f"
        else chance.normal(size=n)
        for name, dtype in schema.items()
    }


def texts(n: int) -> TextColumn:
    return TextColumn.of(TEXTS[i % len(TEXTS)] for i in range(n))


def words(*numbers: tuple[int, ...]) -> RunningWords:
    """Words with numbers as in `WORD_COLUMNS`, and attempts of theirs."""
    by_column = np.array(numbers, np.int64).reshape(-1, len(WORD_COLUMNS)).T
    said = {
        name: column.astype(dtype)
        for (name, dtype), column in zip(WORD_COLUMNS.items(), by_column, strict=True)
    }
    n = int(said["n"].sum())
    return RunningWords(said, columns(RUNNING_COLUMNS, n), texts(n))


def check_same(first: object, second: object) -> None:
    assert type(first) is type(second)
    for name in first.__dataclass_fields__:  # type: ignore[attr-defined]
        one, other = getattr(first, name), getattr(second, name)
        if isinstance(one, TextColumn):
            check_same(one, other)
        elif isinstance(one, np.ndarray):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
        elif isinstance(one, dict):
            assert one.keys() == other.keys()
            for key in one:
                assert one[key].dtype == other[key].dtype
                np.testing.assert_array_equal(one[key], other[key])
        else:
            assert one == other


@pytest.mark.parametrize("n", [0, 1, 7, 1000])
def test_batches_survive(n: int) -> None:
    messages: list[Message] = [
        SpanBatch(columns(SPAN_COLUMNS, n), texts(n)),
        PointBatch(columns(POINT_COLUMNS, n)),
        EventBatch(columns(EVENT_COLUMNS, n), texts(n), texts(n)),
    ]
    for message in messages:
        check_same(codec.decode(codec.encode(message)), message)


def test_words_of_workers_survive_together() -> None:
    for n_each in ((2, 0, 7, 1, 0), (0,), ()):
        said = words(*((7 + n, 2**62 - n, 3 * n, n) for n in n_each))
        check_same(codec.decode(codec.encode(said)), said)


@pytest.mark.parametrize(
    ("name", "fields", "numbers"),
    [
        ("running", {"request": 7, "time_ns": 2**62, "resource": 3}, [(7, 2**62, 3, 2)]),
        ("words", {"words": [(7, 2**62, 3, 2), (9, 1, 2**32 - 1, 1)]}, None),
    ],
)
def test_words_as_earlier_versions_wrote_them_are_read(
    name: str, fields: dict[str, Any], numbers: list[tuple[int, ...]] | None
) -> None:
    """The first ones wrote each by itself, and later ones the numbers of all in the header."""
    said = words(*(numbers or fields["words"]))
    arrays = {**said.columns, "keys.data": said.keys.data, "keys.ends": said.keys.ends}
    named = [(name, array.dtype.str, array.size) for name, array in arrays.items()]
    text = orjson.dumps({"message": name, "arrays": named, **fields})
    parts = [struct.pack("<I", len(text)) + text, *(array.tobytes() for array in arrays.values())]
    decoded = codec.decode(b"".join(part + bytes(-len(part) % 8) for part in parts))

    check_same(decoded, said)


def test_frames_of_a_version_with_fewer_columns_are_read() -> None:
    whole = columns(SPAN_COLUMNS, 7)
    later = ("outcome", "wait_data_s", "wait_thread_s")
    older = {name: column for name, column in whole.items() if name not in later}
    decoded = codec.decode(codec.encode(SpanBatch(older, texts(7))))

    assert isinstance(decoded, SpanBatch)
    assert {name: column.dtype for name, column in decoded.columns.items()} == SPAN_COLUMNS
    assert decoded.columns["outcome"].tolist() == [Outcome.NONE] * 7
    assert np.isnan(decoded.columns["wait_data_s"].astype(float)).all()
    np.testing.assert_array_equal(decoded.columns["run_id"], whole["run_id"])


def test_definitions_and_status_survive() -> None:
    series = Series("m", "By", 3, True, {"a": [1, "x", {"y": None}], "b": 1.5, "c": 2**63 - 1})
    definitions = Definitions(4, TEXTS, 5, ({"n": -(2**63)},), 6, (bytes(range(16)),), 7, (series,))
    assert codec.decode(codec.encode(definitions)) == definitions
    assert codec.decode(codec.encode(Definitions())) == Definitions()
    status = SourceStatus(True, ("a:1", "b:2"), (), 1, 2, 3, journal_path="ä", problem="full")
    assert codec.decode(codec.encode(status)) == status


def test_lone_surrogates_do_not_stop_a_message() -> None:
    series = Series("\ud900", "By", 3, True, {"a": 1})
    definitions = Definitions(
        resources=({"name": "\ud800"},), strings=("\udfff",), series=(series,)
    )
    decoded = codec.decode(codec.encode(definitions))
    assert isinstance(decoded, Definitions)
    assert decoded.resources == ({"name": "?"},)
    assert decoded.strings == ("?",)
    assert decoded.series == (replace(series, name="?"),)


def test_arrays_share_the_frame_and_cannot_be_written() -> None:
    frame = bytearray(codec.encode(PointBatch(columns(POINT_COLUMNS, 5))))
    message = codec.decode(frame)
    assert isinstance(message, PointBatch)
    for column in message.columns.values():
        assert np.shares_memory(column, np.frombuffer(frame, np.uint8))
        assert not column.flags.writeable
        assert column.flags.aligned


@pytest.mark.parametrize("cut", [0, 3, 4, 40, 100, 200])
def test_a_cut_frame_is_refused(cut: int) -> None:
    frame = codec.encode(PointBatch(columns(POINT_COLUMNS, 50)))
    with pytest.raises(codec.FrameError):
        codec.decode(frame[:cut])


def test_garbage_is_refused() -> None:
    chance = np.random.default_rng(1)
    for size in (4, 10, 100, 5000):
        with pytest.raises(codec.FrameError):
            codec.decode(chance.bytes(size))
