"""Who is there is learned a part in each tick, and so is whose clock is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daskscope.app.crowd import Crowd
from daskscope.derive import lanereadings
from daskscope.derive.clocks import Clocks
from daskscope.store.schema import SourceStatus
from daskscope.store.writer import Store

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot


class Slow(Clocks):
    """Needs three steps for all there is."""

    n_steps = 0

    def step(self, _snapshot: Snapshot) -> bool:
        self.n_steps += 1
        return self.n_steps % 3 == 0


@pytest.mark.parametrize("is_live", [True, False])
def test_all_is_known_of_a_recording_once_its_clocks_are(
    monkeypatch: pytest.MonkeyPatch, is_live: bool
) -> None:
    monkeypatch.setattr(lanereadings, "Clocks", Slow)
    crowd, store = Crowd(), Store()

    def ticked() -> tuple[bool, bool]:
        crowd.learn(store.snapshot())
        was_last = crowd.watch(store.snapshot())
        return was_last, crowd.is_known

    for _ in range(2):  # whatever comes is to be looked at
        store.apply(SourceStatus(is_live=is_live))
        ticks = [ticked() for _ in range(5)]
        if is_live:
            assert ticks == [(False, True)] * 5
        else:
            known = [False, False, True, True, True]
            assert ticks == list(zip([False, False, True, False, False], known, strict=True))
