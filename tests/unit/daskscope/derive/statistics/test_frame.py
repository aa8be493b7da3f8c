"""What the panel shows of some spans."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dask_otel import conventions
from daskscope.derive.quantity import THIN
from daskscope.derive.roster import RosterKeeper
from daskscope.derive.statistics.crew import crew
from daskscope.derive.statistics.frame import StatisticsFrame, as_lines, statistics_frame
from daskscope.derive.statistics.histogram import ticks
from daskscope.derive.statistics.rows import Scope
from daskscope.derive.statistics.work import Statistics
from daskscope.predicate import Filter
from daskscope.session import Session
from daskscope.store.schema import Kind, Message, Outcome, Status
from daskscope.store.writer import Store
from tests.builders import MS, SECOND, T0, Source, Span

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot


def stored(source: Source, *messages: Message, silent_since: int = 0) -> Snapshot:
    store = Store()
    store.apply(source.definitions())
    for message in messages:
        store.apply(message)
    store.judge(silent_since)
    return store.snapshot()


def cluster() -> tuple[Source, list[Message]]:
    """Two workers, the second one restarted after 6 s; what they did in 10 s."""
    source = Source()
    one = source.worker("w0", port=40101, nthreads=2)
    two = source.worker("w1", port=40102, nthreads=2)
    again = source.worker("w1", port=40103, nthreads=2)
    spans = [
        Span(0, 4 * SECOND, "read", one, 11, span_id=100),
        Span(1 * SECOND, 2 * SECOND, "inner", one, 11, Kind.OTHER, parent_id=100),
        Span(4 * SECOND, 9 * SECOND, "sum", one, 11, status=Status.ERROR, outcome=Outcome.FAILED),
        Span(0, 6 * SECOND, "sum", two, 21, status=Status.ERROR, outcome=Outcome.LOST),
        Span(5 * SECOND, 6 * SECOND, "sum", two, 0, outcome=Outcome.LOST_WAITING),
        Span(8 * SECOND, 10 * SECOND, "fit", again, 31),
        Span(
            2 * SECOND, 4 * SECOND, "transfer", one, 5, Kind.TRANSFER, nbytes=4 << 20,
            peer="tcp://10.0.4.11:40102",
        ),
        Span(3 * SECOND, 4 * SECOND, "disk-write", one, 5, Kind.DISK_WRITE, nbytes=1 << 20),
    ]  # fmt: skip
    removed = source.event(
        conventions.EVENT_WORKER_REMOVED, 6 * SECOND, dask_worker_address="tcp://10.0.4.11:40102"
    )
    return source, [source.spans(spans), removed]


def framed(
    snapshot: Snapshot, session: Session, scope: Scope | None = None, now: int = 10 * SECOND
) -> StatisticsFrame:
    statistics = Statistics()
    start, end = session.selection_ns or (T0, T0 + 10 * SECOND)
    scope = scope or Scope(start, end, session.selection_lanes, session.filter)
    statistics.begin(snapshot, scope)
    while statistics.step():
        pass
    workers = crew(snapshot, RosterKeeper().of(snapshot), scope.lanes)
    return statistics_frame(snapshot, session, statistics.figures(), workers, T0 + now)


def column(frame: StatisticsFrame, name: str) -> dict[str, str]:
    return {text: frame.cell(row, name).replace(THIN, " ") for row, text in enumerate(frame.names)}


@pytest.fixture
def snapshot() -> Snapshot:
    source, messages = cluster()
    return stored(source, *messages)


def test_the_table_has_all_tasks_first_and_the_most_time_next(snapshot: Snapshot) -> None:
    frame = framed(snapshot, Session())
    assert frame.names == ("All", "sum", "read", "fit")
    assert column(frame, "count") == {"All": "4", "sum": "2", "read": "1", "fit": "1"}
    assert column(frame, "total") == {
        "All": "17.0 s", "sum": "11.0 s", "read": "4.00 s", "fit": "2.00 s"
    }  # fmt: skip
    assert column(frame, "self")["read"] == "3.00 s"
    assert column(frame, "failed") == {"All": "2", "sum": "2", "read": "", "fit": ""}
    assert column(frame, "median")["sum"] == "5.50 s"
    assert frame.slots[0] == -1
    assert len(set(frame.slots)) == 4


def test_each_column_sorts_both_ways(snapshot: Snapshot) -> None:
    session = Session(statistics_sort="mean", is_statistics_descending=False)
    assert framed(snapshot, session).names == ("All", "fit", "read", "sum")
    by_name = replace(session, statistics_sort="prefix")
    assert framed(snapshot, by_name).names == ("All", "fit", "read", "sum")
    backwards = replace(by_name, is_statistics_descending=True)
    assert framed(snapshot, backwards).names == ("All", "sum", "read", "fit")


def test_the_summary_says_what_the_numbers_are_of(snapshot: Snapshot) -> None:
    whole = framed(snapshot, Session()).summary.replace(THIN, " ")
    assert whole == (
        "Whole view  0:00.0 – 0:10.0  10.0 s  4 tasks, "
        "1 lost before they began not counted, totals cut at the edges"
    )
    chosen = Session(
        selection_ns=(T0 + SECOND, T0 + 3 * SECOND),
        selection_lanes=frozenset({0}),
        filter=Filter(hidden_prefixes=frozenset({"read"})),
    )
    summary = framed(snapshot, chosen).summary.replace(THIN, " ")
    assert summary == (
        "0:01.00 – 0:03.00  2.00 s  1 thread  0 tasks, "
        "1 hidden not counted, totals cut at the edges"
    )


def test_what_was_evicted_of_the_stretch_is_said(snapshot: Snapshot) -> None:
    evicted = replace(snapshot, n_evicted=9, evicted_ns=T0 + 2 * SECOND)
    frame = framed(evicted, Session())
    assert ", what was evicted until 0:02.0 not counted, " in frame.summary
    # Eight seconds of two threads are held; what lies before is no idle time.
    assert frame.shares[0].compute == pytest.approx(9 / 16)
    after = Session(selection_ns=(T0 + 3 * SECOND, T0 + 4 * SECOND))
    assert "evicted" not in framed(evicted, after).summary


def test_unfinished_work_says_so(snapshot: Snapshot) -> None:
    statistics = Statistics()
    statistics.begin(snapshot, Scope(T0, T0 + SECOND))
    workers = crew(snapshot, RosterKeeper().of(snapshot), None)
    frame = statistics_frame(snapshot, Session(), statistics.figures(), workers, T0)
    assert frame.summary.startswith(f"computing… 0{THIN}%")
    assert frame.histogram is None
    assert frame.names == ("All",)


def test_shares_are_of_the_threads_time_and_say_who_was_gone(snapshot: Snapshot) -> None:
    one, two = framed(snapshot, Session()).shares
    assert (one.name, one.n_threads, one.gone) == ("w0", 2, 0)
    assert one.compute == pytest.approx(9 / 20)
    assert one.transfer == pytest.approx(2 / 20)
    assert one.disk == pytest.approx(1 / 20)
    assert (two.name, two.n_threads) == ("w1", 2)
    assert two.compute == pytest.approx((6 + 2) / 20)
    assert two.gone == pytest.approx(2 / 10)  # from its removal until its next process began


def moved(source: Source, name: str, at_s: float, port: int) -> Message:
    address = f"tcp://10.0.4.11:{port}"
    return source.event(name, round(at_s * SECOND), dask_worker_address=address)


def test_who_is_back_is_not_gone_and_who_has_not_joined_is() -> None:
    source, messages = cluster()
    added = conventions.EVENT_WORKER_ADDED
    moves = [moved(source, added, 7, 40103), moved(source, added, -1, 40102)]
    source.worker("w2", port=40104, nthreads=2)
    moves.append(moved(source, added, 9, 40104))
    moves.append(moved(source, added, 5, 40101))  # anew at its address, where it has worked before
    shares = framed(stored(source, *messages, *moves), Session()).shares
    assert [share.gone for share in shares] == pytest.approx([0, 1 / 10, 9 / 10])


def test_who_was_lost_was_gone_once_whoever_tells_of_it() -> None:
    source, messages = cluster()
    # The scheduler knows the address alone.
    told = source.resource({conventions.WORKER_ADDRESS: "tcp://10.0.4.11:40102"})
    lost = Span(5 * SECOND, 6 * SECOND, "sum", told, 22, outcome=Outcome.LOST)
    shares = framed(stored(source, *messages, source.spans([lost])), Session()).shares
    assert shares[1].gone == pytest.approx(2 / 10)


def test_rows_of_coroutines_are_no_threads() -> None:
    source = Source()
    worker = source.worker("w0", nthreads=2)
    spans = [Span(0, SECOND, resource=worker, thread=thread) for thread in (1, 2, 99)]
    snapshot = stored(source, source.spans(spans))
    for lanes, n_threads in (((0, 1, 2), 2), ((1, 2), 1), ((2,), 1)):
        session = Session(selection_ns=(T0, T0 + SECOND), selection_lanes=frozenset(lanes))
        assert [share.n_threads for share in framed(snapshot, session).shares] == [n_threads]


def test_what_runs_now_is_busy_until_now() -> None:
    source, messages = cluster()
    running = source.running(0, 9 * SECOND, [("fit", 7 * SECOND, 99, 12)])
    snapshot = stored(source, *messages, running)
    frame = framed(snapshot, Session())
    assert frame.shares[0].compute == pytest.approx((9 + 3) / 20)
    assert ", 1 running not counted, " in frame.summary
    hidden = Session(filter=Filter(hidden_prefixes=frozenset({"fit"})))
    assert framed(snapshot, hidden).shares[0].compute == pytest.approx(9 / 20)


def test_what_ran_on_a_silent_worker_is_busy_until_that_was_heard_last() -> None:
    source, messages = cluster()
    ran = source.running(0, 9 * SECOND, [("fit", 7 * SECOND, 99, 12)])
    snapshot = stored(source, *messages, ran, silent_since=T0 + 9 * SECOND + 1)
    frame = framed(snapshot, Session())
    assert frame.shares[0].compute == pytest.approx((9 + 2) / 20)
    assert ", 1 on silent workers not counted, " in frame.summary
    assert " running not counted" not in frame.summary
    before = framed(snapshot, Session(), Scope(T0, T0 + 8 * SECOND))
    assert ", 1 running not counted, " in before.summary  # it did then
    after = framed(snapshot, Session(), Scope(T0 + 9 * SECOND, T0 + 10 * SECOND))
    assert "not counted" not in after.summary


def test_time_that_has_not_come_yet_is_nobodys_idle_time(snapshot: Snapshot) -> None:
    scope = Scope(T0 - 5 * SECOND, T0 + 20 * SECOND)
    one, _ = framed(snapshot, Session(), scope).shares
    assert one.compute == pytest.approx(9 / 20)


def test_lanes_leave_only_their_workers(snapshot: Snapshot) -> None:
    lane = int(snapshot.chunks[0].columns["lane"][0])
    session = Session(selection_ns=(T0, T0 + 10 * SECOND), selection_lanes=frozenset({lane}))
    frame = framed(snapshot, session)
    (one,) = frame.shares
    assert (one.name, one.n_threads) == ("w0", 1)
    assert one.compute == pytest.approx(9 / 10)
    assert frame.names == ("All", "sum", "read")


def test_facts_tell_of_bytes_and_failures(snapshot: Snapshot) -> None:
    facts = [
        (f.label, f.value.replace(THIN, " "), f.is_bad) for f in framed(snapshot, Session()).facts
    ]
    assert facts == [
        ("Moved between workers", "4.0 MiB", False),
        ("Busiest, w1 to w0", "4.0 MiB", False),
        ("Disk", "1.0 MiB", False),
        ("Failed", "1 erred", True),
        ("Lost", "1 with w1", True),
    ]


def test_the_busiest_pair_is_one_whose_ends_are_known() -> None:
    source = Source()
    one = source.worker("w0", port=40101)
    source.worker("w1", port=40102)
    moved = {"tcp://10.0.4.11:40102": 10, "": 1000, "tcp://10.9.9.9:1": 20}
    spans = [
        Span(0, MS, "transfer", one, 5, Kind.TRANSFER, nbytes=n, peer=peer)
        for peer, n in moved.items()
    ]
    facts = framed(stored(source, source.spans([*spans, Span(0, MS)])), Session()).facts
    assert [(fact.label, fact.value.replace(THIN, " ")) for fact in facts[:2]] == [
        ("Moved between workers", "1.0 KiB"),
        ("Busiest, 10.9.9.9:1 to w0", "20.0 B"),
    ]


def test_an_empty_scope_has_no_numbers(snapshot: Snapshot) -> None:
    frame = framed(snapshot, Session(selection_ns=(T0 + 20 * SECOND, T0 + 30 * SECOND)))
    assert frame.names == ("All",)
    assert frame.cell(0, "count") == "0"
    assert frame.cell(0, "median") == ""
    assert [fact.value for fact in frame.facts] == ["", "", ""]


def test_lines_have_every_number_unrounded_and_quoted_names() -> None:
    source = Source()
    source.worker("w0")
    batch = source.spans([Span(0, 1_234_567_891, 'a,"b"\tc'), Span(0, 2, "x\ny")])
    frame = framed(stored(source, batch), Session())
    for separator in (",", "\t"):
        rows = list(csv.reader(io.StringIO(as_lines(frame, separator)), delimiter=separator))
        assert rows[0][:4] == ["prefix", "count", "total (s)", "self (s)"]
        assert rows[2][:3] == ['a,"b"\tc', "1", "1.234567891"]
        assert rows[3][0] == "x\ny"


def durations(*lasting_ns: int, name: str = "inc") -> list[Span]:
    return [Span(0, lasting, name) for lasting in lasting_ns]


def test_bars_count_every_task_and_their_ranges_meet() -> None:
    rng = np.random.default_rng(1)
    lasting = (10 ** rng.uniform(3, 9, 500)).astype(int).tolist()
    source = Source()
    source.worker("w0")
    batch = source.spans([*durations(*lasting[:400]), *durations(*lasting[400:], name="dec")])
    frame = framed(stored(source, batch), Session(statistics_prefix="dec"))
    shown = frame.histogram
    assert shown is not None
    assert frame.names[frame.chosen] == "dec"
    ranges = [shown.range_ns(bar, bar) for bar in range(len(shown.n_all))]
    assert all(one[1] == other[0] for one, other in pairwise(ranges))
    for bar, (start, end) in enumerate(ranges):
        assert shown.n_all[bar] == sum(start <= value < end for value in lasting)
        assert shown.n_chosen[bar] == sum(start <= value < end for value in lasting[400:])
        middle = shown.share((shown.edge_ns[bar] * shown.edge_ns[bar + 1]) ** 0.5)
        assert shown.bar_at(middle) == bar
    assert shown.decades == (3, 9)
    assert [text.replace(THIN, " ") for _, text in ticks(shown) if text] == [
        "1 µs", "100 µs", "10 ms", "1 s"
    ]  # fmt: skip


@pytest.mark.parametrize("lasting", [0, 1, 999, 1_000, 5 * MS, 10**16])
def test_one_duration_has_one_bar(lasting: int) -> None:
    source = Source()
    source.worker("w0")
    batch = source.spans(durations(lasting))
    scope = Scope(T0, T0 + 1)
    shown = framed(stored(source, batch), Session(), scope).histogram
    assert shown is not None
    assert shown.n_all.tolist() == [1.0]
    start, end = shown.range_ns(0, 0)
    assert start <= lasting < end
    assert shown.median_ns == lasting
    assert -0.2 < shown.share(max(lasting, 1)) < 1
