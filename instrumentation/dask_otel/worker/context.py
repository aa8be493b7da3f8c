"""Makes the attempt's span OpenTelemetry's current one while its task runs.

- Spans that user code opens in a task, in a thread or a coroutine, and what clients submit in it,
  are children of the attempt; its client's baggage and `tracestate` are there, too.
- The attempt's span is made from the worker's events when it has ended. What is current until then
  only stands for it: it computes its ids when somebody asks, which is seldom.
- Tasks on a process pool (`executor=` with a `ProcessPoolExecutor`) run in processes that nobody
  has instrumented: no span is current there.
- Methods of actors are no tasks: no span is current in them.
"""

from __future__ import annotations

import logging
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from distributed import Worker, get_worker
from opentelemetry.context import Context, attach, detach
from opentelemetry.propagate import extract
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    TraceState,
    get_current_span,
    set_span_in_context,
)

from dask_otel import correlate, events
from dask_otel.compat import api
from dask_otel.compat import worker as dasks
from dask_otel.compat.override import SharedOverride
from dask_otel.worker import reading
from dask_otel.worker.attempts import Attempts
from dask_otel.worker.starts import Start

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Token

#: What the scheduler adds to a task's annotation; the rest is the client's, for its propagators.
_OWN: Final = frozenset({events.TRACEPARENT, events.DEPENDENCIES, events.DEPENDENCY_COUNT})

logger = logging.getLogger(__name__)


class AttemptSpan(NonRecordingSpan):
    """Stands for the span of an attempt that still runs.

    Parameters
    ----------
    key, run_id
        The attempt.
    origin
        Of its trace: see `events`.
    trace_state
        What the client's tracing system has to say.
    """

    _made: SpanContext | None = None

    def __init__(self, key: object, run_id: int, origin: str, trace_state: TraceState) -> None:
        self._of = (key, run_id, origin, trace_state)

    def get_span_context(self) -> SpanContext:
        """Ids of the span that the attempt will have."""
        if self._made is None:
            key, run_id, origin, trace_state = self._of
            place = correlate.place(origin)
            self._made = SpanContext(
                int.from_bytes(place.trace_id, "big"),
                int.from_bytes(correlate.attempt_span_id(key, run_id), "big"),
                is_remote=False,
                trace_flags=TraceFlags(TraceFlags.SAMPLED if place.sampled else 0),
                trace_state=trace_state,
            )
        return self._made

    def __repr__(self) -> str:
        return f"AttemptSpan({self.get_span_context()!r})"


class ContextProbe:
    """Gives the tasks of one worker their context, and looks at their runs from within.

    Parameters
    ----------
    worker
        The worker.
    attempts
        Is told of each run.
    """

    def __init__(self, worker: Worker, attempts: Attempts) -> None:
        self.attempts = attempts
        self._worker = worker
        #: Stands for the Dask span of tasks that have none: see `SpanMaker`.
        self._cluster = correlate.traceparent(
            correlate.fallback_trace_id(worker.scheduler.address), bytes(8)
        )

    def begin(self) -> None:
        """From now on tasks have a current span."""
        _probes[self._worker] = self
        _functions.acquire()

    def end(self) -> None:
        """From now on they have none; Dask's functions are put back with the last worker."""
        if _probes.pop(self._worker, None) is not None:
            _functions.release()

    def context(self, start: Start) -> Context:
        """Where the code of an attempt runs, as far as OpenTelemetry is concerned."""
        carrier = start.otel
        origin = reading.told(carrier) or start.origin or self._cluster
        if not carrier or _OWN.issuperset(carrier):
            return api.only(AttemptSpan(start.task.key, start.run_id, origin, _NO_STATE))
        # Only the text is of any use to propagators.
        said = {name: value for name, value in carrier.items() if isinstance(value, str)}
        context = extract(said, Context())
        trace_state = get_current_span(context).get_span_context().trace_state
        span = AttemptSpan(start.task.key, start.run_id, origin, trace_state)
        return set_span_in_context(span, context)


_Entered = tuple[Attempts, Start, "Token[Context]"] | None
_NO_STATE: Final = TraceState()
#: A dict that holds its keys weakly would take a quarter of a microsecond more for each task.
_probes: dict[Worker, ContextProbe] = {}
_complained = False


def _enter(find: Callable[..., tuple[Worker, Any, float]], args: tuple[Any, ...]) -> _Entered:
    """Make the attempt current that `find` reads from the arguments of its run."""
    try:
        worker, key, delay_s = find(args)
        probe = _probes.get(worker)
        if probe is None:
            return None
        attempts = probe.attempts
        start = attempts.started(worker.state.tasks[key], delay_s)
        return attempts, start, attach(probe.context(start))
    except Exception as error:  # noqa: BLE001 - nothing here can fail a task
        _complain(error)
        return None


def _leave(entered: _Entered, result: Any) -> None:
    if entered is None:
        return
    attempts, start, token = entered
    detach(token)
    try:
        if result is not None:
            attempts.ran(start, result)
    except Exception as error:  # noqa: BLE001 - nothing here can fail a task
        _complain(error)


def _complain(error: Exception) -> None:
    global _complained  # noqa: PLW0603 - once per process, whichever worker it is
    if not _complained:
        _complained = True
        logger.error("Giving a task its context failed; more is not logged", exc_info=error)


def _in_thread(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def run_task(*args: Any, **kwargs: Any) -> Any:
        entered = _enter(_of_thread, args)
        result = None
        try:
            result = function(*args, **kwargs)
        finally:
            _leave(entered, result)
        return result

    return run_task


def _in_loop(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    async def run_task_async(*args: Any, **kwargs: Any) -> Any:
        entered = _enter(_of_loop, args)
        result = None
        try:
            result = await function(*args, **kwargs)
        finally:
            _leave(entered, result)
        return result

    return run_task_async


def _of_thread(args: tuple[Any, ...]) -> tuple[Worker, Any, float]:
    """Worker, key, and what Dask will add to the times."""
    return args[2]["worker"], args[3], args[6]


def _of_loop(args: tuple[Any, ...]) -> tuple[Worker, Any, float]:
    return get_worker(), args[0].key, args[2]


_functions: Final = SharedOverride(
    dasks.functions(), {dasks.RUN_TASK: _in_thread, dasks.RUN_TASK_ASYNC: _in_loop}
)
