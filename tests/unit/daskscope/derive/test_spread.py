"""Where matches lie, compared with all of their times."""

from __future__ import annotations

import numpy as np
import pytest

from daskscope.derive.spread import NOWHERE, added
from tests.builders import MS, SECOND, T0


@pytest.mark.parametrize("seed", range(6))
def test_every_time_lies_in_a_stretch_and_no_stretch_is_without_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    spread = NOWHERE
    parts = []
    for _ in range(30):
        reach = int(10 ** rng.uniform(3, 11))
        parts.append(T0 + rng.integers(-reach, reach, int(rng.integers(0, 50))))
        spread = added(spread, parts[-1])
    times = np.concatenate(parts)

    at = (times - spread.start_ns) // spread.width_ns

    assert spread.is_hit[at].all()
    hit = np.flatnonzero(spread.is_hit)
    # Joining rounds by a stretch at most.
    assert np.abs(hit[:, None] - at[None, :]).min(axis=1).max() <= 1


def test_what_adds_nothing_is_the_same_value() -> None:
    times = T0 + np.arange(10) * MS
    spread = added(NOWHERE, times)

    assert added(spread, times) is spread
    assert added(spread, times[:0]) is spread


def test_columns_of_a_view() -> None:
    spread = added(NOWHERE, T0 + np.array([0, 5, 9]) * SECOND)

    columns = spread.columns(T0, 0.01 * SECOND, 800)

    assert columns.tolist() == pytest.approx([0, 500], abs=1)
