"""Where the items of a request lie: its spans, metrics or log records.

The three signals have one shape (opentelemetry-proto v1): a request is resources, each with scopes,
each with items, all of them field 1, 2 and 2 of what holds them; a resource is field 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from daskscope.ingest.wire import submessages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message

# Tags of protobuf: number << 3 | wire type.
_GROUPS: Final = 0x0A
_RESOURCE: Final = 0x0A
_SCOPES: Final = 0x12
_ITEMS: Final = 0x12


class Part(NamedTuple):
    """What one resource sent under one scope.

    Attributes
    ----------
    resource
        The resource's bytes.
    begins, ends
        Where each item lies in the request.
    """

    resource: bytes
    begins: list[int]
    ends: list[int]


def outlined(data: bytes, kind: type[Message]) -> tuple[bytes, list[Part]]:
    """A well-formed request of that kind, and its parts.

    Where one of a newer version has fields that have no length in front, it is the request without
    all that nobody knows.
    """
    found = _parts(data)
    if None in found:
        message = kind.FromString(data)
        message.DiscardUnknownFields()
        data = message.SerializeToString()
        found = _parts(data)
    return data, [part for part in found if part is not None]


def _parts(data: bytes) -> list[Part | None]:
    """All parts of a request; None in the place of what could not be passed over."""
    return list(_walk(data))


def _walk(data: bytes) -> Iterator[Part | None]:
    groups = submessages(data, 0, len(data), _GROUPS)
    if groups is None:
        yield None
        return
    for begin, end in zip(*groups, strict=True):
        resources = submessages(data, begin, end, _RESOURCE)
        scopes = submessages(data, begin, end, _SCOPES)
        if resources is None or scopes is None:
            yield None
            return
        # Of a message that comes twice, protobuf makes one, as if its bytes had come at once.
        resource = b"".join(data[at:stop] for at, stop in zip(*resources, strict=True))
        for at, stop in zip(*scopes, strict=True):
            items = submessages(data, at, stop, _ITEMS)
            yield Part(resource, *items) if items is not None else None
