"""Compresses bodies of requests and chunks for the journal, beside the thread that decodes.

Compressing needs no lock of the interpreter, decoding nothing else: on two cores the one costs no
time of the other.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import zstandard

from daskscope.ingest import codec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from daskscope.store.schema import Message

#: Less than this is compressed sooner than another thread has been woken.
LEAST_BYTES: Final = 1 << 18


def compressor() -> zstandard.ZstdCompressor:
    """What compresses everything in a journal; for one thread at a time."""
    return zstandard.ZstdCompressor(level=1, write_checksum=True)


@dataclass(frozen=True, slots=True)
class Packed:
    """A message as the journal keeps it; nothing in it is of a request after `last_request`."""

    message: str
    last_request: int
    rows: int
    blob: bytes


def packed(messages: Iterable[Message], last_request: int) -> list[Packed]:
    """Messages for the journal."""
    compress = compressor().compress
    return [
        Packed(
            type(message).__name__,
            last_request,
            len(message) if hasattr(message, "__len__") else 0,
            compress(codec.encode(message)),
        )
        for message in messages
    ]


class Packer:
    """Compresses in threads of its own what takes long."""

    def __init__(self) -> None:
        self._compressor = compressor()
        self._pool = ThreadPoolExecutor(2, "packing")

    def begin(self, bodies: Sequence[bytes]) -> Future[list[bytes]]:
        """Begin to compress some bodies."""
        if sum(map(len, bodies)) >= LEAST_BYTES:
            # Each has its own: another one that nobody waits for may still be made.
            return self._pool.submit(_compressed, compressor(), bodies)
        done: Future[list[bytes]] = Future()
        done.set_result(_compressed(self._compressor, bodies))
        return done

    def begin_chunks(self, messages: Iterable[Message], last_request: int) -> Future[list[Packed]]:
        """Begin to make chunks of messages."""
        return self._pool.submit(packed, messages, last_request)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()


def _compressed(compressor: zstandard.ZstdCompressor, bodies: Sequence[bytes]) -> list[bytes]:
    return [compressor.compress(body) for body in bodies]
