"""How long is waited at the end, by all together."""

from __future__ import annotations

import os
import time

import pytest

from dask_otel.emit import patience


def test_who_ends_alone_has_all_the_time() -> None:
    assert patience.left_s() == patience.LAST_S


def test_what_one_has_waited_the_next_need_not() -> None:
    patience.spend(0.3)
    time.sleep(0.02)
    patience.spend(0.01)
    assert patience.left_s() == pytest.approx(patience.LAST_S - 0.31)


def test_what_many_have_waited_at_once_counts_once() -> None:
    for waited_s in (0.3, 0.5, 0.4):
        patience.spend(waited_s)
    assert patience.left_s() == pytest.approx(patience.LAST_S - 0.5, abs=0.1)


def test_a_little_is_always_left() -> None:
    patience.spend(60.0)
    assert patience.left_s() == patience.LEAST_S


def test_what_was_long_ago_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "LATELY_S", 0.05)
    patience.spend(0.5)
    time.sleep(0.1)
    patience.spend(0.01)
    assert patience.left_s() == pytest.approx(patience.LAST_S - 0.01)


def test_a_child_begins_anew() -> None:
    patience.spend(0.5)
    child = os.fork()
    if child == 0:
        os._exit(0 if patience.left_s() == patience.LAST_S else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
