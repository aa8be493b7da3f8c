"""What the scheduler keeps to itself, and how its methods and handlers are watched on one object.

Each `watch_` function returns what ends it. Where a newer Dask lacks what is to be watched, it says
so in the log, and nothing is watched.
"""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from distributed.protocol.serialize import deserialize

from dask_otel.compat.override import Override
from dask_otel.compat.versions import GAPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Scheduler
    from distributed.scheduler import TaskState


def watch_assignments(
    scheduler: Scheduler, seen: Callable[[TaskState, dict[str, Any]], None]
) -> Override | None:
    """Call `seen` with each task that goes to a worker and with its message, before it is sent.

    Dask makes the message when the run ids of all dependencies are final. The annotations in it are
    the task's own dict.
    """
    original = getattr(scheduler, "_task_to_msg", None)
    if not callable(original):
        GAPS.note("Scheduler._task_to_msg")
        return None

    def task_to_msg(ts: TaskState) -> Any:
        message = original(ts)
        seen(ts, message)
        return message

    return Override(vars(scheduler), "_task_to_msg", task_to_msg)


def watch_failures(scheduler: Scheduler, seen: Callable[[dict[str, Any]], None]) -> Override | None:
    """Call `seen` with what a worker says of each attempt that failed, before Dask acts on it.

    No hook of Dask's gets to know of an attempt that is tried again.
    """
    return _watch_stream(scheduler, "task-erred", "Scheduler.handle_task_erred", seen)


def watch_reschedules(
    scheduler: Scheduler, seen: Callable[[dict[str, Any]], None]
) -> Override | None:
    """Call `seen` with the key and worker of each attempt that asks to be run elsewhere, before.

    To Dask's hooks it looks like one that was given up.
    """
    return _watch_stream(scheduler, "reschedule", "Scheduler._reschedule", seen)


def _watch_stream(
    scheduler: Scheduler, op: str, name: str, seen: Callable[[dict[str, Any]], None]
) -> Override | None:
    """Call `seen` with each message of workers with `op`, before `name` handles it."""
    original = scheduler.stream_handlers.get(op)
    if original is None or iscoroutinefunction(original):
        GAPS.note(name)
        return None

    def handle(**message: Any) -> Any:
        seen(message)
        return original(**message)

    return Override(scheduler.stream_handlers, op, handle)


def watch_target(scheduler: Scheduler, seen: Callable[[int], None]) -> Override | None:
    """Call `seen` with the number of workers that the scheduler tells adaptive scaling to have."""
    original = scheduler.handlers.get("adaptive_target")
    if original is None or iscoroutinefunction(original):
        GAPS.note("Scheduler.adaptive_target")
        return None

    def adaptive_target(target_duration: float | None = None) -> Any:
        target = original(target_duration=target_duration)
        seen(target)
        return target

    return Override(scheduler.handlers, "adaptive_target", adaptive_target)


def answer_with_time(
    scheduler: Scheduler, name: str, now_s: Callable[[], float]
) -> Override | None:
    """Let what the scheduler says of itself to who asks hold its time as the entry `name`.

    Clients and nannies, which Dask tells no time, ask for it anyway.
    """
    original = scheduler.handlers.get("identity")
    if original is None or iscoroutinefunction(original):
        GAPS.note("Scheduler.identity")
        return None

    def identity(**message: Any) -> Any:
        return {**original(**message), name: now_s()}

    return Override(scheduler.handlers, "identity", identity)


def source_code(scheduler: Scheduler, span_id: str) -> tuple[str, ...]:
    """The source code that submitted the tasks of a Dask span, outermost frame first.

    Clients send it when `distributed.diagnostics.computations.nframes` is set.
    """
    extension: Any = scheduler.extensions.get("spans")
    span = None if extension is None else extension.spans.get(span_id)
    if span is None:
        return ()
    frames = (frame.code for call in span.code for frame in call)
    return tuple(dict.fromkeys(frames))


def pickled(exception: Any) -> bytes:
    """The pickle that stands in a message about a failure; empty where there is none.

    The scheduler does not unpack what workers send: it is bytes in Dask's own wrapping.
    """
    if hasattr(exception, "frames"):
        exception = deserialize(exception.header, exception.frames)
    data = getattr(exception, "data", exception)
    return bytes(data) if isinstance(data, bytes | bytearray | memoryview) else b""
