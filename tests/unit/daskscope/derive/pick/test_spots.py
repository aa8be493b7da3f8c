"""What lies under the pointer."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dask_otel import conventions
from daskscope.derive.frames import BarState, Hit
from daskscope.derive.lanelayout import RowKind
from daskscope.derive.lanes import lane_layout
from daskscope.derive.matches import Matches
from daskscope.derive.pick import hit
from daskscope.derive.quantity import THIN
from daskscope.derive.taskstream import TaskStream
from daskscope.predicate import Filter, Search
from daskscope.session import Session, fitted, viewport
from daskscope.store.chunk import CHUNK_ROWS
from daskscope.store.placing import MOST_LEVELS
from daskscope.store.schema import Kind, Outcome, Status
from daskscope.store.writer import Store
from tests.builders import MS, SECOND, T0, Load, Source, Span, snapshot_of
from tests.pointed import HEIGHT, WIDTH, fields, frame_of

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot

pytestmark = pytest.mark.usefixtures("utc")

KEY = "('<b>inc</b>-0123\n', 19)" * 400


def short_tasks() -> Snapshot:
    """Half a millisecond of each of ten seconds, every tenth of them `rare`."""
    source = Source()
    worker = source.worker("w1", nthreads=1)
    spans = [
        Span(n * MS, n * MS + 500_000, "rare" if n % 10 == 0 else "common", worker)
        for n in range(10_000)
    ]
    return snapshot_of(source, spans)


def at(snapshot: Snapshot, time_ns: int, thread: int = 1, dy: int = 3) -> Hit | None:
    frame = frame_of(snapshot)
    row = next(
        row for row in frame.layout.rows if row.kind is RowKind.LANE and row.thread == thread
    )
    return hit(snapshot, frame, round(frame.view.x_px(T0 + time_ns)), row.y_px + dy)


def test_a_task_tells_all_that_is_known_of_it() -> None:
    source = Source()
    worker = source.worker("w1", port=40_107, nthreads=4)
    task = Span(
        2 * SECOND, 4_730 * MS, "inc", worker, 12, key=KEY, nbytes=79_587_328, type="DataFrame"
    )
    snapshot = snapshot_of(source, [Span(0, SECOND, "add", worker, 11), task])
    found = at(snapshot, 3 * SECOND, thread=2)

    assert found is not None
    assert (found.title, found.key, found.state) == ("inc", KEY, BarState.FINISHED)
    assert found.slot == snapshot.slot_of[snapshot.strings.index("inc")]
    assert (found.x0_px, found.x1_px) == (200, 473)
    assert fields(found) == {
        "Duration": "2.73 s",
        "Start": "0:02.000  22:13:22.000",
        "Worker": "w1  10.0.4.11:40107",
        "Thread": "2 of 4",
        "Result": "75.9 MiB",
        "Type": "DataFrame",
        "Status": "finished",
    }


def test_a_transfer_tells_from_where_and_how_fast() -> None:
    source = Source()
    worker = source.worker("w1", port=1)
    source.worker("w2", port=2)
    move = Span(
        SECOND, 3 * SECOND, "transfer", worker, 0, Kind.TRANSFER, nbytes=50_000_000,
        peer="tcp://10.0.4.11:2", type="sum",
    )  # fmt: skip
    snapshot = snapshot_of(source, [Span(0, 9 * SECOND, "inc", worker, 11), move])
    over = at(snapshot, 2 * SECOND, dy=lane_height(snapshot) - 4)

    assert over is not None
    assert over.kind == Kind.TRANSFER
    told = fields(over)
    assert told["From"] == "w2  10.0.4.11:2"
    assert (told["Bytes"], told["Rate"], told["For"]) == ("47.7 MiB", "25.0 MB/s", "sum")
    above = at(snapshot, 2 * SECOND)
    assert above is not None
    assert above.title == "inc"


def lane_height(snapshot: Snapshot) -> int:
    return frame_of(snapshot).layout.pitch_px


def test_a_failure_tells_its_error() -> None:
    source = Source()
    worker = source.worker("w1")
    task = Span(0, SECOND, "inc", worker, status=Status.ERROR, error="ValueError: <i>no</i>")
    found = at(snapshot_of(source, [task]), SECOND // 2)

    assert found is not None
    assert found.state is BarState.ERRED
    assert fields(found)["Status"] == "erred"
    assert fields(found)["Error"] == "ValueError: <i>no</i>"


def test_a_running_attempt_tells_how_long_it_has_been_running() -> None:
    source = Source()
    workers = [source.worker("w1", port=1, nthreads=1), source.worker("w2", port=2, nthreads=1)]
    store = Store()
    messages = [
        source.running(worker, 5 * SECOND, [("inc", (1 + n) * SECOND, 7 + n, 11)])
        for n, worker in enumerate(workers)
    ]
    store.apply(source.definitions())
    for message in messages:
        store.apply(message)
    snapshot = store.snapshot()
    frame = frame_of(snapshot, fitted(Session(), T0, T0 + 12 * SECOND))
    rows = [row for row in frame.layout.rows if row.kind is RowKind.LANE]
    found = hit(snapshot, frame, 400, rows[1].y_px + 3)

    assert found is not None
    assert (found.title, found.key, found.state) == ("inc", "inc-8", BarState.RUNNING)
    assert fields(found)["Duration"] == "8.00 s so far"
    assert fields(found)["Status"] == "running"
    assert fields(found)["Worker"] == "w2  10.0.4.11:2"


def test_short_tasks_are_summed_up() -> None:
    found = at(short_tasks(), 5 * SECOND)

    assert found is not None
    n = 10 * (found.x1_px - found.x0_px)
    assert found.title == f"{n}{THIN}tasks"
    assert fields(found)["Busy"] == "50 %"
    assert fields(found)["Mean"] == "500 µs"
    assert fields(found)["common"] == f"{n * 9 // 10} ×"
    assert fields(found)["rare"] == f"{n // 10} ×"
    assert found.x0_px <= 500 < found.x1_px


def test_a_single_short_task_is_told_in_full_and_met_nearby() -> None:
    source = Source()
    worker = source.worker("w1", nthreads=1)
    snapshot = snapshot_of(source, [Span(5 * SECOND, 5 * SECOND + MS, "inc", worker, key="inc-1")])
    for away in (-20 * MS, 0, 20 * MS):
        found = at(snapshot, 5 * SECOND + away)
        assert found is not None
        assert found.key == "inc-1"
    assert at(snapshot, 5 * SECOND + 60 * MS) is None


@pytest.mark.parametrize(
    ("begin_ms", "end_ms", "busy"),
    # A pixel is 10 ms; of two threads and four pixels on either side of the pointer.
    [(0, 10_000, "50 %"), (4_960, 5_000, "22 %"), (5_000, 5_050, "28 %")],
)
def test_a_density_row_tells_its_busy_share(begin_ms: int, end_ms: int, busy: str) -> None:
    source = Source()
    worker = source.worker("w1", "node-01", nthreads=2)
    task = Span(begin_ms * MS, end_ms * MS, "inc", worker, 5)
    snapshot = snapshot_of(source, [task])
    session = Session(collapsed_hosts=frozenset({"node-01"}), is_following=False)
    session = fitted(session, T0, T0 + 10 * SECOND)
    frame = frame_of(snapshot, session)
    row = next(row for row in frame.layout.rows if row.kind is RowKind.DENSITY)
    found = hit(snapshot, frame, 500, row.y_px + 5)

    assert fields(found)["Busy"] == busy
    assert fields(found)["Worker"] == "w1"


def test_a_row_of_what_found_none_free_tells_how_many_are_at_once() -> None:
    source = Source()
    worker = source.worker("w1", nthreads=1, loop_thread=99)
    spans = [Span(n, SECOND + n, "inc", worker, 99) for n in range(MOST_LEVELS + 20)]
    snapshot = snapshot_of(source, spans)
    session = fitted(Session(scroll_px=10**6), T0, T0 + 2 * SECOND)
    frame = frame_of(snapshot, session)
    row = next(row for row in frame.layout.rows if row.kind is RowKind.CROWD)
    found = hit(snapshot, frame, 100, row.y_px - frame.scroll_px + 5)

    assert found is not None
    assert found.title == f"21{THIN}tasks"
    assert fields(found)["At once"] == "21.0 (mean)"
    assert "Busy" not in fields(found)


def test_headers_empty_lanes_and_the_outside_hold_nothing() -> None:
    source = Source()
    worker = source.worker("w1", nthreads=1)
    snapshot = snapshot_of(source, [Span(0, SECOND, "inc", worker)])
    frame = frame_of(snapshot)
    lane = next(row for row in frame.layout.rows if row.kind is RowKind.LANE)

    assert hit(snapshot, frame, 50, 2) is None
    assert hit(snapshot, frame, 900, lane.y_px + 2) is None
    assert hit(snapshot, frame, 50, frame.layout.height_px + 20) is None
    for x_px, y_px in ((-1, lane.y_px), (WIDTH, lane.y_px), (50, -1), (50, HEIGHT)):
        assert hit(snapshot, frame, x_px, y_px) is None


def test_scrolling_is_counted_in() -> None:
    source = Source()
    workers = [source.worker(f"w{n:02}", port=n, nthreads=4) for n in range(20)]
    snapshot = snapshot_of(source, [Span(0, SECOND, f"on-{w}", w, 5) for w in workers])
    session = Session(scroll_px=10**6)
    session = fitted(session, T0, T0 + 10 * SECOND)
    frame = frame_of(snapshot, session)
    last = [row for row in frame.layout.rows if row.kind is RowKind.LANE and row.thread == 1][-1]
    found = hit(snapshot, frame, 50, last.y_px - frame.scroll_px + 2)

    assert frame.scroll_px > 0
    assert found is not None
    assert found.title == "on-19"


def test_a_later_snapshot_answers_for_an_older_frame() -> None:
    source = Source()
    worker = source.worker("w1", nthreads=1)
    store = Store()
    first = source.spans([Span(0, SECOND, "inc", worker, key="inc-1")])
    store.apply(source.definitions())
    store.apply(first)
    frame = frame_of(store.snapshot())
    second = source.spans([Span(SECOND, 2 * SECOND, "add", worker)])
    store.apply(source.definitions())
    store.apply(second)
    lane = next(row for row in frame.layout.rows if row.kind is RowKind.LANE)
    found = hit(store.snapshot(), frame, 50, lane.y_px + 2)

    assert found is not None
    assert found.key == "inc-1"


def test_an_older_frame_is_answered_when_chunks_have_gone_since() -> None:
    load = Load(n_workers=1, n_threads=1, mean_ns=100_000)
    store = Store()
    store.apply(load.source.definitions())
    store.apply(load.batch(CHUNK_ROWS))
    far_ns = store.snapshot().last_ns - T0 + SECOND
    last = Span(far_ns, far_ns + SECOND, "inc", 0, key="inc-1")
    batch = load.source.spans([last])
    store.apply(load.source.definitions())
    store.apply(batch)
    snapshot = store.snapshot()
    frame = frame_of(snapshot, fitted(Session(), T0 + far_ns, T0 + far_ns + 2 * SECOND))
    row = next(row for row in frame.layout.rows if row.kind is RowKind.LANE)
    place = 100, row.y_px + 3
    found = hit(snapshot, frame, *place)
    assert found is not None
    assert found.key == "inc-1"
    evicted = replace(snapshot, chunks=snapshot.chunks[1:])
    assert hit(evicted, frame, *place) == found
    assert hit(replace(snapshot, chunks=()), frame, *place) is None


def test_no_other_attempt_is_told_in_the_place_of_one_that_has_ended() -> None:
    source = Source()
    workers = [source.worker("w1", port=1, nthreads=1), source.worker("w2", port=2, nthreads=1)]
    store = Store()
    store.apply(source.definitions())
    for number, worker in enumerate(workers):
        store.apply(source.running(worker, SECOND, [("inc", SECOND, 7 + number, 11)]))
    store.apply(source.definitions())
    frame = frame_of(store.snapshot(), fitted(Session(), T0, T0 + 12 * SECOND))
    first, second = (row for row in frame.layout.rows if row.kind is RowKind.LANE)
    store.apply(source.running(workers[0], 2 * SECOND, []))
    assert hit(store.snapshot(), frame, 400, first.y_px + 3) is None
    assert hit(store.snapshot(), frame, 400, second.y_px + 3) is None


def test_a_span_of_another_service_names_it() -> None:
    source = Source()
    shop = source.resource({conventions.SERVICE_NAME: "shop", conventions.HOST_NAME: "web"})
    found = at(snapshot_of(source, [Span(0, SECOND, "GET /", shop, 0, Kind.OTHER)]), SECOND // 2)

    assert found is not None
    assert (found.title, found.slot, found.kind) == ("GET /", -1, Kind.OTHER)
    assert fields(found)["Service"] == "shop"


@pytest.mark.parametrize(
    ("outcome", "state", "status"),
    [
        (Outcome.FINISHED, BarState.FINISHED, "finished"),
        (Outcome.FAILED, BarState.ERRED, "erred"),
        (Outcome.CANCELLED, BarState.DROPPED, "cancelled"),
        (Outcome.RESCHEDULED, BarState.DROPPED, "rescheduled"),
        (Outcome.LOST, BarState.LOST, "lost with its worker"),
    ],
)
def test_every_end_is_told_and_drawn(outcome: Outcome, state: BarState, status: str) -> None:
    source = Source()
    failed = Status.ERROR if outcome in (Outcome.FAILED, Outcome.LOST) else Status.UNSET
    span = Span(0, SECOND, "inc", source.worker("w1"), status=failed, outcome=outcome)
    snapshot = snapshot_of(source, [span])
    found = at(snapshot, SECOND // 2)

    assert found is not None
    assert found.state is state
    assert fields(found)["Status"] == status
    assert frame_of(snapshot).bars.state.tolist() == [state]


def test_what_may_never_have_begun_names_no_thread() -> None:
    source = Source()
    worker = source.worker("w1", nthreads=1)
    lost = Span(0, SECOND, "inc", worker, 0, outcome=Outcome.LOST_WAITING)
    told = fields(at(snapshot_of(source, [lost]), SECOND // 2, thread=0))

    assert told["Status"] == "lost, perhaps before it began"
    assert "Thread" not in told
    assert told["Worker"].startswith("w1")


@pytest.mark.parametrize(
    ("data_s", "thread_s", "told"),
    [
        (1.25, 0.0341, "1.25 s for data, 34.1 ms for a thread"),
        (math.nan, 0.5, "500 ms for a thread"),
        (math.nan, math.nan, None),
    ],
)
def test_waits_are_told(data_s: float, thread_s: float, told: str | None) -> None:
    source = Source()
    worker = source.worker("w1")
    span = Span(0, SECOND, "inc", worker, wait_data_s=data_s, wait_thread_s=thread_s)

    assert fields(at(snapshot_of(source, [span]), SECOND // 2)).get("Waited") == told


def test_a_transfer_of_the_event_loop_names_no_thread() -> None:
    source = Source()
    worker = source.worker("w1")
    move = Span(0, SECOND, "transfer", worker, 99, Kind.TRANSFER, Status.ERROR)
    snapshot = snapshot_of(source, [Span(SECOND, 2 * SECOND, "inc", worker, 11), move])
    found = at(snapshot, SECOND // 2, dy=lane_height(snapshot) - 4)

    assert found is not None
    assert (found.kind, found.state) == (Kind.TRANSFER, BarState.ERRED)
    assert "Thread" not in fields(found)


def test_sending_ends_and_graphs_are_under_no_pointer() -> None:
    source = Source()
    worker = source.worker("w1")
    spans = [
        Span(0, 9 * SECOND, "send", worker, 0, Kind.SEND),
        Span(0, 9 * SECOND, "dask.graph", worker, 0, Kind.GRAPH),
    ]

    assert at(snapshot_of(source, spans), SECOND) is None


def test_what_is_hidden_is_under_no_pointer_and_matches_are_counted() -> None:
    snapshot = short_tasks()
    session = fitted(Session(), T0, T0 + 10 * SECOND)

    def summed(asked: Session) -> dict[str, str]:
        stream = TaskStream()
        stream.mark(Matches().advance(snapshot, asked.predicate, None, lambda: True))
        view = viewport(asked, WIDTH, snapshot.last_ns, snapshot.first_ns, 12)
        layout = lane_layout(snapshot, asked, HEIGHT)
        frame = stream.frame(snapshot, asked, layout, view, HEIGHT, T0 + 10 * SECOND)
        row = next(row for row in layout.rows if row.kind is RowKind.LANE)
        return fields(hit(snapshot, frame, 500, row.y_px + 3))

    hidden = summed(replace(session, filter=Filter(frozenset({"common"}))))
    lit = summed(replace(session, search=Search("rare")))

    assert "common" not in hidden
    assert hidden["Busy"] == "5 %"
    assert lit["Matches"] == lit["rare"].removesuffix(" ×")
    assert lit["Busy"] == "50 %"
