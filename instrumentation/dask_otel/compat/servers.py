"""What schedulers and workers keep to themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed import Scheduler
    from distributed.core import Server


def tick_interval_s(server: Server) -> float:
    """Mean time between two ticks of the event loop, as the heartbeat reports it."""
    return float(server._tick_interval_observed)


def span_enqueued_s(scheduler: Scheduler, span_id: str) -> float | None:
    """When a Dask span first had tasks; None without Dask's span extension."""
    span = _span(scheduler, span_id)
    return None if span is None else float(span.enqueued)


def span_stop_s(scheduler: Scheduler, span_id: str) -> float | None:
    """When everything under a Dask span was finished; None while it is not."""
    span = _span(scheduler, span_id)
    return float(span.stop) if span is not None and span.done else None


def _span(scheduler: Scheduler, span_id: str) -> Any:
    extension: Any = scheduler.extensions.get("spans")
    return None if extension is None else extension.spans.get(span_id)
