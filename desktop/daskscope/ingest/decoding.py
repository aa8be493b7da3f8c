"""What a file holds as frames: its requests decoded again, some at a time; chunks as they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daskscope.ingest import codec
from daskscope.ingest.definitions import parts
from daskscope.ingest.envelope import Encoding
from daskscope.ingest.weight import MAX_WEIGHT, weight
from daskscope.store.schema import Definitions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from daskscope.ingest.decoder import Decoder, Group, Numbered
    from daskscope.ingest.definitions import Mark

#: Most requests decoded at a time.
_GROUP: Final = 64
#: Definitions that are larger are taken apart.
_LARGE_BYTES: Final = 1 << 16


def split(frame: bytes) -> list[bytes]:
    """A frame of a chunk, definitions of very much as several."""
    message = codec.decode(frame) if len(frame) > _LARGE_BYTES else None
    if not isinstance(message, Definitions):
        return [frame]
    return [codec.encode(part) for part in parts(message)]


def decoded(
    decoder: Decoder, requests: Iterable[Numbered], known: Mark
) -> Iterator[tuple[Group, int, list[bytes]]]:
    """Groups of requests, of how many each is, and its frames with what was not `known` before."""
    for numbered in _groups(requests):
        group = decoder.decode(numbered)
        decoder.accept(group)
        definitions = decoder.tables.since(known, group.mark)
        messages = [*(parts(definitions) if definitions else ()), *group.batches]
        yield group, len(numbered), [codec.encode(message) for message in messages]
        known = group.mark


def _groups(requests: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    """Requests to decode at a time, which weigh together at most what one may."""
    group: list[Numbered] = []
    weighs = 0
    for request in requests:
        parsed = request.parsed
        more = weight(parsed.signal, Encoding.PROTOBUF, parsed.data)
        if group and (len(group) == _GROUP or weighs + more > MAX_WEIGHT):
            yield group
            group, weighs = [], 0
        group.append(request)
        weighs += more
    if group:
        yield group
