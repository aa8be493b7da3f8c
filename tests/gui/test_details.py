"""What is shown of a task that was chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from daskscope.derive.details.timesplit import Stage
from daskscope.derive.frames import BarState
from tests.builders import SECOND, Source, Span
from tests.gui.chain import SUM_KEY, choose, listed, press_row, shown, ticked
from tests.gui.working import NOW

if TYPE_CHECKING:
    from daskscope.app.run import Run
    from tests.gui.working import Link


def test_a_click_on_a_task_shows_its_details(chained: Run, link: Link) -> None:
    frame = choose(chained, SUM_KEY, link)

    assert chained.window.details.isVisible()
    assert (frame.name, frame.key, frame.pill) == ("sum", SUM_KEY, "finished")
    facts = {fact.label: fact.value for fact in frame.facts}
    assert facts["Worker"] == ("w0", "10.0.4.11:40101")
    assert facts["Result"] == ("1.0\u2009KiB", "pandas.DataFrame")
    assert facts["Priority"] == ("(0, 8, 318)",)
    assert facts["Run"] == ("4",)
    assert facts["Trace"] == ("7f3ac2d1 90b84e6f a1d27c55 3e0b9f14",)
    assert facts["Span"] == ("00000000 00000003",)
    assert frame.facts_note == "2 of 2"
    assert [(fact.label, fact.value) for fact in frame.others] == [
        ("my.attribute", ("<i>a</i>, 2",)),
        ("my.empty", ("–",)),
    ]


def test_the_time_is_told_from_its_assignment(chained: Run, link: Link) -> None:
    frame = choose(chained, SUM_KEY, link)
    assert frame.whole_time == "3.50\u2009s since it was assigned"
    assert {share.stage: share.time for share in frame.shares} == {
        Stage.TRANSFER: "1.00\u2009s",
        Stage.QUEUED: "500\u2009ms",
        Stage.COMPUTE: "2.00\u2009s",
    }
    assert frame.shares[1].label == "Transfer, 3.0\u2009MiB"


def test_relatives_are_listed(chained: Run, link: Link) -> None:
    choose(chained, SUM_KEY, link)

    dependencies = listed(chained, "Dependencies")
    assert dependencies.count == "3"
    assert [row.text for row in dependencies.rows] == ["read, 0", "read, 1"]
    assert dependencies.rows[1].cells == ("w1", "3.00\u2009s", "3.0\u2009MiB")
    assert dependencies.note == "1 more are not named by the span"
    dependents = listed(chained, "Dependents")
    assert (dependents.count, dependents.more) == ("30", "all agg")
    moved = listed(chained, "Transfers it waited for")
    assert moved.rows[0].text == "from w1"
    assert moved.rows[0].cells == ("3.0\u2009MiB", "1.00\u2009s", "3.1\u2009MB/s")
    attempts = listed(chained, "Other attempts")
    assert [(row.text, row.state) for row in attempts.rows] == [("1, erred", BarState.ERRED)]


def test_a_failure_is_told_as_plain_text(chained: Run, link: Link) -> None:
    choose(chained, SUM_KEY, link)
    press_row(chained, "Other attempts", 0)
    ticked(chained, link=link)

    frame = shown(chained)
    assert frame.pill == "erred"
    assert frame.failure is not None
    text = chained.window.details._failure.text
    assert text.toPlainText() == "<b>no</b>\n\nTraceback\n  line 1\nValueError: <b>no</b>"
    assert text.isVisible()


def test_until_it_is_known_that_is_said(chained: Run, link: Link) -> None:
    choose(chained, SUM_KEY)
    assert listed(chained, "Dependencies").note == "reading…"
    assert listed(chained, "Dependents").note == "searching… 0\u2009%"
    assert not shown(chained).others


def test_what_runs_is_told_and_stays_chosen_when_it_ends(chained: Run, link: Link) -> None:
    frame = choose(chained, "fit-99", link)
    assert frame.pill == "running"
    assert frame.whole_time == "5.00\u2009s so far"
    assert frame.note == "Attributes and dependencies are told once it has ended."
    assert not chained.window.details.heading.jaeger_button.isEnabled()

    # The worker's own resource is number 1.
    source = Source(strings=list(chained.snapshot.strings))
    spans = [Span(15 * SECOND, 18 * SECOND, "fit", 1, 21, key="fit-99", run_id=99)]
    batch = source.spans(spans)
    columns = dict(batch.columns) | {"span_id": batch.columns["span_id"] + 500}
    link.messages = [replace(batch, columns=columns)]
    chained.tick(NOW)
    ticked(chained, link=link)

    frame = shown(chained)
    assert (frame.key, frame.pill) == ("fit-99", "finished")
    assert frame.span_id == f"{501:016x}"


def test_choosing_draws_in_no_more_than_a_tick_each(chained: Run, link: Link) -> None:
    """A tick without news derives nothing for the panel."""
    choose(chained, SUM_KEY, link)
    before = shown(chained)
    ticked(chained, 3, link)
    chained.tick(NOW)
    assert shown(chained) is before


def test_with_nothing_chosen_the_panel_says_how(chained: Run) -> None:
    chained.window.show_tab("details")
    chained.tick(NOW)
    assert "Click a task" in chained.window.details.accessibleDescription()
    assert not chained.window.details._body.isVisible()


def test_a_task_of_an_evicted_chunk_is_said_to_be_gone(chained: Run) -> None:
    from daskscope.session import Chosen

    chained.choosing.choose(Chosen(-5, 0, 77, 1))
    ticked(chained)
    assert "no longer holds" in chained.window.details.accessibleDescription()


def test_details_borrow_room_and_give_it_back(chained: Run, link: Link) -> None:
    right = chained.window.borders.pairs()[-1]
    before = right.sizes()
    choose(chained, SUM_KEY, link)
    assert right.sizes()[0] > before[0]
    assert list(chained.window.layout_now().splitters[-1]) == before
    chained.window.show_tab("progress")
    assert right.sizes() == before
