"""What is kept of marks from frame to frame changes nothing but time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dask_otel import conventions
from daskscope.derive.marks import EventMarks
from daskscope.session import Viewport
from daskscope.store import eventlog
from daskscope.store.snapshot import Events
from daskscope.store.writer import Store
from tests.builders import SECOND, T0, Source

if TYPE_CHECKING:
    import numpy.typing as npt

    from daskscope.derive.frames import EventMark
    from daskscope.store.snapshot import Snapshot

WIDTH = 600
NAMES = (
    conventions.EVENT_GRAPH_SUBMITTED,
    conventions.EVENT_WORKER_ADDED,
    conventions.EVENT_WORKER_REMOVED,
    conventions.EVENT_WORKER_LOST,
    conventions.EVENT_WORKER_RESTARTED,
    conventions.EVENT_WORKER_PAUSED,
    conventions.EVENT_SPILL,
    conventions.EVENT_STEAL,
    conventions.EVENT_LOG,
    conventions.EVENT_GROUP_ERRED,
    "of.a.user",
)


class Life:
    """A store to which events come, some of them late, and a view that moves.

    Attributes
    ----------
    view
        What is looked at; most of the time it follows.
    """

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._source, self._store = Source(), Store()
        for name in NAMES[::-1]:
            self._source.text(name)  # ids in another order than that in which they are met
        self._now = 60 * SECOND
        # Some kinds are common in one life, and rare in another.
        self._shares = self._rng.dirichlet(np.full(len(NAMES), 0.5))
        self.view = Viewport(T0 + 42 * SECOND, 20 * SECOND / WIDTH, WIDTH)
        self.happen(1)

    def happen(self, n: int) -> None:
        """Let some events come."""
        rng = self._rng
        for name in rng.choice(len(NAMES), n, p=self._shares).tolist():
            lag = rng.choice(
                [SECOND // 50, SECOND, 20 * SECOND, 90 * SECOND], p=[0.4, 0.4, 0.19, 0.01]
            )
            time = self._now - int(rng.integers(lag))
            if rng.random() < 0.2:
                time = time // SECOND * SECOND  # several at one time
            worker = int(rng.integers(3))
            event = self._source.event(
                NAMES[name],
                max(time, 1),
                "body",
                severity=int(rng.choice([9, 13])),
                dask_worker_address=f"tcp://10.0.4.11:{worker}",
                dask_worker_name=f"w{worker}",
                dask_graph_tasks=int(rng.integers(9)),
            )
            self._store.apply(self._source.definitions())
            self._store.apply(event)

    def go_on(self) -> Snapshot:
        """Let some things happen, and the view move."""
        for _ in range(int(self._rng.integers(1, 4))):
            self._step()
        return self._store.snapshot()

    def _step(self) -> None:
        rng, view = self._rng, self.view
        what = rng.random()
        if what < 0.4:
            self.happen(int(rng.choice([1, 2, 40])))
        elif what < 0.7:
            shift_ns = round(int(rng.integers(1, 4)) * view.ns_per_px)
            self._now += shift_ns
            self.view = replace(view, start_ns=view.start_ns + shift_ns)
        elif what < 0.85:
            self.view = replace(view, ns_per_px=SECOND / rng.choice([3, 10, 30, 30, 90]))
        else:
            ago = rng.choice([0, 4, 12]) * SECOND
            self.view = replace(
                view, start_ns=T0 + self._now - ago - round(0.9 * (view.end_ns - view.start_ns))
            )

    def failed(self) -> npt.NDArray[np.int32]:
        """Failures, in some frames."""
        share = float(self._rng.choice([0.0, 0.0, 0.01]))
        return (self._rng.random((6, WIDTH)) < share).astype(np.int32)


def alone(snapshot: Snapshot, view: Viewport) -> Snapshot:
    """A snapshot that knows of no events but those in view."""
    known = snapshot.events
    times = known.columns["time_ns"].view(np.int64)
    rows = np.flatnonzero((times >= view.start_ns) & (times < view.end_ns))
    columns = {name: column[rows] for name, column in known.columns.items()}
    bodies, attributes = (
        [texts[row] for row in rows.tolist()] for texts in (known.bodies, known.attributes)
    )
    return replace(snapshot, events=Events(columns, bodies, attributes, known.n_evicted))


def told(marks: tuple[EventMark, ...]) -> int:
    return sum(mark.n for mark in marks)


@pytest.mark.parametrize("seed", range(5))
def test_marks_are_those_of_a_log_that_holds_nothing_else(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eventlog, "MOST_EVENTS", 800)
    life, kept = Life(seed), EventMarks()
    n_told = n_evicted = 0
    for _ in range(150):
        snapshot, view, failed = life.go_on(), life.view, life.failed()
        marks = kept.of(snapshot, view, failed)
        assert marks == EventMarks().of(alone(snapshot, view), view, failed)
        n_told, n_evicted = n_told + told(marks), max(n_evicted, snapshot.events.n_evicted)
    assert n_told > 1_000
    assert n_evicted


@pytest.mark.parametrize(
    ("spills_s", "late_s", "edges_s"), [((8, 14), 12, (1, 13)), ((2, 10), 4, (3, 15))]
)
def test_what_an_edge_of_the_view_cuts_is_not_kept(
    spills_s: tuple[int, int], late_s: int, edges_s: tuple[int, int]
) -> None:
    source, store, kept = Source(), Store(), EventMarks()
    column_ns = SECOND / 10  # a stretch is 9.6 s

    def spill(at_s: int) -> None:
        event = source.event(conventions.EVENT_SPILL, at_s * SECOND)
        store.apply(source.definitions())
        store.apply(event)

    def places(from_s: int, to_s: int) -> list[int]:
        view = Viewport(T0 + from_s * SECOND, column_ns, (to_s - from_s) * 10)
        marks = kept.of(store.snapshot(), view, np.zeros((6, view.width_px), np.int32))
        return [mark.x_px + from_s * 10 for mark in marks]

    for at_s in (0, *spills_s):
        spill(at_s)
    in_view = places(1, 15)
    spill(late_s)

    assert in_view == [10 * at_s for at_s in spills_s]
    assert late_s * 10 in places(*edges_s)
