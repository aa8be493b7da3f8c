"""What the ways out have in common: one small protocol per signal.

Everything here is used by the background thread of one emitter alone. A `deadline_s` (monotonic)
marks the last time that something is sent; before that there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from dask_otel.compat.otel_logs import LoggerProvider
    from dask_otel.events import LogEvent, SpanEvent
    from dask_otel.points import Points


@dataclass(frozen=True, slots=True)
class Providers:
    """What somebody has brought to send with.

    Each may be None: then it is the global one if that is the SDK's, else OTLP directly.
    """

    tracer_provider: TracerProvider | None = None
    meter_provider: MeterProvider | None = None
    logger_provider: LoggerProvider | None = None


class Output(Protocol):
    """What all of them have."""

    @property
    def waited_s(self) -> float:
        """How long what is being sent has had no answer; 0 where that is not known."""
        ...

    def close(self) -> None:
        """Send nothing any more."""
        ...


class SpanOutput(Output, Protocol):
    """Takes events and sends their spans.

    Attributes
    ----------
    n_exported, n_dropped, n_sampled_out
        Spans that somebody has taken, that were given up, and that a sampler left out.
    acknowledged_s
        All that was recorded before then, by the clock of this machine, is one of the three.
    """

    n_exported: int
    n_sampled_out: int
    acknowledged_s: float

    @property
    def n_dropped(self) -> int:
        """Spans given up."""
        ...

    def __len__(self) -> int:
        """Spans that wait."""
        ...

    def put(self, event: SpanEvent) -> None:
        """Take one event.

        Raises
        ------
        Exception
            Whatever the objects in it raise when they are to be written; nothing is counted then.
        """
        ...

    def send(self, put_s: float, deadline_s: float | None) -> None:
        """Send what waits; all that was recorded before `put_s` has been put."""
        ...


class LogOutput(Output, Protocol):
    """Takes events and sends their log records.

    Attributes
    ----------
    n_dropped
        Records given up.
    """

    n_dropped: int

    def put(self, event: LogEvent) -> None:
        """Take one event."""
        ...

    def send(self, deadline_s: float | None) -> None:
        """Send what waits."""
        ...


class PointOutput(Output, Protocol):
    """Takes readings and sends metric points."""

    def put(self, points: Points, delay_s: float = 0.0) -> None:
        """Take readings; newer ones replace those of the same attributes.

        `delay_s` is what the scheduler's clock is ahead, where it is known.
        """
        ...

    def send(self, deadline_s: float | None) -> None:
        """Send what waits."""
        ...


@dataclass(frozen=True, slots=True)
class Outputs:
    """The ways out of one scheduler, worker or client; None for a signal that is not sent."""

    spans: SpanOutput | None
    logs: LogOutput | None
    points: PointOutput | None

    def __iter__(self) -> Iterator[Output]:
        """Those that there are."""
        return (output for output in (self.spans, self.logs, self.points) if output is not None)
