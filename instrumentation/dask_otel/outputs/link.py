"""The way of one signal to its OTLP endpoint, with pauses where it fails."""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING, Final

from dask_otel import config
from dask_otel.compat import otlp
from dask_otel.outputs import outages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.metrics.export import AggregationTemporality

    from dask_otel.config import Signal, Target
    from dask_otel.outputs.outages import What

#: Time after a failure in which nothing is tried.
PAUSE_S: Final = 1.0
MAX_PAUSE_S: Final = 30.0
#: A request has at least this time, however late it is.
LEAST_S: Final = 0.05

logger = logging.getLogger(__name__)


class Link:
    """Sends requests of one signal.

    An endpoint that fails costs a process one log line, and one more when it is back, and signals
    that it does not want one each.

    Attributes
    ----------
    failing
        The last request was not accepted.
    """

    def __init__(self, signal: Signal, target: Target) -> None:
        # Python says no more than the text where nobody has set up logging.
        self._signal, self._host = signal, config.host(signal, target)
        self._transport = otlp.transport(signal, target.protocol, target.endpoint)
        # Where nobody has named an endpoint none is no surprise.
        self._level = logging.INFO if target.is_default else logging.WARNING
        self._outage: What = ()
        self._resume_s = 0.0
        self._asked_s: float | None = None
        self.failing = self._closed = False

    @property
    def preferred_temporality(self) -> Mapping[type, AggregationTemporality]:
        """Of metrics, as the user wants it."""
        return self._transport.preferred_temporality

    @property
    def waited_s(self) -> float:
        """How long the request that is under way has had no answer; 0 where there is none."""
        asked_s = self._asked_s
        return 0.0 if asked_s is None else monotonic() - asked_s

    def ready(self, deadline_s: float | None) -> bool:
        """Whether it makes sense to try; the last time it always does, while there is time."""
        if self._closed:
            return False
        now_s = monotonic()
        return now_s >= self._resume_s if deadline_s is None else now_s < deadline_s

    def send(self, payload: bytes, deadline_s: float | None) -> otlp.Reply:
        """Send `payload` once; a failure is logged when it is the first in a row."""
        now_s, timeout_s = monotonic(), self._transport.timeout_s
        if deadline_s is not None:
            timeout_s = min(timeout_s, max(LEAST_S, deadline_s - now_s))
        self._asked_s = now_s
        reply = self._transport.send(payload, timeout_s)
        self._asked_s = None
        # To be refused once can be the fault of what was sent, twice in a row it is the endpoint's.
        if reply.retry or (self.failing and not reply.accepted):
            self._resume_s = monotonic() + min(reply.pause_s or PAUSE_S, MAX_PAUSE_S)
        if not reply.accepted and not self.failing and not self._closed:
            self._complain(reply)
        elif reply.accepted and self.failing and outages.end(self._outage, self):
            logger.info("%s takes %s again", self._host, *self._outage[1:] or ("all",))
        self.failing = not reply.accepted
        return reply

    def close(self) -> None:
        """Give up the connection, and a request that is under way in another thread."""
        self._closed = True
        outages.end(self._outage, self)
        self._transport.close()

    def _complain(self, reply: otlp.Reply) -> None:
        if reply.retry:
            self._outage, todo = (self._host,), "kept until it answers"
        else:
            self._outage, todo = (self._host, self._signal), "dropped"
        if outages.begin(self._outage, self):
            said = self._signal.capitalize(), self._host, todo, reply.reason
            logger.log(self._level, "%s for %s are %s: %s", *said)
