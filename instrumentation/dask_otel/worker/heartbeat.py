"""Tells the scheduler in each heartbeat what only this worker knows of its attempts.

- What of its spans is safe.
- Which attempts run on after they were given up, and which of these have ended and are not safe
  yet: the scheduler has forgotten them. When there is one more of them, or one has ended, the next
  heartbeat comes earlier than Dask would send it.

- The first comes as soon as the worker has joined: Dask measures with each how far the scheduler's
  clock is, and before that it knows it from the joining alone, which takes a while. On one machine
  it was wrong by 40 ms until then, for a second.

If the worker is killed, the scheduler makes good what was not sent: see `scheduler.losses`.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from itertools import chain, islice
from random import random
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import msgpack
from distributed.core import Status
from distributed.worker import WORKER_ANY_RUNNING

from dask_otel import events
from dask_otel.compat import clock
from dask_otel.compat.override import Override
from dask_otel.events import GivenUp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from distributed import Worker

    from dask_otel.emit import Emitter
    from dask_otel.events import Attempt
    from dask_otel.worker.attempts import Attempts

#: Attempts that one heartbeat names, and bytes that they take in it.
MAX_GIVEN_UP: Final = 1_000
MAX_BYTES: Final = 100_000
#: Those that have ended of which it names no more: who sends nowhere says them for ever.
MAX_ENDED: Final = 100
#: Dask's least time between two heartbeats, which grows with the number of workers.
LEAST_S: Final = 0.5
#: Share of what it is longer in which an early heartbeat comes, at random: a client that cancels a
#: graph makes all workers send one.
SPREAD: Final = 0.1
#: Least time between a heartbeat and an early one.
APART_S: Final = 0.05
#: States of a worker that is about to join: preloads start before that.
JOINING: Final = frozenset({Status.undefined, Status.created, Status.init, Status.starting})


class HeartbeatProbe:
    """Adds an entry to the heartbeats of one worker."""

    def __init__(self, worker: Worker, emitter: Emitter, attempts: Attempts) -> None:
        self._worker = worker
        self._emitter = emitter
        self._attempts = attempts
        self._override: Override | None = None
        self._early: object = None
        self._beat_s = 0.0
        #: When it was recorded, on this machine's clock, and what.
        self._ended: deque[tuple[float, GivenUp]] = deque(maxlen=MAX_ENDED)

    def begin(self) -> None:
        """From now on heartbeats have the entry."""
        self._override = Override(self._worker.metrics, events.HEARTBEAT, self._metric)
        self._attempts.on_given_up = self._given_up
        self._hurry()

    def end(self) -> None:
        """From now on they have not."""
        if self._override is not None:
            self._override.undo()
        if self._early is not None:
            self._worker.loop.remove_timeout(self._early)

    def _metric(self, worker: Any) -> dict[str, Any]:
        self._beat_s = monotonic()
        sent_s = self._emitter.acknowledged_s
        delay_s = worker.scheduler_delay
        found: dict[str, Any] = {
            events.SAID: clock.now_s() + delay_s,
            events.ACKNOWLEDGED: sent_s + delay_s,
        }
        while self._ended and self._ended[0][0] < sent_s:
            self._ended.popleft()
        running = (_said(attempt, None) for attempt in self._attempts.given_up())
        if given_up := named(chain((said for _, said in self._ended), running)):
            found[events.GIVEN_UP] = given_up
        return found

    def _given_up(self, ended: Attempt | None) -> None:
        """One more was given up, or one such has ended."""
        if ended is not None:
            self._ended.append((clock.now_s(), _said(ended, ended.stop_s)))
        self._hurry()

    def _hurry(self) -> None:
        """See to it that a heartbeat comes soon."""
        if self._early is None:
            interval_s = self._worker.periodic_callbacks["heartbeat"].callback_time / 1e3
            spread_s = SPREAD * (interval_s - LEAST_S) * random()  # noqa: S311 - no secret
            wait_s = max(spread_s, self._beat_s + APART_S - monotonic(), 0.0)
            self._early = self._worker.loop.call_later(wait_s, self._beat)

    async def _beat(self) -> None:
        self._early = None
        self._beat_s = monotonic()
        if self._worker.status in WORKER_ANY_RUNNING:
            with suppress(Exception):  # Dask has logged it, and closes the worker
                await self._worker.heartbeat()
        elif self._worker.status in JOINING:
            self._hurry()


def _said(attempt: Attempt, stop_s: float | None) -> GivenUp:
    return GivenUp(
        attempt.key,
        attempt.prefix,
        attempt.run_id,
        (attempt.otel or {}).get(events.TRACEPARENT) or attempt.origin,
        attempt.start_s,
        stop_s,
        attempt.thread,
        attempt.priority,
    )


def named(attempts: Iterable[GivenUp]) -> list[GivenUp]:
    """Those of `attempts` that a heartbeat can name, and has room for."""
    found = []
    n_bytes = 0
    for attempt in islice(attempts, MAX_GIVEN_UP):
        n_more = _n_packed(attempt)
        if n_more is not None and n_bytes + n_more <= MAX_BYTES:
            n_bytes += n_more
            found.append(attempt)
    return found


def _n_packed(attempt: GivenUp) -> int | None:
    """Bytes of `attempt` in a heartbeat.

    None where it cannot be sent, at which Dask would close the worker, or comes out as another:
    the span's id is a hash of its key.
    """
    try:
        packed = msgpack.packb(attempt)
        same = msgpack.unpackb(packed, use_list=False, strict_map_key=False) == attempt
    except (TypeError, ValueError, OverflowError):
        return None
    return len(packed) if same else None
