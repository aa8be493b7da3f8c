"""Memory that is used again."""

from __future__ import annotations

import numpy as np

from daskscope.derive.shelf import Shelf


def test_what_is_given_back_is_wiped_in_slices_and_used_again() -> None:
    shelf = Shelf()
    memory = shelf.take(2_000_000)
    memory[:1_500_000] = 1
    shelf.give(memory, [memory[at : at + 250_000] for at in range(0, 1_500_000, 250_000)])
    n_slices = 0
    while not shelf.is_clean:
        shelf.wipe(lambda: False)
        n_slices += 1
    assert n_slices == 6
    again = shelf.take(2_000_000)
    assert again is memory
    assert not again.any()


def test_what_does_not_fit_is_made() -> None:
    shelf = Shelf()
    shelf.give(shelf.take(100), [])
    shelf.wipe(lambda: True)
    assert len(shelf.take(1_000)) >= 1_000


def test_little_is_kept() -> None:
    shelf = Shelf()
    memories = [shelf.take(100) for _ in range(5)]
    for memory in memories:
        memory[:] = 1
        shelf.give(memory, [memory])
    shelf.wipe(lambda: True)
    taken = [shelf.take(100) for _ in range(5)]
    n_again = sum(any(one is other for other in memories) for one in taken)
    assert n_again == 2
    assert not np.concatenate(taken).any()


def test_what_is_worn_least_is_wiped_when_nothing_else_is_there() -> None:
    shelf = Shelf()
    memories = [shelf.take(100) for _ in range(2)]
    for n, memory in enumerate(memories, 1):
        memory[:] = 1
        shelf.give(memory, [memory[i::n] for i in range(n)])
    taken = shelf.take(100)
    assert taken is memories[0]
    assert not taken.any()
