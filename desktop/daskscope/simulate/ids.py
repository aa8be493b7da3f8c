"""Ids and keys, derived from what they name.

An attempt's id is that of `dask_otel.correlate.attempt_span_id` (a test holds both to each other),
since links name the attempts of other workers. All other ids only have to differ: they are numbers
mixed so that they look like hashes.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daskscope.simulate.layout import Octets

Words = npt.NDArray[np.uint64]

# Odd constants of the mixer of SplitMix64 (Steele, Lea, Flood 2014).
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def mixed(numbers: Words, salt: int) -> Words:
    """Numbers that look random, for each salt others; different numbers give different ones."""
    # Salts that are near each other must not be: numbers are, too.
    far = _mixed(np.array([salt & (2**64 - 1)], np.uint64))
    return _mixed(numbers + far)


def _mixed(words: Words) -> Words:
    words = words * _GAMMA
    words = (words ^ (words >> np.uint64(30))) * _MIX_1
    words = (words ^ (words >> np.uint64(27))) * _MIX_2
    return words ^ (words >> np.uint64(31))


def octets(words: Words) -> Octets:
    """The 8 bytes of each number, shape (n, 8)."""
    return np.ascontiguousarray(words).view(np.uint8).reshape(-1, 8)


def hexadecimal(rows: Octets) -> Octets:
    """Bytes as two lower-case digits each, shape (n, 2 * width)."""
    text = np.frombuffer(rows.tobytes().hex().encode(), np.uint8)
    return text.reshape(len(rows), 2 * rows.shape[1])


def keys(prefix: str, numbers: Words, salt: int) -> Octets:
    """Keys as Dask makes them for delayed tasks, `prefix-<32 digits>`, shape (n, width)."""
    head = np.frombuffer(f"{prefix}-".encode(), np.uint8)
    rows = np.empty((len(numbers), len(head) + 32), np.uint8)
    rows[:, : len(head)] = head
    halves = np.hstack([octets(mixed(numbers, salt)), octets(mixed(numbers, ~salt))])
    rows[:, len(head) :] = hexadecimal(halves)
    return rows


def attempt_ids(key: Sequence[bytes], run_id: Sequence[int]) -> Octets:
    """Span ids of attempts, shape (n, 8); the keys are ASCII without quotes."""
    digests = [
        blake2b(b"('attempt', '%b', %d)" % item, digest_size=8).digest()
        for item in zip(key, run_id, strict=True)
    ]
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 8)


def trace_id(seed: int, graph: int, part: int) -> bytes:
    """Of one trace of a graph."""
    numbers = np.array([graph * 65_536 + part], np.uint64)
    return mixed(numbers, seed).tobytes() + mixed(numbers, ~seed).tobytes()


def span_id(trace: bytes, what: str) -> bytes:
    """Of a span of which a trace has one."""
    return blake2b(trace + what.encode(), digest_size=8).digest()
