"""Workers that go: which of them have closed in good order, and which were killed.

- A worker that closes sends all that it has recorded, says so (`events.CLOSED`), and ends its
  stream to the scheduler after that. What it ran it has recorded itself.
- Until it has said so, it may be killed: by its nanny, which waits for some seconds and no longer
  (a plugin can hang, and a coroutine need not heed that it is cancelled), or by a job scheduler.
- Dask removes most workers when their stream has ended, but one that retires before it closes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from distributed.batched import BatchedSend
    from distributed.scheduler import WorkerState

    from dask_otel.events import Attempt


class Departure(NamedTuple):
    """A worker that was removed and has not said that it has closed.

    Attributes
    ----------
    stream
        To the worker; None when it is not known.
    reason
        Why it was removed.
    lost
        What it had not ended, as if that ended now.
    """

    worker: WorkerState
    stream: BatchedSend | None
    reason: str
    lost: tuple[Attempt, ...]

    @property
    def has_gone(self) -> bool:
        """Whether the worker can say nothing any more."""
        return self.stream is None or bool(self.stream.closed())


class Departures:
    """Those of one scheduler."""

    def __init__(self) -> None:
        self._streams: dict[str, BatchedSend | None] = {}
        self._closed: set[str] = set()
        self._leaving: list[Departure] = []

    def joined(self, address: str, stream: BatchedSend | None) -> None:
        """A worker is there."""
        self._streams[address] = stream
        self._closed.discard(address)

    def closed(self, address: str) -> None:
        """A worker has said that it has closed in good order."""
        others = [found for found in self._leaving if found.worker.address != address]
        if len(others) < len(self._leaving):
            self._leaving = others
        elif address in self._streams:
            self._closed.add(address)

    def removed(self, address: str) -> tuple[BatchedSend | None, bool]:
        """The stream of a worker that Dask has removed; whether it has closed in good order."""
        has_closed = address in self._closed
        self._closed.discard(address)
        return self._streams.pop(address, None), has_closed

    def wait(self, departure: Departure) -> None:
        """Wait until the worker has closed in good order, or has gone without a word."""
        self._leaving.append(departure)

    def waiting(self) -> list[WorkerState]:
        """Those of which neither is known yet."""
        return [found.worker for found in self._leaving]

    def killed(self) -> list[Departure]:
        """Those that have gone without a word since the last call."""
        if not self._leaving:
            return []
        found = [departure for departure in self._leaving if departure.has_gone]
        self._leaving = [departure for departure in self._leaving if not departure.has_gone]
        return found
