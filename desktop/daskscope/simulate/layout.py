"""Messages of protobuf that differ in fields of fixed width, many at a time.

A layout is bytes with gaps. Since the width of every gap is known, so is every length in front of
them, and all rows are one matrix: constant bytes are copied, gaps are filled column by column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping

Octets: TypeAlias = npt.NDArray[np.uint8]


class Gap(NamedTuple):
    """Bytes that differ from row to row."""

    name: str
    width: int


#: What a layout is made of, in order.
Pieces: TypeAlias = "tuple[bytes | Gap, ...]"


def varint(value: int) -> bytes:
    """`value`, not negative, in base 128."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def width_of(pieces: Pieces) -> int:
    """Bytes of some pieces."""
    return sum(piece.width if isinstance(piece, Gap) else len(piece) for piece in pieces)


def field(tag: int, *pieces: bytes | Gap) -> Pieces:
    """A field with its length in front."""
    return (bytes((tag,)) + varint(width_of(pieces)), *pieces)


def key_value(tag: int, name: str, *value: bytes | Gap) -> Pieces:
    """An attribute, the value of which is the `AnyValue` of `value`."""
    return field(tag, *field(0x0A, name.encode()), *field(0x12, *value))


def text(tag: int, name: str, value: str) -> bytes:
    """An attribute with a text."""
    return constant(key_value(tag, name, *text_value(value.encode())))


def constant(pieces: Pieces) -> bytes:
    """Pieces without gaps, as bytes."""
    return b"".join(piece for piece in pieces if not isinstance(piece, Gap))


def text_value(*pieces: bytes | Gap) -> Pieces:
    """`AnyValue` of a text."""
    return field(0x0A, *pieces)


class Layout:
    """Rows of bytes.

    Parameters
    ----------
    pieces
        What a row consists of; no two gaps have one name.
    """

    def __init__(self, pieces: Pieces) -> None:
        self._row = np.frombuffer(
            b"".join(bytes(p.width) if isinstance(p, Gap) else p for p in pieces), np.uint8
        )
        self._gaps: dict[str, slice] = {}
        at = 0
        for piece in pieces:
            width = piece.width if isinstance(piece, Gap) else len(piece)
            if isinstance(piece, Gap):
                self._gaps[piece.name] = slice(at, at + width)
            at += width

    def rows(self, n: int, fill: Mapping[str, Octets]) -> Octets:
        """`n` rows, uint8, shape (n, width).

        `fill` has for each gap uint8 of shape (n, width of the gap), or what broadcasts to it.
        """
        rows = np.empty((n, len(self._row)), np.uint8)
        rows[:] = self._row
        for name, place in self._gaps.items():
            rows[:, place] = fill[name]
        return rows

    def messages(self, n: int, fill: Mapping[str, Octets]) -> list[bytes]:
        """`n` rows as bytes each."""
        return split(self.rows(n, fill))


def split(rows: Octets) -> list[bytes]:
    """Each row as bytes."""
    found: list[bytes] = rows.view(f"V{rows.shape[1]}").ravel().tolist() if len(rows) else []
    return found


_LAST: Final = np.uint8(0x7F)


def varints(values: npt.NDArray[np.int64], width: int) -> Octets:
    """Varints that all take `width` bytes, uint8, shape (n, width).

    `values` must be in [2**(7 * (width - 1)), 2**(7 * width)).
    """
    shifts = np.arange(0, 7 * width, 7, dtype=np.uint64)
    octets = (values.astype(np.uint64)[:, None] >> shifts).astype(np.uint8)
    octets |= np.uint8(0x80)
    octets[:, -1] &= _LAST
    return octets


def varint_range(width: int) -> tuple[int, int]:
    """The least and the greatest value that takes `width` bytes."""
    return 1 << 7 * (width - 1), (1 << 7 * width) - 1


def fixed64(values: npt.NDArray[np.int64]) -> Octets:
    """Little-endian words, uint8, shape (n, 8)."""
    return np.ascontiguousarray(values, "<i8").view(np.uint8).reshape(-1, 8)


def doubles(values: npt.NDArray[np.float64]) -> Octets:
    """Little-endian doubles, uint8, shape (n, 8)."""
    return np.ascontiguousarray(values, "<f8").view(np.uint8).reshape(-1, 8)
