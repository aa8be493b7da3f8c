from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from daskscope.derive.details.subject import Subject
from daskscope.derive.details.timesplit import Stage, split
from daskscope.derive.frames import BarState
from daskscope.session import Chosen
from daskscope.store.schema import Kind

NOTHING_S = (math.nan, math.nan)
BASE = Subject(
    Chosen(0, 0, 1, 1), "sum", "sum-1", 0, Kind.COMPUTE, BarState.FINISHED, "finished",
    0, 100, 150, "w0", "tcp://a:1",
)  # fmt: skip


def span(start: int, end: int, kind: Kind = Kind.COMPUTE) -> Subject:
    return replace(BASE, start_ns=start, end_ns=end, kind=kind)


def times(
    beside: list[Subject], submitted_ns: int = 0, waits_ns: tuple[int, int] = (0, 0)
) -> dict[Stage, int]:
    found = split(BASE, beside, submitted_ns, (waits_ns[0] / 1e9, waits_ns[1] / 1e9))
    return {stage: found.time_ns[stage] for stage in Stage if found.time_ns[stage]}


def test_with_nothing_known_all_is_computing() -> None:
    found = split(BASE, [], 0, NOTHING_S)
    assert found.time_ns[Stage.COMPUTE] == found.total_ns == 50
    assert not found.is_since_submission


def test_every_wait_has_its_stage() -> None:
    assert times([], submitted_ns=10, waits_ns=(20, 30)) == {
        Stage.DEPENDENCIES: 40,
        Stage.DATA: 20,
        Stage.QUEUED: 30,
        Stage.COMPUTE: 50,
    }
    assert split(BASE, [], 10, (2e-8, 3e-8)).is_since_submission


def test_a_submission_after_the_assignment_is_not_believed() -> None:
    assert times([], submitted_ns=60, waits_ns=(20, 30)) == {
        Stage.DATA: 20,
        Stage.QUEUED: 30,
        Stage.COMPUTE: 50,
    }


def test_transfers_that_overlap_count_once() -> None:
    transfers = [span(52, 62, Kind.TRANSFER), span(58, 66, Kind.TRANSFER)]
    assert times(transfers, waits_ns=(20, 30)) == {
        Stage.DATA: 6,
        Stage.TRANSFER: 14,
        Stage.QUEUED: 30,
        Stage.COMPUTE: 50,
    }


def test_reading_and_unpickling_take_from_computing_and_transfers_beside_it_do_not() -> None:
    beside = [
        span(110, 120, Kind.DISK_READ),
        span(118, 126, Kind.DESERIALIZE),
        span(90, 140, Kind.TRANSFER),
    ]
    assert times(beside, waits_ns=(0, 20)) == {
        Stage.QUEUED: 10,
        Stage.TRANSFER: 10,
        Stage.DISK: 10,
        Stage.DESERIALIZE: 6,
        Stage.COMPUTE: 34,
    }


def test_waits_that_make_no_sense_are_no_trouble() -> None:
    found = split(BASE, [], 0, (1e300, -5.0))
    assert found.time_ns[Stage.DATA] == 10**18
    assert found.time_ns[Stage.QUEUED] == 0


def test_earlier_attempts_are_no_waiting_for_dependencies() -> None:
    beside = [span(20, 50), BASE, span(160, 170)]
    assert times(beside, submitted_ns=10, waits_ns=(0, 20)) == {
        Stage.DEPENDENCIES: 40,
        Stage.EARLIER: 30,
        Stage.QUEUED: 20,
        Stage.COMPUTE: 50,
    }


@pytest.mark.parametrize("seed", range(50))
def test_every_moment_counts_once(seed: int) -> None:
    chance = random.Random(seed)
    kinds = [Kind.COMPUTE, Kind.TRANSFER, Kind.DISK_READ, Kind.DISK_WRITE, Kind.DESERIALIZE]
    beside = [
        span(start := chance.randint(-50, 200), start + chance.randint(0, 80), chance.choice(kinds))
        for _ in range(chance.randint(0, 20))
    ]
    waits_ns = chance.randint(0, 60), chance.randint(0, 60)
    submitted_ns = chance.randint(0, 80)
    found = split(BASE, beside, submitted_ns, (waits_ns[0] / 1e9, waits_ns[1] / 1e9))
    begin_ns = submitted_ns if found.is_since_submission else 100 - sum(waits_ns)
    assert found.total_ns == 150 - begin_ns
    assert min(found.time_ns) >= 0
