"""Choosing a task: by clicks, by keys and from the panel; what is shown of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtTest import QTest

from dask_otel import conventions
from daskscope.derive.details.timesplit import Stage
from daskscope.derive.frames import BarState
from daskscope.store.inquiry import (
    Answer,
    Asked,
    Dependent,
    Dependents,
    SpanDetails,
    SpanEvent,
    SpanLink,
)
from daskscope.store.schema import Kind, Message, SourceStatus, Status
from daskscope.theme import DARK, GUTTER_PX, LIGHT
from daskscope.views.details.copied import COPIED_S
from tests.builders import MS, SECOND, Source, Span
from tests.gui.working import NOW

if TYPE_CHECKING:
    from PySide6.QtCore import QUrl
    from PySide6.QtGui import QImage
    from PySide6.QtWidgets import QWidget
    from pytestqt.qtbot import QtBot

    from daskscope.app.run import Run
    from daskscope.derive.details.frame import DetailsFrame, Listing
    from daskscope.theme import Theme
    from tests.gui.working import Link

HASH = "1aa99a81299c9c547b8f405bc29dfd9e"
#: Numbers of the spans below: their ids.
READ_A, READ_B, SUM, SUM_FAILED, AGG, TRANSFER = range(1, 7)
TRACE = bytes.fromhex("7f3ac2d190b84e6fa1d27c553e0b9f14")
N_AGGS = 30


def chain() -> list[Message]:
    """Two reads, a sum of both that failed once, and thirty aggregations of that."""
    source = Source()
    one = source.worker("w0", host="node-01", port=40101)
    two = source.worker("w1", host="node-02", port=40102)
    sum_key = f"('sum-{HASH}', 4)"
    spans = [
        Span(2 * SECOND, 4 * SECOND, "read", one, 11, key=f"('read-{HASH}', 0)", run_id=1,
             nbytes=1 << 20),
        Span(2 * SECOND, 5 * SECOND, "read", two, 21, key=f"('read-{HASH}', 1)", run_id=2,
             nbytes=3 << 20),
        Span(9 * SECOND, 11 * SECOND, "sum", one, 12, key=sum_key, run_id=4, nbytes=1 << 10,
             type="pandas.DataFrame", wait_data_s=1.0, wait_thread_s=0.5),
        Span(6 * SECOND, 7 * SECOND, "sum", two, 21, key=sum_key, run_id=3,
             status=Status.ERROR, error="ValueError: <b>no</b>"),
        *(
            Span((12 + n % 3) * SECOND, (13 + n % 3) * SECOND, "agg", (one, two)[n % 2], 30 + n,
                 key=f"('agg-{HASH}', {n})", run_id=10 + n)
            for n in range(N_AGGS)
        ),
        Span(7500 * MS, 8500 * MS, "transfer", one, 12, Kind.TRANSFER, nbytes=3 << 20,
             peer="tcp://10.0.4.11:40102"),
    ]  # fmt: skip
    batch = source.spans(spans)
    columns = dict(batch.columns)
    columns["parent_id"] = columns["parent_id"].copy()
    columns["parent_id"][-1] = SUM
    running = source.running(two, 19 * SECOND, [("fit", 15 * SECOND, 99, 21)])
    status = SourceStatus(is_live=True, http=("127.0.0.1:4328",), requests=3)
    definitions = replace(source.definitions(), traces=(TRACE,))
    return [status, definitions, replace(batch, columns=columns), running]


def told(link: Link) -> list[Answer]:
    """What the process that holds the journal would answer to all that was asked."""
    answers: list[Answer] = []
    for query in link.queries:
        is_sum = query.span_id in (SUM, SUM_FAILED)
        if query.asked is Asked.SPAN:
            links = (
                [SpanLink(READ_A, f"('read-{HASH}', 0)"), SpanLink(READ_B, "")] if is_sum else []
            )
            links += [SpanLink(SUM, "")] if query.span_id >= AGG else []
            error = {
                conventions.EXCEPTION_TYPE: "ValueError",
                conventions.EXCEPTION_MESSAGE: "<b>no</b>",
                conventions.EXCEPTION_STACKTRACE: "Traceback\n  line 1\nValueError: <b>no</b>",
            }
            events = (SpanEvent(conventions.EVENT_EXCEPTION, 1, error),)
            answers.append(
                SpanDetails(
                    query.number,
                    trace_id=TRACE.hex(),
                    attributes={
                        conventions.TASK_PRIORITY: [0.0, 8.0, 318.0],
                        conventions.TASK_DEPENDENCY_COUNT: 3 if is_sum else 1,
                        "my.attribute": ["<i>a</i>", 2],
                    },
                    events=events if query.span_id == SUM_FAILED else (),
                    links=tuple(links),
                )
            )
        else:
            aggs = [
                Dependent(AGG + n, 0, "agg", f"('agg-{HASH}', {n})", "", 0, 1)
                for n in range(N_AGGS)
                if query.span_id == SUM
            ]
            answers.append(Dependents(query.number, tuple(aggs), 1.0, 3, is_over=True))
    link.queries.clear()
    return answers


@pytest.fixture
def chained(run: Run, link: Link) -> Run:
    link.messages = chain()
    ticked(run, 3)
    return run


def ticked(run: Run, n: int = 12, link: Link | None = None) -> None:
    """Some ticks, in which all that was asked is answered if there is a `link`."""
    for _ in range(n):
        if link is not None:
            link.messages = told(link)
        run.tick(NOW)
        run.window.details._body.layout()
    run.choosing._panel_pace.hurry()
    run.tick(NOW)
    assert run.error is None


def spot(run: Run, key: str) -> QPoint:
    """A point inside the bar of a key, in the task stream."""
    frame = run.frame
    assert frame is not None
    bars, snapshot = frame.bars, run.snapshot
    for i in range(len(bars)):
        if bars.chunk[i] < 0:
            found = "fit-99"
        else:
            found = snapshot.chunks[int(bars.chunk[i])].keys[int(bars.index[i])]
        if found == key:
            top = int(frame.layout.row_px[0, bars.row[i]]) - frame.scroll_px
            return QPoint(GUTTER_PX + int(bars.x0_px[i] + bars.x1_px[i]) // 2, top + 6)
    raise AssertionError(key)


def click(widget: QWidget, point: QPoint) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=point)


def choose(run: Run, key: str, link: Link | None = None) -> DetailsFrame:
    click(run.window.timeline.stream, spot(run, key))
    ticked(run, link=link)
    return shown(run)


def shown(run: Run) -> DetailsFrame:
    frame = run.window.details.frame_shown
    assert frame is not None
    return frame


def listed(run: Run, title: str) -> Listing:
    return next(one for one in shown(run).listings if one.title == title)


def press_row(run: Run, title: str, row: int) -> None:
    section = run.window.details.listings[title]
    click(section, QPoint(60, section.content_top_px + row * 19 + 8))


SUM_KEY = f"('sum-{HASH}', 4)"


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
        ("my.attribute", ("<i>a</i>, 2",))
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


def test_rows_choose_and_bring_into_view(chained: Run, link: Link) -> None:
    choose(chained, SUM_KEY, link)
    chained.session = replace(chained.session, span_ns=SECOND, end_ns=NOW, is_following=False)
    ticked(chained, 2, link)
    press_row(chained, "Dependencies", 1)
    ticked(chained, link=link)

    assert shown(chained).key == f"('read-{HASH}', 1)"
    frame = chained.frame
    assert frame is not None
    ties = chained.choosing.ties(frame, NOW)
    assert ties is not None
    assert ties.chosen is not None
    assert ties.chosen.x1_px > 0
    assert ties.chosen.x0_px < frame.view.width_px


def test_the_rest_of_a_list_is_shown_when_it_is_asked_for(chained: Run, link: Link) -> None:
    choose(chained, SUM_KEY, link)
    section = chained.window.details.listings["Dependents"]
    assert section.n_rows() == 7
    press_row(chained, "Dependents", 6)
    assert section.n_rows() == N_AGGS

    press_row(chained, "Dependents", 20)
    ticked(chained, link=link)
    assert shown(chained).name == "agg"


def test_keys_walk_along_dependencies_and_back(chained: Run, link: Link) -> None:
    stream = chained.window.timeline.stream
    choose(chained, SUM_KEY, link)
    chained.window.activateWindow()
    stream.setFocus()

    def walked(key: Qt.Key) -> str:
        QTest.keyClick(stream, key)
        ticked(chained, link=link)
        return shown(chained).key

    assert walked(Qt.Key.Key_BracketLeft) == f"('read-{HASH}', 1)"
    assert walked(Qt.Key.Key_BracketLeft) == f"('read-{HASH}', 1)"
    assert walked(Qt.Key.Key_BracketRight) == SUM_KEY
    assert walked(Qt.Key.Key_BracketRight) == f"('agg-{HASH}', 0)"
    assert walked(Qt.Key.Key_Comma) == SUM_KEY


def test_enter_zooms_to_it_and_escape_lets_go(chained: Run, link: Link) -> None:
    stream = chained.window.timeline.stream
    choose(chained, SUM_KEY, link)
    chained.session = replace(chained.session, selection_ns=(NOW - SECOND, NOW))
    chained.window.activateWindow()
    stream.setFocus()
    QTest.keyClick(stream, Qt.Key.Key_Return)
    assert chained.session.span_ns == 4 * SECOND
    assert not chained.session.is_following

    QTest.keyClick(stream, Qt.Key.Key_Escape)
    ticked(chained)
    assert chained.session.chosen is None
    assert chained.session.selection_ns is not None
    assert chained.window.details.frame_shown is None
    QTest.keyClick(stream, Qt.Key.Key_Escape)
    assert chained.session.selection_ns is None


def test_a_click_beside_all_lets_go(chained: Run, link: Link) -> None:
    choose(chained, SUM_KEY, link)
    stream = chained.window.timeline.stream
    point = spot(chained, SUM_KEY)
    click(stream, QPoint(GUTTER_PX + 2, point.y()))
    ticked(chained)
    assert chained.session.chosen is None


def test_a_click_in_the_gutter_keeps_the_choice(chained: Run, link: Link) -> None:
    choose(chained, SUM_KEY, link)
    click(chained.window.timeline.stream, QPoint(60, spot(chained, SUM_KEY).y()))
    assert chained.session.chosen is not None


def test_the_key_is_copied_and_said_to_be(chained: Run, link: Link, qtbot: QtBot) -> None:
    choose(chained, SUM_KEY, link)
    button = chained.window.details.heading.copy_button
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == SUM_KEY
    assert button.accessibleDescription() == "copied"

    chained.tick(NOW)
    qtbot.wait(round(COPIED_S * 1000) + 200)  # its timer may be early
    chained.tick(NOW)
    assert button.accessibleDescription() == ""


def test_ids_are_copied_by_a_press(chained: Run, link: Link) -> None:
    choose(chained, SUM_KEY, link)
    facts = chained.window.details.facts
    row = next(i for i, fact in enumerate(shown(chained).facts) if fact.label == "Trace")
    click(facts, QPoint(150, facts.content_top_px + row * 19 + 8))
    assert QGuiApplication.clipboard().text() == TRACE.hex()

    facts.setFocus()
    QTest.keyClick(facts, Qt.Key.Key_Down)
    QTest.keyClick(facts, Qt.Key.Key_Return)
    assert QGuiApplication.clipboard().text() == "0000000000000003"


def test_it_is_opened_in_jaeger(chained: Run, link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def open_url(url: QUrl) -> bool:
        opened.append(url.toString())
        return True

    monkeypatch.setattr(QDesktopServices, "openUrl", open_url)
    choose(chained, SUM_KEY, link)
    QTest.mouseClick(chained.window.details.heading.jaeger_button, Qt.MouseButton.LeftButton)
    assert opened == [f"http://127.0.0.1:16686/trace/{TRACE.hex()}?uiFind=0000000000000003"]


def test_filter_shows_its_prefix_alone(chained: Run, link: Link) -> None:
    choose(chained, SUM_KEY, link)
    QTest.mouseClick(chained.window.details.heading.filter_button, Qt.MouseButton.LeftButton)
    assert chained.session.filter.hidden_prefixes == {"read", "agg", "fit"}


def test_the_stream_frames_it_and_draws_arrows(chained: Run, link: Link) -> None:
    choose(chained, SUM_KEY, link)
    frame = chained.frame
    assert frame is not None
    ties = chained.choosing.ties(frame, NOW)
    assert ties is not None
    assert ties.chosen is not None
    ins = [arrow for arrow in ties.arrows if arrow.is_in]
    outs = [arrow for arrow in ties.arrows if not arrow.is_in]
    assert len(ins) == 2
    assert len(outs) == 2  # one for each worker
    assert (ties.more_in, ties.more_out) == (0, N_AGGS - 2)
    assert len(ties.related) == N_AGGS + 2

    for theme in (LIGHT, DARK):
        chained.choose_theme(theme.name)
        ticked(chained, 3)
        picture = chained.window.timeline.stream.grab().toImage()
        row_px = int(frame.layout.row_px[0, ties.chosen.row]) - frame.scroll_px
        x = GUTTER_PX + (ties.chosen.x0_px + ties.chosen.x1_px) // 2
        assert picture.pixel(x, row_px - 1) & 0xFFFFFF == theme.accent
        assert picture.pixel(x, row_px - 2) & 0xFFFFFF == theme.accent


def test_what_runs_is_told_and_stays_chosen_when_it_ends(chained: Run, link: Link) -> None:
    frame = choose(chained, "fit-99", link)
    assert frame.pill == "running"
    assert frame.whole_time == "5.00\u2009s so far"
    assert frame.note == "Attributes and dependencies are known when it has ended."
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

    chained.choose(Chosen(-5, 0, 77, 1))
    ticked(chained)
    assert "no longer holds" in chained.window.details.accessibleDescription()


def test_details_borrow_room_and_give_it_back(chained: Run, link: Link) -> None:
    right = chained.window.splitters()[-1]
    before = right.sizes()
    choose(chained, SUM_KEY, link)
    assert right.sizes()[0] > before[0]
    assert list(chained.window.layout_now().splitters[-1]) == before
    chained.window.show_tab("progress")
    assert right.sizes() == before


def test_a_step_to_a_failure_shows_its_details(chained: Run, link: Link) -> None:
    chained.ledger.step(is_forward=True)
    ticked(chained, link=link)
    assert chained.window.details.isVisible()
    frame = shown(chained)
    assert (frame.key, frame.pill) == (SUM_KEY, "erred")
    assert frame.failure is not None
    assert frame.failure.type == "ValueError"


def test_a_step_to_a_match_chooses_it(chained: Run, link: Link) -> None:
    chained.finder.search("read", is_regex=False)
    ticked(chained, 4)
    chained.finder.step(is_forward=True)
    ticked(chained, link=link)
    assert shown(chained).name == "read"


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_arrows_are_drawn_on_their_upright(chained: Run, link: Link, theme: Theme) -> None:
    chained.choose_theme(theme.name)
    choose(chained, SUM_KEY, link)
    frame = chained.frame
    assert frame is not None
    ties = chained.choosing.ties(frame, NOW)
    assert ties is not None
    arrow = next(one for one in ties.arrows if one.is_in and one.source_row != one.target_row)
    tops = frame.layout.row_px[0] - frame.scroll_px
    # Half way between both rows, where nothing else is.
    y = int(tops[arrow.source_row] + frame.layout.pitch_px + tops[arrow.target_row]) // 2

    def amount(picture: QImage) -> int:
        """How much of the accent's blue is there, less red."""
        pixels = [picture.pixelColor(GUTTER_PX + arrow.trunk_px + dx, y) for dx in (-1, 0)]
        return sum(pixel.blue() - pixel.red() for pixel in pixels)

    drawn = amount(chained.window.timeline.stream.grab().toImage())
    chained.choosing.let_go()
    ticked(chained)
    gone = amount(chained.window.timeline.stream.grab().toImage())
    assert drawn > gone + 100
