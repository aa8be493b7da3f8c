"""Clocks that transfers prove wrong are told beside the lanes, also of a recording just read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.app.pace import Pace
from daskscope.derive import clocks
from daskscope.store.schema import Kind, SourceStatus
from tests.builders import MS, SECOND, Source, Span

if TYPE_CHECKING:
    import pytest

    from daskscope.app.run import Run
    from tests.gui.working import Hand, Link


def told(run: Run) -> str:
    """What is said beside the first worker."""
    assert run.frame is not None
    return run.frame.layout.workers[0].warning


def test_a_recording_tells_them_as_soon_as_all_of_it_has_been_looked_at(
    run: Run, link: Link, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clocks, "MOST_ROWS", 1)
    # Nothing is told by and by.
    monkeypatch.setattr(run._stage.timeline, "_readings_pace", Pace(1000.0))
    source = Source()
    for number in range(2):
        source.worker(f"w{number}", port=40_101 + number)
    ends = ((0, 40, Kind.SEND, 1), (1, 0, Kind.TRANSFER, 0))
    batch = source.spans(
        [
            Span(at + off * MS, at + (off + 2) * MS, kind.name, own, 0, kind, nbytes=at,
                 peer=f"tcp://10.0.4.11:{40_101 + to}")
            for at in range(SECOND, 9 * SECOND, 100 * MS)
            for own, off, kind, to in ends
        ]
    )  # fmt: skip
    link.messages = [SourceStatus(is_live=False, progress=0.0), source.definitions(), batch]
    hand.tick()
    link.messages = [SourceStatus(is_live=False, progress=1.0)]
    hand.tick()
    n_ticks = 0
    while not run._stage._crowd.is_known:
        assert told(run) == ""
        hand.tick()
        n_ticks += 1
    hand.waits(1.0)

    assert n_ticks > len(batch) // 2
    assert told(run) == "+40.0\u2009ms"
