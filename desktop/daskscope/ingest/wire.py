"""Reading protobuf where it lies, at many places at once.

Everything here works on bytes that protobuf's own parser has accepted, so lengths are in bounds;
what is read is the same element of many messages, as one numpy operation each.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping

Places: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]

#: Of what is taken at once at each place.
HEAD_BYTES: Final = 64
#: Behind the bytes, so that reading words at any place stays in bounds.
_PADDING: Final = 256
_LOW_BITS: Final = np.uint64(0x7F)
#: For a text of n bytes: which bits of its last word belong to it.
_LAST_WORD: Final = [np.uint64(2 ** (8 * n) - 1) for n in range(9)]
_LOW_BYTES: Final = np.array(_LAST_WORD)
#: The highest bit of each byte: in a varint it says that another byte follows.
_HIGH_BITS: Final = np.uint64(0x8080808080808080)
#: How the seven bits of each byte move together, 1, 2 and 4 bytes at a time: the bits that stay,
#: those that come from above, and from how far.
_MOVES: Final = tuple(
    (np.uint64(stay), np.uint64(stay << 7 * n), np.uint64(n))
    for stay, n in ((0x007F007F007F007F, 1), (0x00003FFF00003FFF, 2), (0x000000000FFFFFFF, 4))
)
#: Different texts looked for by comparing before each text is looked up on its own.
_COMPARED_TEXTS: Final = 6


def is_each(flags: Flags) -> bool:
    """Whether all are set; at once, where `all` takes a microsecond."""
    return int(np.count_nonzero(flags)) == len(flags)


class Heads:
    """The bytes at some places, side by side.

    Parameters
    ----------
    blocks
        Each of `HEAD_BYTES` bytes.

    Attributes
    ----------
    bytes
        One row for each place.
    first
        Those of the first place.
    """

    def __init__(self, blocks: npt.NDArray[np.void]) -> None:
        self.bytes = blocks.view(np.uint8).reshape(len(blocks), HEAD_BYTES)
        self.first = self.bytes[0].tobytes()
        self._words = blocks.view("<u8").reshape(len(blocks), -1)

    def word(self, at: int) -> npt.NDArray[np.uint64]:
        """The 8 bytes from `at` on of each, little-endian."""
        words: npt.NDArray[np.uint64] = self.bytes[:, at : at + 8].view("<u8")[:, 0]
        return words

    def are_alike(self, n_bytes: int, lengths: tuple[int, ...]) -> bool:
        """Whether so many bytes are the same at all places.

        Those at `lengths` need only all be lengths of one byte, or all of more.
        """
        for number, mask in enumerate(_masks(n_bytes, lengths)):
            words = self._words[:, number]
            if mask is not None:
                words = words & mask
            if not is_each(words == words[0]):
                return False
        return True


@cache
def _masks(n_bytes: int, lengths: tuple[int, ...]) -> list[np.uint64 | None]:
    """What of each word is compared; None for all of it."""
    mask = bytearray(b"\xff" * n_bytes + bytes(-n_bytes % 8))
    for at in lengths:
        mask[at] = 0x80
    words = np.frombuffer(mask, "<u8")
    return [None if word == _LAST_WORD[8] else word for word in words]


class Wire:
    """The bytes of some messages.

    Parameters
    ----------
    pieces
        Well-formed messages, that lie one after the other from now on.
    """

    def __init__(self, *pieces: bytes) -> None:
        self.data = padded = b"".join((*pieces, bytes(_PADDING)))
        self.bytes = np.frombuffer(padded, np.uint8)
        # Overlapping words, and what begins at each place.
        self._words: npt.NDArray[np.uint64] = np.ndarray(
            (len(padded) - 7,), "<u8", buffer=padded, strides=(1,)
        )
        n_heads = len(padded) - HEAD_BYTES + 1
        self._heads = np.ndarray((n_heads,), f"V{HEAD_BYTES}", buffer=padded, strides=(1,))

    def words(self, at: Places) -> npt.NDArray[np.uint64]:
        """The 8 bytes at each place, little-endian."""
        return self._words[at]

    def heads(self, at: Places) -> Heads:
        """The next bytes at each place, taken at once: it takes as long as one word of each."""
        return Heads(self._heads[at])

    def varints(self, at: Places) -> tuple[npt.NDArray[np.uint64], Places]:
        """The varint at each place, and where it ends."""
        byte = self.bytes[at]
        values = byte.astype(np.uint64)
        at = at + 1
        goes_on = byte >= 0x80
        if not np.count_nonzero(goes_on):
            return values, at
        values &= _LOW_BITS
        for shift in range(7, 70, 7):
            if not np.count_nonzero(goes_on):
                break
            byte = self.bytes[at]
            bits = (byte.astype(np.uint64) & _LOW_BITS) << np.uint64(shift)
            values |= np.where(goes_on, bits, np.uint64(0))
            at = at + goes_on
            goes_on &= byte >= 0x80
        return values, at

    def integers(self, at: Places, sizes: Places) -> tuple[npt.NDArray[np.int64], Flags]:
        """What stands in so many bytes at each place, and whether that is one varint."""
        if sizes.max(initial=0) > 8:
            long, end = self.varints(at)
            return long.view(np.int64), end == at + sizes
        words, own = self._words[at], _LOW_BYTES[sizes]
        goes_on = own & _HIGH_BITS
        is_fine = (words & goes_on == goes_on >> np.uint64(8)) & (sizes > 0)
        values = words & (own ^ goes_on)
        for stay, come, n in _MOVES:
            values = (values & stay) | ((values >> n) & come)
        return values.view(np.int64), is_fine

    def lengths(self, at: Places) -> tuple[Places, Places]:
        """The length at each place, and where what it counts begins."""
        values, begin = self.varints(at)
        return values.view(np.int64), begin

    def is_text(self, text: bytes, at: Places) -> Flags:
        """Whether `text` stands at each place."""
        same = np.ones(len(at), np.bool_)
        if not text:
            return same
        # Taken at once, as bytes that have no alignment: several times as fast as word by word.
        size = -(-len(text) // 8) * 8
        n = len(self.data) - size + 1
        blocks = np.ndarray((n,), f"V{size}", buffer=self.data, strides=(1,))[at]
        for number, words in enumerate(blocks.view("<u8").reshape(len(at), -1).T):
            part = text[8 * number : 8 * number + 8]
            wanted = np.uint64(int.from_bytes(part, "little"))
            same &= (words & _LAST_WORD[len(part)]) == wanted
        return same

    def ids(
        self, begin: Places, length: Places, table: Mapping[bytes, int]
    ) -> npt.NDArray[np.int64]:
        """The id in `table` of each text."""
        result = np.empty(len(begin), np.int64)
        words = self._words[begin] & _LOW_BYTES[np.minimum(length, 8)]
        rest = np.ones(len(begin), np.bool_)
        for _ in range(_COMPARED_TEXTS):
            if not np.count_nonzero(rest):
                return result
            first = int(rest.argmax())
            start, size = int(begin[first]), int(length[first])
            text = self.data[start : start + size]
            same = (words == words[first]) & (length == size)
            if size > 8:
                same[same] = self.is_text(text, begin if is_each(same) else begin[same])
            np.putmask(result, same, table[text])
            rest &= ~same
        result[rest] = [table[text] for text in self.texts(begin[rest], length[rest])]
        return result

    def texts(self, begin: Places, length: Places) -> list[bytes]:
        """The bytes of each text."""
        data = self.data
        ends = (begin + length).tolist()
        return [data[a:b] for a, b in zip(begin.tolist(), ends, strict=True)]


def varint_at(data: bytes, at: int) -> tuple[int, int]:
    """The varint at one place, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def submessages(data: bytes, begin: int, end: int, tag: int) -> tuple[list[int], list[int]] | None:
    """Where the elements of a repeated field lie in the message from `begin` to `end`.

    The field's tag is one byte, with wire type 2. None where another wire type stands between.
    """
    begins: list[int] = []
    ends: list[int] = []
    at = begin
    while at < end:
        found = data[at]
        if found != tag and found & 0x87 != 2:  # another wire type, or a tag of two bytes
            return None
        length = data[at + 1]
        if length < 0x80:
            at += 2
        elif (more := data[at + 2]) < 0x80:
            at += 3
            length += (more << 7) - 0x80
        else:
            length, at = varint_at(data, at + 1)
        if found == tag:
            begins.append(at)
            at += length
            ends.append(at)
        else:
            at += length
    return begins, ends
