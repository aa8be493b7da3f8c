"""Messages of `store.schema` as bytes: one form for the link and for the chunks of a recording.

A frame is `u32 length of the header | header | arrays`. The header is a JSON object that names the
message and its arrays; the arrays follow as raw little-endian memory, each at a multiple of 8, so
that a reader uses them where they lie.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import orjson

from daskscope.store.inquiry import (
    Answer,
    Dependent,
    Dependents,
    SpanDetails,
    SpanEvent,
    SpanLink,
)
from daskscope.store.schema import (
    SPAN_COLUMNS,
    WORD_COLUMNS,
    Array,
    Definitions,
    EventBatch,
    Message,
    PointBatch,
    RunningWords,
    Series,
    SourceStatus,
    SpanBatch,
    TextColumn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

#: Of the frames, in the handshake of the link and in recordings.
VERSION: Final = 1
_LENGTH: Final = struct.Struct("<I")
_ALIGNMENT: Final = 8

Header: TypeAlias = dict[str, Any]
Arrays: TypeAlias = dict[str, Array]


class FrameError(ValueError):
    """The bytes are not a frame of this version."""


def encode(message: Message | Answer) -> bytes:
    """The frame of `message`."""
    name, header, arrays = _TAKE_APART[type(message)](message)
    header = {
        "message": name,
        "arrays": [(key, array.dtype.str, array.size) for key, array in arrays.items()],
        **header,
    }
    text = _json(header)
    parts: list[bytes | memoryview] = [_LENGTH.pack(len(text)), text]
    parts.append(bytes(-(_LENGTH.size + len(text)) % _ALIGNMENT))
    for array in arrays.values():
        parts.append(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
        parts.append(bytes(-array.nbytes % _ALIGNMENT))
    return b"".join(parts)


def decode(frame: bytes | bytearray | memoryview) -> Message:
    """The message of a frame; its arrays are read-only and share the frame's memory.

    Raises
    ------
    FrameError
        The bytes are not a frame of a message.
    """
    message = decode_linked(frame)
    if isinstance(message, SpanDetails | Dependents):
        raise FrameError("an answer where a message should be")
    return message


def decode_linked(frame: bytes | bytearray | memoryview) -> Message | Answer:
    """What a frame of the link holds: a message, or the answer to a query.

    Raises
    ------
    FrameError
        The bytes are not a frame.
    """
    view = memoryview(frame).toreadonly()
    try:
        (length,) = _LENGTH.unpack_from(view)
        header: Header = orjson.loads(view[_LENGTH.size : _LENGTH.size + length])
        offset = _LENGTH.size + length
        offset += -offset % _ALIGNMENT
        arrays: Arrays = {}
        for key, dtype, size in header.pop("arrays"):
            arrays[key] = np.frombuffer(view, np.dtype(dtype), size, offset)
            offset += arrays[key].nbytes
            offset += -offset % _ALIGNMENT
        return _PUT_TOGETHER[header.pop("message")](header, arrays)
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise FrameError(f"not a frame of daskscope: {error}") from error


def _json(header: Header) -> bytes:
    try:
        return orjson.dumps(header)
    except TypeError:  # a lone surrogate, or an integer beyond 64 bits
        text = json.dumps(header, ensure_ascii=False, default=_plain)
        return text.encode("utf-8", "replace")


def _plain(thing: object) -> object:
    return asdict(thing) if isinstance(thing, Series) else str(thing)


def _text(name: str, texts: TextColumn) -> Arrays:
    return {f"{name}.data": texts.data, f"{name}.ends": texts.ends}


def _as_text(name: str, arrays: Arrays) -> TextColumn:
    return TextColumn(arrays[f"{name}.data"].view(np.uint8), arrays[f"{name}.ends"].view(np.uint32))


def _columns(arrays: Arrays) -> Mapping[str, Array]:
    return {name: array for name, array in arrays.items() if "." not in name}


def _apart_definitions(message: Definitions) -> tuple[str, Header, Arrays]:
    header: Header = {
        "strings_base": message.strings_base,
        "resources_base": message.resources_base,
        "resources": message.resources,
        "traces_base": message.traces_base,
        "series_base": message.series_base,
        "series": message.series,  # orjson writes them ten times as fast as `asdict` copies them
    }
    arrays = _text("strings", TextColumn.of(message.strings))
    arrays["traces"] = np.frombuffer(b"".join(message.traces), np.uint8)
    return "definitions", header, arrays


def _definitions(header: Header, arrays: Arrays) -> Message:
    traces = arrays["traces"].tobytes()
    return Definitions(
        strings_base=header["strings_base"],
        strings=tuple(_texts(_as_text("strings", arrays))),
        resources_base=header["resources_base"],
        resources=tuple(header["resources"]),
        traces_base=header["traces_base"],
        traces=tuple(traces[at : at + 16] for at in range(0, len(traces), 16)),
        series_base=header["series_base"],
        series=tuple(Series(**series) for series in header["series"]),
    )


def _texts(texts: TextColumn) -> Iterator[str]:
    data = texts.data.tobytes()
    start = 0
    for end in texts.ends.tolist():
        yield data[start:end].decode("utf-8", "replace")
        start = end


def _apart_spans(message: SpanBatch) -> tuple[str, Header, Arrays]:
    return "spans", {}, {**message.columns, **_text("keys", message.keys)}


def _apart_points(message: PointBatch) -> tuple[str, Header, Arrays]:
    return "points", {}, dict(message.columns)


def _apart_events(message: EventBatch) -> tuple[str, Header, Arrays]:
    bodies, attributes = _text("bodies", message.bodies), _text("attributes", message.attributes)
    return "events", {}, {**message.columns, **bodies, **attributes}


def _apart_words(message: RunningWords) -> tuple[str, Header, Arrays]:
    words = {f"word.{name}": column for name, column in message.words.items()}
    return "words", {}, {**words, **message.columns, **_text("keys", message.keys)}


def _apart_status(message: SourceStatus) -> tuple[str, Header, Arrays]:
    return "status", asdict(message), {}


def _spans(_header: Header, arrays: Arrays) -> Message:
    columns = _columns(arrays)
    n = len(arrays["keys.ends"])
    # Frames of earlier versions lack columns.
    more = {name: _unknown(n, dtype) for name, dtype in SPAN_COLUMNS.items() if name not in columns}
    return SpanBatch({**columns, **more}, _as_text("keys", arrays))


def _unknown(n: int, dtype: np.dtype[np.generic]) -> Array:
    return np.full(n, np.nan if dtype.kind == "f" else 0, dtype)


def _points(_header: Header, arrays: Arrays) -> Message:
    return PointBatch(_columns(arrays))


def _events(_header: Header, arrays: Arrays) -> Message:
    return EventBatch(_columns(arrays), _as_text("bodies", arrays), _as_text("attributes", arrays))


def _words(header: Header, arrays: Arrays) -> Message:
    if "words" in header:  # as an earlier version wrote them
        return _said(header["words"], arrays)
    words = {name: arrays[f"word.{name}"] for name in WORD_COLUMNS}
    return RunningWords(words, _columns(arrays), _as_text("keys", arrays))


def _running(header: Header, arrays: Arrays) -> Message:
    """One word, as the first versions wrote it."""
    number = header["request"], header["time_ns"], header["resource"], len(arrays["keys.ends"])
    return _said([number], arrays)


def _said(numbers: list[tuple[int, int, int, int]], arrays: Arrays) -> Message:
    by_column = np.array(numbers, np.int64).reshape(-1, len(WORD_COLUMNS)).T
    words = {
        name: values.astype(dtype)
        for (name, dtype), values in zip(WORD_COLUMNS.items(), by_column, strict=True)
    }
    return RunningWords(words, _columns(arrays), _as_text("keys", arrays))


def _status(header: Header, _arrays: Arrays) -> Message:
    http, grpc = tuple(header.pop("http")), tuple(header.pop("grpc"))
    return SourceStatus(http=http, grpc=grpc, **header)


def _apart_answer(message: Answer) -> tuple[str, Header, Arrays]:
    return type(message).__name__, asdict(message), {}


def _span_details(header: Header, _arrays: Arrays) -> Answer:
    events = tuple(SpanEvent(**event) for event in header.pop("events"))
    links = tuple(SpanLink(**link) for link in header.pop("links"))
    return SpanDetails(events=events, links=links, **header)


def _dependents(header: Header, _arrays: Arrays) -> Answer:
    return Dependents(found=tuple(Dependent(**one) for one in header.pop("found")), **header)


_TAKE_APART: Final[Mapping[type, Callable[[Any], tuple[str, Header, Arrays]]]] = {
    Definitions: _apart_definitions,
    SpanBatch: _apart_spans,
    PointBatch: _apart_points,
    EventBatch: _apart_events,
    RunningWords: _apart_words,
    SourceStatus: _apart_status,
    SpanDetails: _apart_answer,
    Dependents: _apart_answer,
}
_PUT_TOGETHER: Final[Mapping[str, Callable[[Header, Arrays], Message | Answer]]] = {
    "definitions": _definitions,
    "spans": _spans,
    "points": _points,
    "events": _events,
    "running": _running,
    "words": _words,
    "status": _status,
    SpanDetails.__name__: _span_details,
    Dependents.__name__: _dependents,
}
