"""OTLP/JSON to protobuf messages and back.

It is protobuf's JSON with three differences (opentelemetry-proto, docs/specification.md, "JSON
Protobuf Encoding"): trace and span ids are hex instead of base64, enums are numbers, and 64-bit
integers are written as strings. Unknown fields are ignored. Enums by name and integers as numbers
are accepted too.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import TYPE_CHECKING, Any, Final, TypeVar

import orjson
from google.protobuf import json_format
from google.protobuf.message import Message

if TYPE_CHECKING:
    from collections.abc import Callable

M = TypeVar("M", bound=Message)

_ID_FIELDS: Final = frozenset(
    ("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id")
)
#: Attribute values may nest; deeper ones than protobuf's own limit are refused.
_MAX_DEPTH: Final = 100


def parse(text: bytes, kind: type[M]) -> M:
    """The message of type `kind` that `text` says.

    Raises
    ------
    ValueError
        It is not JSON, or not such a message.
    """
    tree = _loads(text)
    if not isinstance(tree, dict):
        raise ValueError("not a JSON object")
    _convert(tree, _hex_to_base64, 0)
    message = kind()
    try:
        json_format.ParseDict(
            tree, message, ignore_unknown_fields=True, max_recursion_depth=_MAX_DEPTH
        )
    except (json_format.Error, RecursionError) as error:
        raise ValueError(str(error)) from error
    return message


def line(message: Message) -> bytes:
    """`message` as one line of OTLP/JSON, without the newline."""
    tree = json_format.MessageToDict(message, use_integers_for_enums=True)
    _convert(tree, _base64_to_hex, 0)
    return orjson.dumps(tree)


def _loads(text: bytes) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        # The standard library takes lone surrogates, which some JavaScript senders cut texts into.
        try:
            return _without_surrogates(json.loads(text), 0)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"not JSON: {error}") from error


def _without_surrogates(value: object, depth: int) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value).replace("inf", "Infinity").replace("nan", "NaN")
    if isinstance(value, list):
        return [_without_surrogates(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {key: _without_surrogates(item, depth + 1) for key, item in value.items()}
    return value


def _convert(tree: Any, change: Callable[[str], str], depth: int) -> None:
    """Apply `change` to every id in `tree`, in place."""
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(tree, list):
        for item in tree:
            if type(item) is dict or type(item) is list:
                _convert(item, change, depth + 1)
        return
    for key, value in tree.items():
        if type(value) is dict or type(value) is list:
            _convert(value, change, depth + 1)
        elif key in _ID_FIELDS and isinstance(value, str):
            tree[key] = change(value)


def _hex_to_base64(text: str) -> str:
    try:
        return base64.b64encode(bytes.fromhex(text)).decode("ascii")
    except ValueError as error:
        raise ValueError(f"not a hex id: {text[:40]!r}") from error


def _base64_to_hex(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).hex()
    except binascii.Error:  # pragma: no cover - protobuf writes base64
        return text
