"""The level of detail, held against a plain pass over all spans: random data, zooms, pans, ticks.

Each case is a seed: what it does is the same in every run. Chunks are small, so that a few thousand
spans lie in open, half sealed and sealed ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest

from daskscope.derive.frames import FAILED_KIND, LEAST_BAR_PX, BarState, TaskStreamFrame
from daskscope.derive.lanelayout import RowKind
from daskscope.derive.lanes import lane_layout
from daskscope.derive.raster import ERRED, NOTHING
from daskscope.derive.taskstream import TaskStream
from daskscope.session import Session, fitted, panned, viewport, zoomed
from daskscope.store.schema import Kind, Status
from daskscope.store.writer import Store
from daskscope.theme import NOT_YET_PX
from tests.builders import SECOND, Source, Span

if TYPE_CHECKING:
    from daskscope.derive.lanelayout import LaneLayout
    from daskscope.store.snapshot import Snapshot

WIDTH, HEIGHT = 500, 400
N_WORKERS, N_THREADS = 3, 2
CHUNK_ROWS = 1_024
NAMES = ("load", "sum", "store")
SEEDS = range(6)

Int64s = npt.NDArray[np.int64]


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daskscope.store.filling.CHUNK_ROWS", CHUNK_ROWS)


def lane_spans(rng: np.random.Generator, resource: int, thread: int) -> list[Span]:
    """One after the other, of all lengths from nothing to seconds, some failed, some transfers."""
    n = int(rng.integers(100, 1_200))
    scale = np.exp(rng.uniform(np.log(1e4), np.log(3e9), n))
    typical = np.where(rng.random(n) < 0.9, np.minimum(scale, 3e7), scale)
    lasting = np.where(rng.random(n) < 0.02, 0, typical).astype(np.int64)
    ends = np.cumsum(lasting + (rng.exponential(2e6, n)).astype(np.int64))
    spans = []
    for end, length in zip(ends.tolist(), lasting.tolist(), strict=True):
        is_sub = rng.random() < 0.1
        kind = Kind(int(rng.integers(1, 5))) if is_sub else Kind.COMPUTE
        status = Status.ERROR if rng.random() < 0.01 else Status.UNSET
        name = kind.name.lower() if is_sub else NAMES[int(rng.integers(0, 3))]
        spans.append(Span(end - length, end, name, resource, thread, kind, status))
    return spans


@dataclass(slots=True)
class Run:
    """A store to which a seed's spans come: nearly in order of their ends, some very late."""

    rng: np.random.Generator
    store: Store = field(default_factory=Store)
    source: Source = field(default_factory=Source)
    spans: list[Span] = field(default_factory=list)

    @classmethod
    def of(cls, seed: int) -> Run:
        run = cls(np.random.default_rng(seed))
        rng = run.rng
        for number in range(N_WORKERS):
            worker = run.source.worker(f"w{number}", f"node-{number // 2}", 40_000 + number)
            for thread in range(N_THREADS):
                run.spans += lane_spans(rng, worker, 1 + thread)
        delay = np.where(
            rng.random(len(run.spans)) < 0.05, rng.exponential(5 * SECOND, len(run.spans)), 0
        ).astype(np.int64)
        arrival = np.array([span.end for span in run.spans]) + delay
        run.spans = [run.spans[i] for i in np.argsort(arrival, kind="stable").tolist()]
        return run

    def receive(self, n: int) -> Snapshot:
        """Some more spans."""
        spans, self.spans = self.spans[:n], self.spans[n:]
        batch = self.source.spans(spans)
        self.store.apply(self.source.definitions())
        self.store.apply(batch)
        return self.store.snapshot()

    def receive_all(self) -> Snapshot:
        """All in batches of any size."""
        while len(self.spans) > 1:
            self.receive(int(self.rng.integers(1, 700)))
        return self.receive(1)


def frame_of(
    snapshot: Snapshot, session: Session, layout: LaneLayout, stream: TaskStream | None = None
) -> TaskStreamFrame:
    view = viewport(session, WIDTH, snapshot.last_ns, snapshot.first_ns, NOT_YET_PX)
    stream = stream or TaskStream()
    return stream.frame(snapshot, session, layout, view, HEIGHT, snapshot.last_ns)


def any_session(rng: np.random.Generator, snapshot: Snapshot) -> Session:
    """Any zoom from a few spans to far more than the run, at any place of it."""
    length_ns = snapshot.last_ns - snapshot.first_ns
    span_ns = float(np.exp(rng.uniform(np.log(1e7), np.log(1.5 * length_ns))))
    middle_ns = snapshot.first_ns + int(rng.uniform(0, length_ns))
    return fitted(Session(), middle_ns - int(span_ns / 2), middle_ns + int(span_ns / 2))


@dataclass(frozen=True, slots=True)
class Plain:
    """All spans of a snapshot as columns, with the pixels that they touch."""

    start: Int64s
    end: Int64s
    row: Int64s
    kind: Int64s
    status: Int64s
    slot: Int64s
    x0: npt.NDArray[np.float64]
    x1: npt.NDArray[np.float64]
    #: int64 pairs of chunk and row.
    place: Int64s

    @classmethod
    def of(cls, snapshot: Snapshot, frame: TaskStreamFrame) -> Plain:
        def column(name: str) -> Int64s:
            return np.concatenate([c.columns[name].astype(np.int64) for c in snapshot.chunks])

        start, end = column("start_ns"), column("end_ns")
        view = frame.view
        x0, x1 = ((edge - view.start_ns) / view.ns_per_px for edge in (start, end))
        places = [
            np.stack([np.full(len(chunk), number), np.arange(len(chunk))], axis=1)
            for number, chunk in enumerate(snapshot.chunks)
        ]
        return cls(
            start=start,
            end=end,
            row=frame.layout.row_of_lane[column("lane")].astype(np.int64),
            kind=column("kind"),
            status=column("status"),
            slot=snapshot.slot_of[column("name")].astype(np.int64),
            x0=x0,
            x1=x1,
            place=np.concatenate(places),
        )

    @property
    def is_sub(self) -> npt.NDArray[np.bool_]:
        return (self.kind >= Kind.TRANSFER) & (self.kind <= Kind.DESERIALIZE)


def assert_true(snapshot: Snapshot, frame: TaskStreamFrame) -> None:
    """Everything that is in view is shown, as what it is, and nothing else is."""
    plain = Plain.of(snapshot, frame)
    is_density = np.array([row.kind is RowKind.DENSITY for row in frame.layout.rows])
    is_wide = plain.end - plain.start >= LEAST_BAR_PX * frame.view.ns_per_px
    is_wide &= ~is_density[plain.row]
    assert_bars(frame, plain, is_wide)
    for row in range(frame.first_row, frame.last_row):
        of_row = plain.row == row
        if is_density[row]:
            assert_density(frame, row, plain, of_row)
        elif frame.layout.rows[row].kind is RowKind.LANE:
            assert_dense(frame, row, plain, of_row & ~is_wide)
    assert_marks(frame, plain)
    in_view = (plain.start < frame.view.end_ns) & (plain.end >= frame.view.start_ns)
    assert frame.n_spans_in_view == int(in_view.sum())


def assert_marks(frame: TaskStreamFrame, plain: Plain) -> None:
    """As many failures are told as there were, each near its end."""
    is_failed = (plain.status == Status.ERROR) & (plain.x1 >= 0) & (plain.x1 < WIDTH)
    failed = plain.x1[is_failed]
    marks = [mark for mark in frame.events if mark.sign == "erred"]
    told = 0
    for mark in marks:
        count = "".join(letter for letter in mark.text if letter.isdigit())
        told += int(count or 1)
        assert np.abs(failed - mark.x_px).min() <= 1
    at_an_edge = np.minimum(failed, WIDTH - failed) < 1e-3
    assert abs(told - len(failed)) <= at_an_edge.sum()


def assert_bars(frame: TaskStreamFrame, plain: Plain, is_wide: npt.NDArray[np.bool_]) -> None:
    found = set(zip(frame.bars.chunk.tolist(), frame.bars.index.tolist(), strict=True))
    assert len(found) == len(frame.bars), "a bar is drawn twice"
    visible = (plain.row >= frame.first_row) & (plain.row < frame.last_row)
    # A bar that reaches less than half a pixel into the view may be left out.
    needed = is_wide & visible & (plain.x0 < WIDTH - 0.51) & (plain.x1 > 0.51)
    allowed = is_wide & visible & (plain.x0 < WIDTH + 0.51) & (plain.x1 > -0.51)
    assert set(map(tuple, plain.place[needed].tolist())) <= found
    assert found <= set(map(tuple, plain.place[allowed].tolist()))
    erred = frame.bars.state == BarState.ERRED
    of = {place: number for number, place in enumerate(map(tuple, plain.place.tolist()))}
    for chunk, index, is_erred in zip(
        frame.bars.chunk.tolist(), frame.bars.index.tolist(), erred.tolist(), strict=True
    ):
        assert is_erred == (plain.status[of[chunk, index]] == Status.ERROR)


def near(x0: npt.NDArray[np.float64], x1: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Columns that spans touch, or that lie beside one that they touch."""
    is_near = np.zeros(WIDTH, np.bool_)
    first = np.clip(np.floor(x0) - 1, 0, WIDTH).astype(int)
    last = np.clip(np.ceil(x1) + 1, 0, WIDTH).astype(int)
    for left, right in zip(first.tolist(), last.tolist(), strict=True):
        is_near[left:right] = True
    return is_near


def assert_dense(
    frame: TaskStreamFrame, row: int, plain: Plain, is_meant: npt.NDArray[np.bool_]
) -> None:
    slot, busy, kind = (
        plane[row] for plane in (frame.dense.slot, frame.dense.busy, frame.dense.kind)
    )
    assert ((slot != NOTHING) == (busy > 0)).all()
    for is_sub, line, is_failed in (
        (False, slot != NOTHING, slot == ERRED),
        (True, kind != 0, kind == FAILED_KIND),
    ):
        mine = is_meant & (plain.is_sub == is_sub)
        x0, x1 = plain.x0[mine], np.maximum(plain.x1[mine], plain.x0[mine])
        assert not (line & ~near(x0, x1)).any(), "something is drawn where nothing was"
        erred = plain.status[mine] == Status.ERROR
        assert not (is_failed & ~near(x0[erred], x1[erred])).any()
        inside = (x0 >= 2) & (x1 < WIDTH - 2)
        for left, right, has_failed in zip(
            x0[inside].astype(int).tolist(),
            x1[inside].astype(int).tolist(),
            erred[inside].tolist(),
            strict=True,
        ):
            around = slice(left - 1, right + 2)
            assert line[around].any(), "a task is invisible"
            assert not has_failed or is_failed[around].any(), "a failure is invisible"
    mine = is_meant & ~plain.is_sub
    for number in np.unique(slot[slot >= 0]).tolist():
        named = mine & (plain.slot == number)
        is_there = near(plain.x0[named], plain.x1[named])
        assert not ((slot == number) & ~is_there).any(), "a prefix is drawn where it is not"
    edges = np.arange(WIDTH + 1)[:, None]
    lengths = np.clip(edges - plain.x0[mine], 0, plain.x1[mine] - plain.x0[mine]).sum(axis=1)
    # Time of a pyramid's cell may lie in the next column, no farther; bytes round by 1/510.
    error = np.abs(np.cumsum(busy / 255) - (lengths[1:] - lengths[0]))
    assert error.max() <= 1.5 + WIDTH / 255


def assert_density(
    frame: TaskStreamFrame, row: int, plain: Plain, is_meant: npt.NDArray[np.bool_]
) -> None:
    (columns,) = (columns for columns in frame.densities if columns.row == row)
    mine = is_meant & ~plain.is_sub
    busy = np.zeros(WIDTH) if not len(columns.slots) else columns.share.sum(axis=0)
    assert not ((busy > 0) & ~near(plain.x0[mine], plain.x1[mine])).any()
    erred = mine & (plain.status == Status.ERROR) & (plain.x0 >= 2) & (plain.x1 < WIDTH - 2)
    if erred.any():
        share = columns.share[columns.slots.index(ERRED)]
        for left, right in zip(
            plain.x0[erred].astype(int).tolist(), plain.x1[erred].astype(int).tolist(), strict=True
        ):
            assert share[left - 1 : right + 2].any(), "a failure is invisible"
    edges = np.arange(WIDTH + 1)[:, None]
    lengths = np.clip(edges - plain.x0[mine], 0, plain.x1[mine] - plain.x0[mine]).sum(axis=1)
    n_threads = frame.layout.rows[row].n_threads
    error = np.abs(np.cumsum(busy) * n_threads - (lengths[1:] - lengths[0]))
    assert error.max() <= 1.5 * n_threads
    for number, share in zip(columns.slots, columns.share, strict=True):
        if number >= 0:
            named = mine & (plain.slot == number) & (plain.status != Status.ERROR)
            assert not ((share > 0) & ~near(plain.x0[named], plain.x1[named])).any()
            x0, x1 = plain.x0[named], plain.x1[named]
            lengths = np.clip(edges - x0, 0, x1 - x0).sum(axis=1)
            error = np.abs(np.cumsum(share) * n_threads - (lengths[1:] - lengths[0]))
            assert error.max() <= n_threads, "a prefix has not its own share"


@pytest.mark.parametrize("seed", SEEDS)
def test_any_view_shows_what_a_plain_pass_finds(seed: int) -> None:
    run = Run.of(seed)
    snapshot = run.receive_all()
    for _ in range(8):
        session = any_session(run.rng, snapshot)
        if run.rng.random() < 0.3:
            session = replace(session, collapsed_hosts=frozenset({"node-0"}))
        layout = lane_layout(snapshot, session, HEIGHT)
        assert_true(snapshot, frame_of(snapshot, session, layout))


def any_step(rng: np.random.Generator, session: Session, frame: TaskStreamFrame) -> Session:
    """What a user does next."""
    view = frame.view
    choice = int(rng.integers(0, 6))
    if choice == 0:
        return zoomed(session, view, float(rng.uniform(0, WIDTH)), float(rng.uniform(0.4, 2.5)), 0)
    if choice == 1:
        return panned(session, view, float(rng.normal(0, 0.2 * WIDTH)), NOT_YET_PX)
    if choice == 2:
        return panned(session, view, float(rng.normal(0, 3 * WIDTH)), NOT_YET_PX)
    if choice == 3:
        return replace(session, is_following=True)
    if choice == 4:
        return replace(session, collapsed_hosts=session.collapsed_hosts ^ {"node-0"})
    return session


@pytest.mark.parametrize("seed", SEEDS)
def test_a_picture_made_in_slices_ends_as_the_truth(seed: int) -> None:
    run = Run.of(seed)
    rng = run.rng
    n_left = 0

    def may_go_on() -> bool:
        nonlocal n_left
        n_left -= 1
        return n_left > 0

    stream = TaskStream(may_go_on)
    snapshot = run.receive(500)
    session = Session(span_ns=20 * SECOND)
    n_exact = 0
    for _ in range(120):
        if run.spans and rng.random() < 0.5:
            snapshot = run.receive(int(rng.integers(1, 200)))
        layout = lane_layout(snapshot, session, HEIGHT)
        n_left = int(rng.integers(1, 12))
        frame = frame_of(snapshot, session, layout, stream)
        n_exact += frame.is_exact
        if frame.is_exact:
            assert_true(snapshot, frame)
        session = any_step(rng, session, frame)
    for _ in range(200):
        n_left = 1
        frame = frame_of(snapshot, session, lane_layout(snapshot, session, HEIGHT), stream)
        if frame.is_exact:
            break
    assert frame.is_exact
    assert_true(snapshot, frame)
    assert 0 < n_exact < 120
