"""Compresses bodies of requests for the journal, beside the thread that decodes them.

Compressing needs no lock of the interpreter, decoding nothing else: on two cores the one costs no
time of the other.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import zstandard

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Less than this is compressed sooner than another thread has been woken.
LEAST_BYTES: Final = 1 << 18


def compressor() -> zstandard.ZstdCompressor:
    """What compresses everything in a journal; for one thread at a time."""
    return zstandard.ZstdCompressor(level=1, write_checksum=True)


class Packer:
    """Compresses in a thread of its own what takes long."""

    def __init__(self) -> None:
        self._small, self._large = compressor(), compressor()
        self._pool = ThreadPoolExecutor(1, "packing")

    def begin(self, bodies: Sequence[bytes]) -> Future[list[bytes]]:
        """Begin to compress some bodies."""
        if sum(map(len, bodies)) >= LEAST_BYTES:
            return self._pool.submit(_packed, self._large, bodies)
        done: Future[list[bytes]] = Future()
        done.set_result(_packed(self._small, bodies))
        return done

    def close(self) -> None:
        """End the thread."""
        self._pool.shutdown()


def _packed(compressor: zstandard.ZstdCompressor, bodies: Sequence[bytes]) -> list[bytes]:
    return [compressor.compress(body) for body in bodies]
