"""Sending what a simulated cluster sends when it is due, until it is over or is stopped.

Requests are made a little ahead of their time and wait in a short queue, from which some
connections take them. A receiver that falls behind makes the queue full and the cluster late; what
it has asked to have again is kept until it takes it, so nothing is left out.
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from daskscope.simulate.requests import POINTS, RECORDS, SPANS
from daskscope.simulate.send import SendError, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from daskscope.simulate.requests import Request
    from daskscope.simulate.send import Sender

#: Connections, as many as a Collector's exporter would use within a request's time.
N_CONNECTIONS: Final = 4
#: Requests made ahead, and at most so long ahead.
_QUEUE: Final = 16
_AHEAD_S: Final = 0.3
#: A receiver that has never taken anything is given up after so long, and one that has, and may be
#: starting anew, after so long without.
_PATIENCE_S: Final = 10.0
_LOST_S: Final = 60.0
_POLL_S: Final = 0.1


def _zeros() -> dict[str, int]:
    return dict.fromkeys((SPANS, POINTS, RECORDS), 0)


@dataclass(slots=True)
class Totals:
    """What became of it.

    Attributes
    ----------
    sent, refused, unsent
        Items by signal: taken by the receiver, not wanted by it, and not taken before the end.
    retries
        Requests that it asked to have again, each time counted.
    late_s
        How late the latest request was settled.
    reason
        What the receiver last said against a request.
    is_lost
        It took nothing any more, and was given up.
    """

    sent: dict[str, int] = field(default_factory=_zeros)
    refused: dict[str, int] = field(default_factory=_zeros)
    unsent: dict[str, int] = field(default_factory=_zeros)
    retries: int = 0
    late_s: float = 0.0
    took_s: float = 0.0
    reason: str = ""
    is_lost: bool = False


def send_all(requests: Iterable[Request], url: str, is_stopped: Callable[[], bool]) -> Totals:
    """Send requests when they are due.

    `is_stopped` is asked now and then; when it says so, what is due already is sent once more and
    no oftener.

    Raises
    ------
    SendError
        The URL names no receiver, or nobody answers there.
    """
    senders = [connect(url) for _ in range(N_CONNECTIONS)]
    return _Pump(senders, url, is_stopped).run(requests)


class _Pump:
    """Threads that take requests from a queue, one for each connection."""

    def __init__(self, senders: list[Sender], url: str, is_stopped: Callable[[], bool]) -> None:
        self.totals = Totals()
        self._senders = senders
        self._url = url
        self._is_stopped = is_stopped
        self._queue: queue.Queue[Request | None] = queue.Queue(_QUEUE)
        self._lock = threading.Lock()
        self._began_s = self._taken_s = time.monotonic()
        self._is_heard = False
        self._is_given_up = threading.Event()

    def run(self, requests: Iterable[Request]) -> Totals:
        """Send them all."""
        threads = [
            threading.Thread(target=self._pump, args=(sender,), name=f"sender {number}")
            for number, sender in enumerate(self._senders)
        ]
        for thread in threads:
            thread.start()
        try:
            for request in requests:
                if not self._put(request):
                    break
        finally:
            for _ in threads:
                self._queue.put(None)
            for thread in threads:
                thread.join()
            for sender in self._senders:
                sender.close()
        self.totals.took_s = time.monotonic() - self._began_s
        self.totals.is_lost = self._is_given_up.is_set()
        if self.totals.is_lost and not self._is_heard:
            raise SendError(f"nobody answers at {self._url}: {self.totals.reason}")
        return self.totals

    def _put(self, request: Request) -> bool:
        """Hand a request to the connections when it is nearly due and there is room."""
        due_s = self._began_s + request.due / 1e9 - _AHEAD_S
        while not (self._is_stopped() or self._is_given_up.is_set()):
            wait_s = due_s - time.monotonic()
            if wait_s > 0:
                time.sleep(min(wait_s, _POLL_S))
                continue
            try:
                self._queue.put(request, timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False

    def _pump(self, sender: Sender) -> None:
        while (request := self._queue.get()) is not None:
            due_s = self._began_s + request.due / 1e9
            time.sleep(max(due_s - time.monotonic(), 0.0))
            self._settle(sender, request)
            with self._lock:
                self.totals.late_s = max(self.totals.late_s, time.monotonic() - due_s)

    def _settle(self, sender: Sender, request: Request) -> None:
        is_last = False
        while not (is_last or self._is_given_up.is_set()):
            is_last = self._is_stopped()
            answer = sender.send(request)
            with self._lock:
                if answer.reason:
                    self.totals.reason = answer.reason
                if answer.retry_s is None:
                    self._is_heard, self._taken_s = True, time.monotonic()
                    self.totals.refused[request.signal] += answer.refused
                    self.totals.sent[request.signal] += request.n_items - answer.refused
                    return
                if not is_last:
                    self._be_refused()
            if not is_last:
                self._is_given_up.wait(answer.retry_s)
        with self._lock:
            self.totals.unsent[request.signal] += request.n_items

    def _be_refused(self) -> None:
        """Count a request that is wanted again; who has taken nothing for long is given up."""
        self.totals.retries += 1
        patience_s = _LOST_S if self._is_heard else _PATIENCE_S
        if time.monotonic() - self._taken_s > patience_s:
            self._is_given_up.set()
