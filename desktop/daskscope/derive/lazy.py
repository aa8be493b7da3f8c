"""Sequences whose entries are made when they are asked for: a table of thousands is cheap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar, overload

T = TypeVar("T")


class Lazy(Sequence[T], Generic[T]):
    """`n` entries, each made once, by `make`."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._made: dict[int, T] = {}

    def make(self, index: int) -> T:
        """One entry."""
        raise NotImplementedError

    def __len__(self) -> int:
        return self._n

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._n))]
        index = int(index) + self._n if index < 0 else int(index)
        if not 0 <= index < self._n:
            raise IndexError(index)
        made = self._made.get(index)
        if made is None:
            made = self._made[index] = self.make(index)
        return made
