"""What can be asked for, as lists to search: entries of the palette, rows of the list of keys.

A word that is typed matches where it begins a word, lies inside of one, or where its letters come
in order ("zi" finds "Zoom in"); what is nearer to what was typed stands first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Ranks of a match by where the typed word is found, best first.
_AT_START, _AT_WORD, _INSIDE, _IN_GROUP, _IN_ORDER = range(5)
#: Letters in order match by chance in a long text.
_LONGEST_IN_ORDER: Final = 60


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the palette.

    Attributes
    ----------
    id
        Unique; what is reported when it is chosen.
    text, group
        What it says, and under which heading; both are searched.
    keys
        Keys of its first shortcut: `("Ctrl", "O")`; empty where it has none.
    is_on
        A checkable action that is on.
    """

    id: str
    text: str
    group: str
    keys: tuple[str, ...] = ()
    is_on: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """An entry and the stretches of its text (start, end) that were typed."""

    entry: Entry
    marks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class KeyRow:
    """Alternative ways to one thing, each the keys that are pressed together, and what for."""

    ways: tuple[tuple[str, ...], ...]
    about: str


@dataclass(frozen=True, slots=True)
class KeyGroup:
    """Rows under one heading."""

    title: str
    rows: tuple[KeyRow, ...]


def key_caps(keys: str) -> tuple[str, ...]:
    """The single keys of a sequence, as people write it: `Ctrl+Shift+P`, `Shift + wheel`."""
    return tuple(part.strip() for part in re.split(r"\+(?=.)", keys))


def matches(entries: Sequence[Entry], typed: str, recent: Sequence[str]) -> list[Match]:
    """The entries that have every typed word, best first.

    Parameters
    ----------
    entries
        In the order that breaks ties.
    typed
        Words, upper and lower case alike; nothing matches everything.
    recent
        Ids that were chosen before, the last one first; among equals they come first.
    """
    age = {name: index for index, name in enumerate(recent)}
    words = [_Word(word) for word in typed.split()]
    found = []
    for index, entry in enumerate(entries):
        rank, marks = 0, []
        for word in words:
            hit = word.find(entry)
            if hit is None:
                break
            rank += hit[0]
            marks += hit[1]
        else:
            order = (rank, age.get(entry.id, len(age)), index)
            found.append((order, Match(entry, tuple(sorted(marks)))))
    return [match for _, match in sorted(found, key=lambda pair: pair[0])]


class _Word:
    """One typed word, ready to be looked for in many texts."""

    def __init__(self, word: str) -> None:
        self._text = re.compile(re.escape(word), re.IGNORECASE)
        self._word = re.compile(r"\b" + re.escape(word), re.IGNORECASE)
        self._order = re.compile(r"\b" + ".*?".join(f"({re.escape(c)})" for c in word), re.I)

    def find(self, entry: Entry) -> tuple[int, list[tuple[int, int]]] | None:
        """How well it matches, and which stretches of the text."""
        inside = self._text.search(entry.text)
        if inside is not None:
            word = self._word.search(entry.text)
            if word is None:
                return _INSIDE, [inside.span()]
            return (_AT_WORD if word.start() else _AT_START), [word.span()]
        if self._text.search(entry.group):
            return _IN_GROUP, []
        if len(entry.text) <= _LONGEST_IN_ORDER and (order := self._order.search(entry.text)):
            return _IN_ORDER, [order.span(index + 1) for index in range(self._order.groups)]
        return None


def matching_keys(groups: Sequence[KeyGroup], typed: str) -> tuple[KeyGroup, ...]:
    """The rows that have every typed word in their keys, their text or their heading."""
    words = typed.casefold().split()
    result = []
    for group in groups:
        rows = tuple(
            row
            for row in group.rows
            if all(
                word in " ".join([group.title, row.about, *map("+".join, row.ways)]).casefold()
                for word in words
            )
        )
        if rows:
            result.append(KeyGroup(group.title, rows))
    return tuple(result)


def columns(heights: Sequence[int], n_columns: int) -> list[int]:
    """Which column each of some blocks stands in, so that all columns are about as long.

    The highest block is placed first, each in the column that is shortest then. Columns are
    numbered by their first block, so that reading goes on as the blocks do, as far as can be.

    Parameters
    ----------
    heights
        Of each block.
    n_columns
        At most so many are used.

    Returns
    -------
    list of int
        A column for each block.
    """
    reached = [0] * n_columns
    placed = [0] * len(heights)
    for block in sorted(range(len(heights)), key=lambda index: -heights[index]):
        column = min(range(n_columns), key=reached.__getitem__)
        placed[block] = column
        reached[column] += heights[block]
    numbers = {column: number for number, column in enumerate(dict.fromkeys(placed))}
    return [numbers[column] for column in placed]
