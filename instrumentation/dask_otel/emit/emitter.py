"""Bounded hand-over from Dask's event loop to one background thread that encodes and sends.

- `record`, `log` and `measure` may be called in any thread: they append and return, never block and
  never raise.
- What cannot be sent is kept, newest first, up to a number of spans and of bytes; what falls out is
  counted. Recorded = exported + dropped + held, exactly; what sampling leaves out is counted apart.
- One thread per scheduler, worker or client, a daemon: a hanging endpoint cannot keep a process
  alive. It sleeps until there is something to send: to look for it in vain takes 0.1 ms.
- A process that forks leaves a child which sends nothing.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from contextlib import suppress
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final

from opentelemetry.context import attach, set_value

from dask_otel import conventions as names
from dask_otel import outputs as ways
from dask_otel.compat import clock, otlp
from dask_otel.emit import patience, process
from dask_otel.events import LogEvent, SpanEvent, span_count
from dask_otel.record.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dask_otel.config import Settings
    from dask_otel.outputs import Outputs, Providers
    from dask_otel.points import Points
    from dask_otel.record.spans import SpanMaker

#: Log records between two exports.
MAX_LOGS: Final = 1_000
#: What giving up may take who has waited as long as `patience` lets him.
GIVE_UP_S: Final = 0.1
#: Events that are encoded before it is time to send. Python's search for garbage looks at all that
#: waits, time and again, which took as long as all hooks; and what is new is still in the caches.
N_MANY: Final = 128
#: Where nothing is handed over the thread still looks up so often, to try again what failed and to
#: say that all is acknowledged.
IDLE_INTERVALS: Final = 10

logger = logging.getLogger(__name__)


class Emitter:
    """Takes the events of one scheduler, worker or client and sends them in the background.

    Parameters
    ----------
    settings
        What the user chose.
    attributes
        Who sends.
    maker
        Turns events into spans.
    providers
        What somebody has brought to send with.
    """

    def __init__(
        self,
        settings: Settings,
        attributes: Mapping[str, str | int],
        maker: SpanMaker,
        providers: Providers | None = None,
    ) -> None:
        self._settings = settings
        self._attributes = attributes
        self._maker = replace(maker, code=settings.code, tracebacks=settings.tracebacks)
        self._providers = providers or ways.Providers()
        self._selection = Selection(settings.least_duration_s, settings.sampling)
        self._events: deque[SpanEvent] = deque()
        self._logs: deque[LogEvent] = deque()
        self._points: Points = {}
        self._delay_s = 0.0
        self._n_held = settings.n_held
        self._n_overrun = self._n_logs_overrun = 0  # written with the lock held
        self._n_failed = self._n_left_out = 0  # written by the background thread alone
        self._is_open = True
        self._complained = False
        self._outputs: Outputs | None = None
        self._deadline_s = 0.0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._news = threading.Event()
        self._many = threading.Event()
        self._has_news = False  # the same, for who may not take the time to ask it
        self._thread = threading.Thread(target=self._run, name="dask_otel", daemon=True)

    # In any thread

    def start(self) -> None:
        """Start the background thread."""
        settings = self._settings
        for target in (settings.traces, settings.metrics, settings.logs):
            if target is not None:  # now, so that who ends at once has time to send
                otlp.load(target.protocol)
        process.add(self)
        self._thread.start()

    def record(self, event: SpanEvent) -> None:
        """Hand over what becomes spans."""
        if self._is_open:
            events = self._events
            events.append(event)
            n_events = len(events)
            if n_events == N_MANY:
                self._many.set()
            if n_events > self._n_held:
                self._overrun()
            if not self._has_news:
                self._rouse()

    def log(self, event: LogEvent) -> None:
        """Hand over what becomes a log record."""
        if self._is_open:
            self._logs.append(event)
            if len(self._logs) > MAX_LOGS:
                self._overrun_logs()
            if not self._has_news:
                self._rouse()

    def measure(self, points: Points, delay_s: float = 0.0) -> None:
        """Hand over metric points; a newer value replaces one that has not been sent.

        `delay_s` is what the scheduler's clock is ahead of this machine's.
        """
        if points and self._is_open:
            with self._lock:
                self._points.update(points)
                self._delay_s = delay_s
            if not self._has_news:
                self._rouse()

    def failed(self, what: str, error: Exception, n_spans: int = 0) -> None:
        """Count `n_spans` that a hook could not record; the first failure is logged."""
        if n_spans:
            with self._lock:
                self._n_overrun += n_spans
        self._complain(what, error)

    def stop(self, most_s: float = patience.LAST_S) -> float:
        """Send what is left, for `most_s` at most; blocks, so call it off the event loop.

        Returns
        -------
        float
            Seconds that it took. How long the endpoint has not answered by then counts, and what
            others have waited who have just stopped: see `patience`.
        """
        if self._stopping.is_set() or not self._is_open:
            return 0.0
        began_s = monotonic()
        last_s = max(min(most_s, patience.left_s()) - self._waited_s, patience.LEAST_S)
        self._deadline_s = began_s + last_s
        self._stopping.set()
        self._news.set()
        self._many.set()
        if self._thread.ident is not None:
            self._thread.join(last_s)
            if self._waited_s < last_s:
                self._thread.join(GIVE_UP_S)
        self._is_open = False
        for output in self._outputs or ():
            output.close()  # a thread that still hangs sends nothing later
        took_s = monotonic() - began_s
        patience.spend(took_s)
        target = self._settings.traces
        process.discard(self, 0 if target and target.is_default else self.n_held)
        return took_s

    @property
    def measures(self) -> bool:
        """Whether metric points are sent; until that is known, they are."""
        return self._outputs is None or self._outputs.points is not None

    @property
    def acknowledged_s(self) -> float:
        """A time of this machine's clock; all spans recorded before are exported or given up."""
        if not self._is_open:
            return float("inf")
        spans = self._outputs.spans if self._outputs else None
        return 0.0 if spans is None else spans.acknowledged_s

    @property
    def n_recorded(self) -> int:
        """Spans handed over, without those that sampling has left out."""
        return self.n_exported + self.n_dropped + self.n_held

    @property
    def n_exported(self) -> int:
        """Spans that somebody has taken."""
        spans = self._outputs.spans if self._outputs else None
        return spans.n_exported if spans is not None else 0

    @property
    def n_dropped(self) -> int:
        """Spans given up."""
        spans = self._outputs.spans if self._outputs else None
        n_given_up = spans.n_dropped if spans is not None else 0
        return self._n_overrun + self._n_failed + n_given_up

    @property
    def n_sampled_out(self) -> int:
        """Spans that settings or samplers have left out."""
        spans = self._outputs.spans if self._outputs else None
        return self._n_left_out + (spans.n_sampled_out if spans is not None else 0)

    @property
    def n_logs_dropped(self) -> int:
        """Log records given up, of those that are sent at all."""
        logs = self._outputs.logs if self._outputs else None
        return self._n_logs_overrun + logs.n_dropped if logs is not None else 0

    @property
    def n_held(self) -> int:
        """Spans that wait."""
        spans = self._outputs.spans if self._outputs else None
        n_waiting = len(spans) if spans is not None else 0
        return n_waiting + sum(map(span_count, list(self._events)))

    @property
    def _waited_s(self) -> float:
        """How long the endpoint has not answered what is being sent."""
        return max((output.waited_s for output in self._outputs or ()), default=0.0)

    def _rouse(self) -> None:
        self._has_news = True
        self._news.set()

    def _overrun(self) -> None:
        with self._lock, suppress(IndexError):  # the background thread was quicker
            self._n_overrun += span_count(self._events.popleft())

    def _overrun_logs(self) -> None:
        with self._lock, suppress(IndexError):
            self._logs.popleft()
            self._n_logs_overrun += 1

    def _complain(self, what: str, error: Exception) -> None:
        if not self._complained:
            self._complained = True
            logger.error("%s failed; further failures are not logged", what, exc_info=error)

    # In a child of this process

    def fall_silent(self) -> None:
        """Do nothing any more: threads, locks and connections are the parent's."""
        self._is_open = False
        self._lock = threading.Lock()
        self._events.clear()
        self._logs.clear()
        self._points = {}

    # In the background thread

    def _run(self) -> None:
        attach(set_value(otlp.SUPPRESS_INSTRUMENTATION, True))
        try:
            outputs = ways.choose(self._settings, self._attributes, self._maker, self._providers)
        except Exception as error:  # noqa: BLE001 - certificates, detectors, providers: anybody's
            self._complain("Preparing to send", error)
            self._give_up()
            return
        self._outputs = outputs
        interval_s = self._settings.export_interval_s
        while self._gather(outputs, interval_s):  # what comes meanwhile is sent together
            self._news.wait((IDLE_INTERVALS - 1) * interval_s)
            if self._stopping.is_set():
                break
            self._news.clear()
            self._has_news = False  # from here on: what was handed over before is sent now
            self._cycle(outputs, None)
        self._cycle(outputs, self._deadline_s)

    def _gather(self, outputs: Outputs, lasting_s: float) -> bool:
        """Let things come for a while, and encode spans as often as many of them wait."""
        until_s = monotonic() + lasting_s
        while not self._stopping.is_set():
            left_s = until_s - monotonic()
            if left_s <= 0:
                return True
            # Who hands over says it once: more may have come while those before were encoded.
            if len(self._events) >= N_MANY or self._many.wait(left_s):
                self._many.clear()
                self._try(partial(self._put_spans, outputs))
        return False

    def _give_up(self) -> None:
        """Take nothing any more."""
        self._is_open = False
        process.discard(self, 0)
        with self._lock:
            self._n_overrun += sum(map(span_count, self._events))
            self._events.clear()

    def _cycle(self, outputs: Outputs, deadline_s: float | None) -> None:
        """Send all that there is; `deadline_s` marks the last time: others break off for it."""
        for step in (self._send_spans, self._send_logs, self._send_points):
            if deadline_s is None and self._stopping.is_set():
                break
            self._try(partial(step, outputs, deadline_s))

    def _try(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - the thread must live on
            self._complain("Sending", error)

    def _send_spans(self, outputs: Outputs, deadline_s: float | None) -> None:
        put_s = clock.now_s()
        self._put_spans(outputs)
        if outputs.spans is not None:
            outputs.spans.send(put_s, deadline_s)

    def _put_spans(self, outputs: Outputs) -> None:
        spans = outputs.spans
        if spans is None:
            self._events.clear()
            return
        for _ in range(len(self._events)):
            try:
                event = self._events.popleft()
            except IndexError:  # the event loop has dropped the oldest
                break
            if not self._selection.keeps(event):
                self._n_left_out += span_count(event)
                continue
            try:
                spans.put(event)
            except Exception as error:  # noqa: BLE001 - a key can be of any kind
                self._n_failed += span_count(event)
                self._complain("Encoding a span", error)

    def _send_logs(self, outputs: Outputs, deadline_s: float | None) -> None:
        logs = outputs.logs
        if logs is None:
            self._logs.clear()
            return
        for _ in range(len(self._logs)):
            try:
                event = self._logs.popleft()
            except IndexError:  # somebody who logs has dropped the oldest
                break
            logs.put(event)
        logs.send(deadline_s)

    def _send_points(self, outputs: Outputs, deadline_s: float | None) -> None:
        with self._lock:
            points, self._points = self._points, {}
        if outputs.points is None:
            return
        if points or deadline_s is not None:
            outputs.points.put(points | self._counters(outputs), self._delay_s)
        outputs.points.send(deadline_s)

    def _counters(self, outputs: Outputs) -> Points:
        """The counters as they agree with each other; what nobody has looked at is in none."""
        n_waiting = len(outputs.spans) if outputs.spans is not None else 0
        n_exported, n_dropped = self.n_exported, self.n_dropped
        return {
            (names.SPANS_RECORDED, ()): n_exported + n_dropped + n_waiting,
            (names.SPANS_EXPORTED, ()): n_exported,
            (names.SPANS_DROPPED, ()): n_dropped,
            (names.SPANS_SAMPLED_OUT, ()): self.n_sampled_out,
            (names.LOGS_DROPPED, ()): self.n_logs_dropped,
        }
