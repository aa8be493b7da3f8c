from __future__ import annotations

import pytest

from dask_otel import conventions as names
from dask_otel import events
from dask_otel.record.selection import Selection

ATTEMPT = events.Attempt(
    "k", "inc", 0, None, None, 1.0, 1.01, 1, 1, int, (0,), names.OUTCOME_FINISHED
)


def test_all_is_kept_where_nobody_has_chosen() -> None:
    assert Selection(0.0, {}).keeps(ATTEMPT._replace(stop_s=1.0))


def test_short_attempts_are_left_out() -> None:
    selection = Selection(0.01, {})
    assert selection.keeps(ATTEMPT._replace(stop_s=1.02))
    assert not selection.keeps(ATTEMPT._replace(stop_s=1.005))


@pytest.mark.parametrize("outcome", [names.OUTCOME_FAILED, names.OUTCOME_LOST])
def test_what_failed_or_was_lost_is_always_kept(outcome: str) -> None:
    attempt = ATTEMPT._replace(outcome=outcome, stop_s=1.0)
    assert Selection(1.0, {"inc": 0.0}).keeps(attempt)
    assert not Selection(1.0, {"inc": 0.0}).keeps(attempt._replace(outcome=names.OUTCOME_CANCELLED))


def test_a_share_of_a_prefix_is_kept_and_always_the_same() -> None:
    attempts = [ATTEMPT._replace(run_id=run_id) for run_id in range(4_000)]
    kept = [Selection(0.0, {"inc": 0.25}).keeps(attempt) for attempt in attempts]
    assert 800 < sum(kept) < 1_200  # seven standard deviations
    assert kept == [Selection(0.0, {"inc": 0.25}).keeps(attempt) for attempt in attempts]
    assert all(Selection(0.0, {"inc": 1.0}).keeps(attempt) for attempt in attempts)
    assert not any(Selection(0.0, {"inc": 0.0}).keeps(attempt) for attempt in attempts)
    assert all(Selection(0.0, {"add": 0.0}).keeps(attempt) for attempt in attempts)


def test_only_attempts_are_left_out() -> None:
    transfer = events.Transfer(1.0, 1.0, "tcp://a:1", 1, ("x",), 1, 1.0, None)
    assert Selection(1.0, {"inc": 0.0}).keeps(transfer)
