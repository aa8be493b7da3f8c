"""Tells what takes long to be unpickled on its way to a worker.

- A task comes from the scheduler in a message with others, and is unpickled while the message is
  read, before the worker knows of it: on the event loop, or in Dask's thread for large messages.
  Dask measures nothing of it, although it is where a worker imports what the task needs.
- Values come from peers and are unpickled while the reply is read: Dask sums up the time of each.

Nothing here costs more than two looks at the clock per object.
"""

from __future__ import annotations

import logging
import sys
from functools import wraps
from threading import get_ident
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from distributed.metrics import context_meter
from distributed.protocol import pickle
from distributed.utils import nbytes

from dask_otel.compat import clock
from dask_otel.compat.override import SharedOverride

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

#: What took less is not told.
LEAST_S: Final = 1e-3

#: Unpickles `x` with its `buffers`.
LOADS: Final = "loads"
#: The key of the callback by which Dask measures what an instruction to a worker does.
_INSTRUCTION: Final = "async-instruction"
_DESERIALIZE: Final = ("deserialize", "seconds")


class Unpickled(NamedTuple):
    """A task that took long, in seconds of this machine's clock.

    Attributes
    ----------
    task
        What the worker will run, `run_spec` of the task's state.
    thread
        Ident of the thread that unpickled it.
    """

    task: Any
    start_s: float
    stop_s: float
    n_bytes: int
    thread: int


_listeners: list[Callable[[Unpickled], None]] = []


def listen(listener: Callable[[Unpickled], None]) -> None:
    """Call `listener`, which may not raise, for each task of this process, in whatever thread."""
    _listeners.append(listener)
    _functions.acquire()


def unlisten(listener: Callable[[Unpickled], None]) -> None:
    """Undo one `listen`."""
    _listeners.remove(listener)
    _functions.release()


def received_s() -> float:
    """Time that the instruction at hand, a `gather_dep`, has taken to unpickle values so far."""
    measuring: Any = context_meter._callbacks.get().get(_INSTRUCTION)
    measured = getattr(getattr(measuring, "__self__", None), "metrics", ())
    return float(sum(value for label, value, unit in measured if (label, unit) == _DESERIALIZE))


def _timed(loads: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(loads)
    def timed(x: Any, **kwargs: Any) -> Any:
        begun_s = perf_counter()
        found = loads(x, **kwargs)
        spent_s = perf_counter() - begun_s
        if spent_s > LEAST_S:
            _tell(found, spent_s, (x, *(kwargs.get("buffers") or ())))
        return found

    return timed


def _tell(found: Any, spent_s: float, frames: tuple[Any, ...]) -> None:
    try:
        if _is_task(found):
            stop_s, n_bytes = clock.now_s(), sum(map(nbytes, frames))
            for listener in tuple(_listeners):
                listener(Unpickled(found, stop_s - spent_s, stop_s, n_bytes, get_ident()))
    except Exception:
        logger.debug("Could not tell what took long to unpickle", exc_info=True)


def _is_task(found: Any) -> bool:
    """Whether it is what Dask sends to a worker to be run."""
    return isinstance(found, getattr(sys.modules.get("dask._task_spec"), "GraphNode", ()))


_functions: Final = SharedOverride(vars(pickle), {LOADS: _timed})
