"""What a sink has seen of attempts and events."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

from dask_otel import conventions as names
from tests.waiting import wait_for

if TYPE_CHECKING:
    from distributed import Client, Scheduler

    from tests.sinks import SeenLog, SeenSpan, Sink

#: A worker that is killed comes to nobody's mind but the scheduler's.
NANNIES: dict[str, Any] = {"processes": True, "threads_per_worker": 1}


def spans(sink: Sink, action: str) -> list[SeenSpan]:
    return [seen for seen in sink.spans() if seen.attributes[names.ACTION] == action]


def attempts(sink: Sink, key: str) -> list[SeenSpan]:
    return [
        seen for seen in spans(sink, names.ACTION_COMPUTE) if seen.attributes[names.TASK_KEY] == key
    ]


def events(sink: Sink, name: str) -> list[SeenLog]:
    return [log for log in sink.logs() if log.event_name == name]


def links(seen: SeenSpan) -> dict[str, tuple[bytes, bytes]]:
    """Trace and span of each link, by its key."""
    return {
        link.attributes[0].value.string_value: (link.trace_id, link.span_id)
        for link in seen.span.links
    }


def kill_when_running(client: Client, sink: Sink, key: str) -> str:
    """Kill the worker that runs `key`, when it has said so; returns its address."""

    def runs_on(dask_scheduler: Scheduler) -> tuple[str, int] | None:
        for ws in dask_scheduler.workers.values():
            if any(ts.key == key for ts in ws.executing):
                return ws.address, ws.pid
        return None

    address, pid = wait_for(lambda: client.run_on_scheduler(runs_on))
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: events(sink, names.EVENT_WORKER_LOST))
    return str(address)
