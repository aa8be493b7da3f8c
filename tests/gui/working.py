"""A window at work: what stands in for its source, and what comes from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.app.tempo import IDLE_STEP_S
from daskscope.store.schema import Definitions, Kind, Message, Series, SourceStatus, Status
from tests.builders import MS, SECOND, T0, Source, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pytest

    from daskscope.app.run import Run
    from daskscope.derive.frames import BarState
    from daskscope.store.inquiry import Answer, Query

NOW = T0 + 20 * SECOND
LONG_KEY = "('<b>bold</b>\n', " + "9" * 10_000 + ")"


#: Modules of `daskscope.app` that look at the clock in a tick.
_LOOKING = ("run", "stage", "timeline", "marking", "panels", "statistics")


def set_clock(monkeypatch: pytest.MonkeyPatch, elapsed_s: Callable[[], float]) -> None:
    """Let time pass for a window as `elapsed_s` says."""
    for module in _LOOKING:
        monkeypatch.setattr(f"daskscope.app.{module}.elapsed_s", elapsed_s)
    for module in ("run", "panels"):
        monkeypatch.setattr(f"daskscope.app.{module}.spent_s", elapsed_s)


def set_budget(monkeypatch: pytest.MonkeyPatch, budget_s: float) -> None:
    """What a tick that draws may take for what has come."""
    for name in ("DRAIN_BUDGET_S", "BEHIND_BUDGET_S"):
        monkeypatch.setattr(f"daskscope.app.feed.{name}", budget_s)


class Link:
    """Stands where the source process stands: messages are literals."""

    http = ("127.0.0.1:4328",)
    grpc = ("127.0.0.1:4327",)

    def __init__(self) -> None:
        self.is_closed = False
        self.messages: Sequence[Message | Answer] = []
        self.queries: list[Query] = []

    def fileno(self) -> int:
        return -1

    def ask(self, query: Query) -> bool:
        self.queries.append(query)
        return True

    def stop(self) -> bool:
        return False

    def drain(self, budget_s: float) -> Sequence[Message | Answer]:
        messages, self.messages = self.messages, []
        return messages


class Hand:
    """Ticks a window when its clock would."""

    def __init__(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        self.run, self.now_s = run, 100.0
        set_clock(monkeypatch, lambda: self.now_s)

    def tick(self, most_s: float = IDLE_STEP_S) -> float:
        """Tick once; how long the clock waits then, if nothing arrives after `most_s`."""
        began_s = self.now_s
        self.run.tick(NOW + round((began_s - 100) * SECOND))
        waits_s = min(max(self.run._clock.period_s, 0.001), most_s)
        self.now_s = max(self.now_s + 0.001, began_s + waits_s)
        return self.run._clock.period_s

    def waits(self, seconds: float) -> list[float]:
        """Tick for a while; how long the clock waits each time."""
        until_s, found = self.now_s + seconds, []
        while self.now_s < until_s:
            found.append(self.tick())
        return found


def cluster() -> tuple[Source, list[Message]]:
    """Two workers on two hosts: finished, failed and running tasks, a transfer."""
    source = Source()
    one = source.worker("w0", host="node-01", port=40101)
    two = source.worker("w1", host="node-02", port=40102)
    spans = [
        Span(2 * SECOND, 8 * SECOND, "read", one, 11, key=LONG_KEY, run_id=1, nbytes=1 << 20),
        Span(9 * SECOND, 12 * SECOND, "sum", one, 12, key="sum-1", run_id=2),
        Span(
            3 * SECOND, 7 * SECOND, "sum", two, 21, key="sum-2", run_id=3,
            status=Status.ERROR, error="ValueError: no",
        ),
        Span(8 * SECOND, 9 * SECOND, "transfer", one, 12, Kind.TRANSFER, peer="tcp://10.0.4.11:40102"),
    ]  # fmt: skip
    batch = source.spans(spans)
    running = source.running(two, 19 * SECOND, [("fit", 15 * SECOND, 9, 21)])
    messages: list[Message] = [SourceStatus(is_live=True, http=Link.http, requests=3)]
    return source, [*messages, source.definitions(), batch, running]


def bar(run: Run, state: BarState, kind: Kind = Kind.COMPUTE) -> tuple[int, int]:
    """A point inside the first bar of a state, in pixels of the lanes."""
    frame = run.frame
    assert frame is not None
    bars = frame.bars
    index = next(i for i in range(len(bars)) if (bars.state[i], bars.kind[i]) == (state, kind))
    row = frame.layout.rows[bars.row[index]]
    return (int(bars.x0_px[index]) + 2, row.y_px - frame.scroll_px + 6)


def with_series(busy: Run, link: Link) -> int:
    """Number of a series that the window knows of, with nothing left to draw."""
    number = len(busy.snapshot.series)
    link.messages = [Definitions(series_base=number, series=(Series("m", "1", 0, False, {}),))]
    for _ in range(3):
        busy.tick(NOW + 16 * MS)
    return number
