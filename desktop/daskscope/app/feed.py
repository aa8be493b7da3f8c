"""From the link into the store: what a tick drains, how fast spans come, and what time it is.

No Qt, and no clock: the time of the tick is an argument.
"""

from __future__ import annotations

import time
from collections import deque
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Protocol

from daskscope.derive.reading import SILENCE_NS
from daskscope.store.inquiry import Answer, Dependents, SpanDetails
from daskscope.store.schema import (
    Definitions,
    EventBatch,
    Message,
    PointBatch,
    RunningWords,
    SourceStatus,
    SpanBatch,
    rows_of,
    words_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from daskscope.store.snapshot import Snapshot
    from daskscope.store.writer import Store

#: Share of a frame that draining may take, so that a burst never holds up the picture.
DRAIN_BUDGET_S = 0.002
#: The same while more comes than that is enough for.
BEHIND_BUDGET_S = 0.004
#: The same in a tick that shows nothing, while a recording is read: somebody waits for that.
READING_BUDGET_S = 0.01
#: Rows that are taken at once, half as many more at most: about a millisecond's work.
_MOST_SPANS: Final = 1 << 11
_MOST_POINTS: Final = 1 << 12
_MOST_EVENTS: Final = 1 << 9
_MOST_WORDS: Final = 1 << 10
#: So many spans in a tick leave it no time for what can wait: a millisecond's work.
MUCH_ROWS: Final = 1_000
#: So many new workers at once are enough for a tick.
_CROWD: Final = 32
#: So long, and so many, readings may wait while nobody looks at them.
READINGS_WAIT_NS: Final = 500_000_000
#: So long they may wait for a tick that takes in no spans, and so has less to do.
PUT_OFF_NS: Final = 100_000_000
_MOST_READINGS: Final = 64
RATE_WINDOW_NS = 2_000_000_000
#: Clocks that differ by less are taken for one clock.
LEAST_SKEW_NS = 2_000_000_000
#: What data said of the cluster's clock longer ago counts no more: clocks are set right.
SKEW_SPAN_NS = 60_000_000_000


class Link(Protocol):
    """What a feed needs of the link's client."""

    def drain(self, budget_s: float) -> Sequence[Message | Answer]:
        """What has arrived, without waiting for more."""

    @property
    def is_closed(self) -> bool:
        """The source has gone."""


class Feed:
    """Moves messages from a link into a store.

    Attributes
    ----------
    store
        The store that is filled.
    spans_per_s
        Spans that came in over the last seconds.
    has_spans
        Some came in the last tick.
    has_more
        There may be more than the last tick had time for: the next one takes it.
    is_behind
        So it was in the tick before as well: more comes than ticks that draw have time for.
    has_much
        The last tick took in so many spans that what can wait should.
    answers
        To queries, in order of arrival; whoever asked takes them out.
    """

    def __init__(self, link: Link, store: Store) -> None:
        self._link = link
        self.store = store
        self.spans_per_s = 0.0
        self.has_spans = False
        self.answers: deque[Answer] = deque()
        self._arrivals: deque[tuple[int, int]] = deque()
        # When data came and how far their clock was ahead, less so from each entry to the next.
        self._skews: deque[tuple[int, int]] = deque()
        self._waiting: deque[Message | Answer] = deque()
        #: Readings that are left to a tick with less to do, and since when there are some.
        self._put_off: deque[Message | Answer] = deque()
        self._put_off_since_ns = 0
        self._budget_s = DRAIN_BUDGET_S
        self._waits_since_ns = 0
        self._has_left = False
        self.has_more = self.is_behind = False
        self.has_much = False

    @property
    def is_connected(self) -> bool:
        """The source is still there."""
        return not self._link.is_closed

    def advance(
        self,
        wall_ns: int,
        *,
        is_shown: bool = True,
        is_resting: bool = False,
        leaves: bool = False,
    ) -> Snapshot:
        """Take what fits into the tick's share, and return what is known now.

        The share is larger in a tick in which nothing is shown; where the window rests, readings
        wait until there are some. A tick that `leaves` it to the next one takes nothing, but never
        twice in a row, and then no readings.
        """
        self._has_left = leaves and not self._has_left
        if self._has_left or (is_resting and self._may_wait(wall_ns)):
            return self._wait(wall_ns)
        had_more = self.has_more
        drain_s = BEHIND_BUDGET_S if had_more else DRAIN_BUDGET_S
        self._budget_s = drain_s if is_shown else READING_BUDGET_S
        n_spans = 0
        newest_ns = 0
        # Where a recording ends, all of it is to be known.
        is_live = self.store.snapshot().status.is_live
        may_put_off = is_live and is_shown and not (is_resting or had_more)
        for message in self._arriving(wall_ns, may_put_off=may_put_off, is_busy=leaves):
            if isinstance(message, SpanDetails | Dependents):
                self.answers.append(message)
                continue
            self.store.apply(message)
            if isinstance(message, SpanBatch):
                n_spans += len(message)
                newest_ns = max(newest_ns, int(message.columns["end_ns"].max(initial=0)))
            elif isinstance(message, PointBatch):
                newest_ns = max(newest_ns, int(message.columns["time_ns"].max(initial=0)))
            elif isinstance(message, RunningWords):
                newest_ns = max(newest_ns, int(message.words["time_ns"].max(initial=0)))
        self.is_behind = self.has_more and (had_more or not is_shown)
        if newest_ns:
            self._see(newest_ns, wall_ns)
        self.has_spans = n_spans > 0
        self._count(n_spans, wall_ns)
        self.has_much = n_spans >= MUCH_ROWS
        return self._known(wall_ns)

    def _wait(self, wall_ns: int) -> Snapshot:
        """Take nothing in this tick: what has arrived waits, and holds up its sender."""
        self.has_spans = self.has_much = self.is_behind = False
        self.has_more = bool(self._waiting)
        self._count(0, wall_ns)
        return self._known(wall_ns)

    def _known(self, wall_ns: int) -> Snapshot:
        """What is known now, and of whom nothing has been heard for long.

        Of a recording, or while there is more to take, only until where it has been read.
        """
        snapshot = self.store.snapshot()
        is_partial = self.has_more or not snapshot.status.is_live
        until_ns = snapshot.last_ns if is_partial else self.now_ns(snapshot, wall_ns)
        self.store.judge(until_ns - SILENCE_NS)
        return self.store.snapshot()

    def _arriving(
        self, wall_ns: int, *, may_put_off: bool, is_busy: bool
    ) -> Iterator[Message | Answer]:
        """Messages one by one, until there are no more or the tick has spent its share on them.

        What is left waits here, and what comes behind it in the link, which holds up its sender.
        Readings come after all else, and may wait for a tick that is not busy and takes in no
        spans: nobody sees that they come a few ticks later, and they would be a tenth of a frame.
        """
        begin_s = time.thread_time()
        self.has_more = False
        if not self._put_off:
            self._put_off_since_ns = wall_ns
        elif not (may_put_off and 0 <= wall_ns - self._put_off_since_ns < PUT_OFF_NS):
            self._take_up()
            may_put_off = False
        while self._waiting or self._fetch() or self._put_off:
            if not self._waiting:
                if is_busy:
                    return
                self._take_up()
                may_put_off = False
            message = self._waiting.popleft()
            if may_put_off and isinstance(message, PointBatch):
                self._put_off.append(message)
                if self._is_over(begin_s):  # too many to only look at
                    self._take_up()
                    may_put_off = False
                continue
            is_busy |= isinstance(message, SpanBatch)
            yield message
            # Who is new is known to all views before the next ones come.
            is_crowd = isinstance(message, Definitions) and len(message.resources) >= _CROWD
            if is_crowd or self._is_over(begin_s):
                self.has_more = True
                return

    def _is_over(self, begin_s: float) -> bool:
        """Whether the tick has spent its share since then."""
        # Of this thread: what others of the machine take is not to be made up for by less.
        return time.thread_time() - begin_s >= self._budget_s

    def _take_up(self) -> None:
        """Let what was put off come next."""
        self._waiting.extendleft(reversed(self._put_off))
        self._put_off.clear()

    def _may_wait(self, wall_ns: int) -> bool:
        """Whether all that has arrived are readings of the last moment.

        They come one by one from each worker, and to take one in alone takes five times as long.
        """
        if not self._waiting:
            self._waits_since_ns = wall_ns
        self._fetch()
        are_few = len(self._waiting) < _MOST_READINGS
        is_new = 0 <= wall_ns - self._waits_since_ns < READINGS_WAIT_NS
        return is_new and are_few and all(map(_is_reading, self._waiting))

    def _fetch(self) -> bool:
        for message in self._link.drain(0.0):
            self._waiting.extend(_portions(message))
        return bool(self._waiting)

    def now_ns(self, snapshot: Snapshot, wall_ns: int) -> int:
        """What time it is on the cluster's clock: the right edge of what can have happened.

        A recording stands still at its end, also while it is read to there. A live cluster's clock
        is taken for the wall clock unless its newest data say that the two differ by more than
        `LEAST_SKEW_NS`.
        """
        if not snapshot.status.is_live or not self.is_connected:
            status = snapshot.status
            is_reading = status.progress < 1.0 and not (status.is_stopped or status.problem)
            return max(snapshot.last_ns, status.ends_ns) if is_reading else snapshot.last_ns
        skew_ns = self._skews[0][1] if self._skews else 0
        return wall_ns + (skew_ns if abs(skew_ns) > LEAST_SKEW_NS else 0)

    def _see(self, newest_ns: int, wall_ns: int) -> None:
        # The least delayed data tell most about the clock, so the greatest difference counts.
        skew_ns = newest_ns - wall_ns
        while self._skews and self._skews[-1][1] <= skew_ns:
            self._skews.pop()
        self._skews.append((wall_ns, skew_ns))
        while abs(wall_ns - self._skews[0][0]) > SKEW_SPAN_NS:
            self._skews.popleft()

    def _count(self, n_spans: int, wall_ns: int) -> None:
        if n_spans:
            self._arrivals.append((wall_ns, n_spans))
        while self._arrivals and self._arrivals[0][0] < wall_ns - RATE_WINDOW_NS:
            self._arrivals.popleft()
        self.spans_per_s = sum(n for _, n in self._arrivals) * 1e9 / RATE_WINDOW_NS


def _is_reading(message: Message | Answer) -> bool:
    return isinstance(message, PointBatch | SourceStatus)


def _portions(message: Message | Answer) -> Iterator[Message | Answer]:
    """A message in parts none of which takes long, and which are as long as each other.

    A short rest would take half as long as a whole part.
    """
    if isinstance(message, RunningWords):
        for begin in range(0, len(message.words["n"]), _MOST_WORDS):
            yield words_of(message, begin, begin + _MOST_WORDS)
        return
    match message:
        case SpanBatch():
            most = _MOST_SPANS
        case PointBatch():
            most = _MOST_POINTS
        case EventBatch():
            most = _MOST_EVENTS
        case _:
            yield message
            return
    n_rows = len(message)
    n_parts = max(round(n_rows / most), 1)
    if n_parts == 1:
        yield message
        return
    edges = [n_rows * part // n_parts for part in range(n_parts + 1)]
    for begin, end in pairwise(edges):
        yield rows_of(message, begin, end)
