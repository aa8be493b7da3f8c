r"""A text or regular expression, ready to be searched for in thousands of texts at a time.

Plain ASCII text is compared with all bytes of a column at once, a byte of the needle after the
other: about 30 ns a key. Everything else is Python's `re` on each text, which costs as much as `re`
on all of them joined (0.1 to 2 us), and `^`, `$` and `\s` mean what they say. An expression can
need exponential time for a single text, so the time of one call is bounded: `re` looks for signals
while it works, and a timer of the process's own CPU time sends one. Where the system has no such
timer (Windows), or outside the main thread, nothing stops it.
"""

from __future__ import annotations

import re
import signal
import threading
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from daskscope.predicate import Search
    from daskscope.store.schema import TextColumn

Bools = npt.NDArray[np.bool_]

#: CPU time after which an expression is given up, for one call of `found`.
LIMIT_S: Final = 0.03
#: From here on it is cheaper to look at the places that are left than at all bytes.
_FEW: Final = 16
#: Never part of UTF-8, so it separates texts.
_SEPARATOR: Final = 0xFF
_LOWER_BIT: Final = np.uint8(0x20)


class TooSlowError(Exception):
    """An expression took too long on a few texts."""


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """What is searched for.

    Attributes
    ----------
    problem
        Why it cannot be, in one line; "" if it can. With a problem nothing is found.
    needle
        Lower-case bytes of plain ASCII text, else empty.
    pattern
        What is searched instead of a needle.
    """

    problem: str = ""
    needle: bytes = b""
    pattern: re.Pattern[str] | None = None

    @property
    def max_bytes(self) -> int:
        """Bytes of text that suit one call of `found`: about a millisecond."""
        return 1 << 20 if self.needle else 1 << 13

    def found(self, texts: TextColumn) -> Bools:
        """Which of the texts contain it.

        Raises
        ------
        TooSlowError
            It took longer than `LIMIT_S`.
        """
        if self.needle:
            return _with_needle(texts, self.needle)
        if self.pattern is None:
            return np.zeros(len(texts), np.bool_)
        search = self.pattern.search
        with _limited(LIMIT_S):
            return np.array([search(text) is not None for text in _split(texts)], np.bool_)


def expression(search: Search) -> Expression:
    """`search` made ready."""
    text = search.text
    if not text:
        return Expression()
    if not search.is_regex and text.isascii():
        return Expression(needle=text.lower().encode())
    try:
        with warnings.catch_warnings():  # of what a later Python will read in another way
            warnings.simplefilter("ignore")
            pattern = re.compile(text if search.is_regex else re.escape(text), re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        return Expression(problem=_one_line(str(error)))
    return Expression(pattern=pattern)


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return f"{line[:1].upper()}{line[1:]}"


def _with_needle(texts: TextColumn, needle: bytes) -> Bools:
    """Texts that contain a needle of lower-case ASCII, in either case."""
    found = np.zeros(len(texts), np.bool_)
    data = texts.data
    n_places = len(data) - len(needle) + 1
    if n_places <= 0:
        return found
    lowered = data | _LOWER_BIT  # of letters; a letter is what equals one then
    is_place = np.ones(n_places, np.bool_)
    places: npt.NDArray[np.intp] | None = None
    for offset, byte in enumerate(needle):
        source = lowered if chr(byte).isalpha() else data
        if places is not None:
            places = places[source[places + offset] == byte]
            continue
        is_place &= source[offset : offset + n_places] == byte
        if offset % 4 == 3 and np.count_nonzero(is_place) * _FEW < n_places:
            places = np.flatnonzero(is_place)
    if places is None:
        places = np.flatnonzero(is_place)
    row = np.searchsorted(texts.ends, places, side="right")
    inside = places + len(needle) <= texts.ends[row]
    found[row[inside]] = True
    return found


def _split(texts: TextColumn) -> list[str]:
    """All texts, decoded together."""
    if not len(texts):
        return []
    data = np.insert(texts.data, texts.ends[:-1].astype(np.intp), np.uint8(_SEPARATOR)).tobytes()
    # What is no UTF-8 comes as lone surrogates, and so do the separators.
    parts = data.decode("utf-8", "surrogateescape").split(chr(0xDC00 + _SEPARATOR))
    if len(parts) != len(texts):  # a text that holds the separator is no UTF-8
        return [texts[row] for row in range(len(texts))]
    return parts


@contextmanager
def _limited(limit_s: float) -> Iterator[None]:
    """Raise `TooSlowError` in what takes longer than `limit_s` of CPU time."""
    has_timer = hasattr(signal, "setitimer")
    if not has_timer or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGVTALRM, _give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _give_up(_number: int, _frame: FrameType | None) -> None:
    raise TooSlowError
