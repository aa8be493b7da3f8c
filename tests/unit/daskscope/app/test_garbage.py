"""When garbage is looked for among everything."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import pytest

from daskscope.app.garbage import LEAST_SEARCHES, MOST_S, Garbage

if TYPE_CHECKING:
    from collections.abc import Iterator


class Ring:
    """Garbage as soon as nobody else has it."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def garbage() -> Iterator[Garbage]:
    before = gc.get_threshold()
    yield Garbage()
    gc.set_threshold(*before)


def old_ring() -> weakref.ref[Ring]:
    """One that is no longer young."""
    ring = Ring()
    gc.collect()
    return weakref.ref(ring)


def make_much() -> None:
    """What lets Python look for young garbage often."""
    young, middle, _ = gc.get_threshold()
    n_searches = 2 * LEAST_SEARCHES  # what other threads let go of counts against it
    kept: list[list[int]] = [[] for _ in range(n_searches * young * (middle + 1))]
    assert kept


def test_what_is_old_is_looked_at_by_an_idle_window_alone(garbage: Garbage) -> None:
    ring = old_ring()
    make_much()
    garbage.look(0.0, is_idle=False)
    assert ring() is not None
    garbage.look(1.0, is_idle=True)
    assert ring() is None


def test_an_idle_window_in_which_nothing_happens_does_not_look(garbage: Garbage) -> None:
    garbage.look(0.0, is_idle=True)
    ring = old_ring()
    garbage.look(1.0, is_idle=True)
    assert ring() is not None


def test_a_window_that_is_never_idle_looks_now_and_then(garbage: Garbage) -> None:
    garbage.look(0.0, is_idle=False)
    ring = old_ring()
    garbage.look(MOST_S - 1, is_idle=False)
    assert ring() is not None
    garbage.look(MOST_S + 1, is_idle=False)
    assert ring() is None
