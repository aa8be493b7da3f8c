"""A worker of which nothing is heard any more while it runs something, in the window at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daskscope.app.clock import FRAME_S
from daskscope.app.tempo import IDLE_AFTER_S
from daskscope.derive.frames import BarState
from daskscope.session import Chosen
from tests.builders import SECOND
from tests.gui.working import bar, cluster

if TYPE_CHECKING:
    from daskscope.app.run import Run
    from tests.builders import Source
    from tests.gui.working import Hand, Link

#: It was heard last a second before the window begins to tick.
SILENT_AFTER_S = 9


@pytest.fixture
def source(hand: Hand, link: Link) -> Source:
    """A window whose newest word is that `w1` runs something."""
    source, link.messages = cluster()
    hand.waits(0.2)
    return source


def states(run: Run) -> list[int]:
    assert run.frame is not None
    return sorted(set(run.frame.bars.state.tolist()) & {BarState.RUNNING, BarState.LOST})


def test_what_it_ran_is_lost_and_runs_again_when_it_is_heard(
    hand: Hand, link: Link, source: Source
) -> None:
    run = hand.run
    hand.waits(SILENT_AFTER_S - 0.5)
    assert states(run) == [BarState.RUNNING]
    assert hand.tick() <= FRAME_S
    hand.waits(1)
    assert states(run) == [BarState.LOST]
    hit = run.hit(*bar(run, BarState.LOST))
    assert hit is not None
    assert dict(hit.fields)["Last heard"].startswith("0:17.000")
    hand.waits(2 * IDLE_AFTER_S)
    assert hand.tick() > FRAME_S  # nothing goes on

    link.messages = [source.running(1, 34 * SECOND, [("fit", 15 * SECOND, 9, 21)])]
    hand.waits(1)
    assert states(run) == [BarState.RUNNING]


def test_a_view_that_is_held_shows_it_too(hand: Hand, source: Source) -> None:
    hand.run.toggle_pause()
    hand.waits(SILENT_AFTER_S + 2)
    assert states(hand.run) == [BarState.LOST]


def test_details_tell_it_while_it_is_chosen(hand: Hand, link: Link, source: Source) -> None:
    run = hand.run
    run.choosing.choose(Chosen(resource=1, run_id=9))

    def told() -> tuple[str, str, str, str]:
        hand.waits(1)
        frame = run.window.details.frame_shown
        assert frame is not None
        heard = next((fact.value[0] for fact in frame.facts if fact.label == "Last heard"), "")
        return frame.pill, frame.whole_time.replace("\u2009", " "), heard, frame.note

    pill, time, heard, note = told()
    assert (pill, time[-6:], heard) == ("running", "so far", "")
    assert note.endswith("once it has ended.")
    hand.waits(SILENT_AFTER_S)
    assert told() == (
        "its worker is silent",
        "4.00 s at least",
        "0:17.000",
        "It may run still, or be lost with its worker.",
    )
    assert run.frame is not None
    ties = run.choosing.ties(run.frame, run._now_ns)
    assert ties is not None
    assert ties.chosen is not None
    assert ties.chosen.x1_px == run.frame.bars.x1_px[run.frame.bars.state == BarState.LOST]
    link.messages = [source.running(1, 32 * SECOND, [("fit", 15 * SECOND, 9, 21)])]
    assert told()[0] == "running"
