"""When garbage is looked for among everything."""

from __future__ import annotations

import gc
import itertools
import weakref
from typing import TYPE_CHECKING

import pytest

from daskscope.app.garbage import LEAST_SEARCHES, LONG_S, MOST_S, Garbage

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
    gc.unfreeze()


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


@pytest.mark.parametrize("is_long", [False, True])
def test_what_a_long_search_has_found_in_use_is_not_looked_at_again(
    garbage: Garbage, monkeypatch: pytest.MonkeyPatch, *, is_long: bool
) -> None:
    times_s = itertools.count(0.0, LONG_S * (1.5 if is_long else 0.5))
    monkeypatch.setattr("daskscope.app.garbage.spent_s", lambda: next(times_s))
    ring, lasting = old_ring(), Ring()
    kept = weakref.ref(lasting)
    make_much()
    garbage.look(0.0, is_idle=True)
    assert ring() is None
    del lasting
    ring = old_ring()
    make_much()
    garbage.look(1.0, is_idle=True)
    assert ring() is None
    assert (kept() is not None) == is_long


def test_what_was_there_when_the_window_was_made_is_not_looked_at(
    request: pytest.FixtureRequest,
) -> None:
    lasting = Ring()
    kept = weakref.ref(lasting)
    garbage: Garbage = request.getfixturevalue("garbage")
    del lasting
    make_much()
    garbage.look(0.0, is_idle=True)
    assert kept() is not None
