"""A ring of points keeps the newest of each meter, whatever comes in which order."""

from __future__ import annotations

import numpy as np
import pytest

from daskscope.derive import lastpoints
from daskscope.derive.lastpoints import LastPoints


@pytest.mark.parametrize("seed", range(4))
def test_the_newest_points_of_each_are_kept_in_order(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lastpoints, "_ROOM", 1)
    rng = np.random.default_rng(seed)
    ring, truth = LastPoints(8), {meter: dict[int, float]() for meter in range(5)}
    newest = np.zeros(5, np.int64)
    for step in range(60):
        n_meters = 5 if step == 59 else 3  # at the end more become known
        ring.reach(n_meters)
        n = int(rng.integers(1, 30))
        meter = np.sort(rng.integers(0, n_meters, n))
        time_ns = newest[meter] + 10 * np.arange(1, n + 1)  # rising within each
        value = rng.random(n)
        if rng.random() < 0.3:  # one that comes late, with all that is kept of its meter
            late = int(rng.integers(0, n_meters))
            owner, times, values = ring.of(np.array([late]))
            if len(times) > 1:
                at_ns = int(times[rng.integers(1, len(times))]) - int(rng.integers(1, 10))
                if at_ns in times:
                    continue
                order = np.argsort([*times, at_ns])
                truth[late][at_ns] = 0.5
                ring.replace(
                    np.append(owner, late)[order],
                    np.append(times, at_ns)[order],
                    np.append(values, 0.5)[order],
                )
            continue
        ring.append(meter, time_ns, value)
        for number, at_ns, read in zip(
            meter.tolist(), time_ns.tolist(), value.tolist(), strict=True
        ):
            truth[number][at_ns] = read
        np.maximum.at(newest, meter, time_ns)
    everybody = np.arange(5)
    owner, times, values = ring.of(everybody)
    for number in everybody.tolist():
        expected = sorted(truth[number].items())[-8:]
        found = list(
            zip(times[owner == number].tolist(), values[owner == number].tolist(), strict=True)
        )
        assert found == expected
    assert ring.are_whole(everybody).tolist() == [len(truth[number]) <= 8 for number in range(5)]
