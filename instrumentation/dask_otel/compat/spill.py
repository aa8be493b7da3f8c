"""Tells of every value that a worker's `SpillBuffer` writes to disk or reads from it.

The buffer's lowest layer, `distributed.spill.Slow`, is a mapping, and Python looks its methods up
on its type: the one object gets a subclass of its own class for as long as it is watched, and its
own class back afterwards. No data is touched, no other object sees it, and a value that stays in
memory costs nothing.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeGuard

from distributed.metrics import context_meter
from distributed.spill import SpillBuffer

from dask_otel.compat import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, MutableMapping

#: Name that Dask gives to the asyncio task of a round of the memory monitor.
MEMORY_MONITOR_TASK: Final = "memory-monitor-spill"

_RECORD: Final = "dask_otel_record"


class Access(NamedTuple):
    """One value written or read, in seconds of this machine's clock.

    Attributes
    ----------
    written
        Whether it was written, which includes pickling it.
    unpickle_s
        How much of the time, at its end, was spent on making the value of the bytes read.
    n_bytes
        As pickled; None when it was not written.
    error
        What was raised.
    """

    written: bool
    key: Any
    start_s: float
    stop_s: float
    unpickle_s: float
    n_bytes: int | None
    error: BaseException | None


def spills(data: MutableMapping[Any, Any]) -> TypeGuard[SpillBuffer]:
    """Whether `data`, a worker's, is Dask's own buffer that spills."""
    return isinstance(data, SpillBuffer)


def watch(data: SpillBuffer, record: Callable[[Access], None]) -> Callable[[], None]:
    """Call `record` for each access from now on, in its thread, until the returned is called.

    Raises
    ------
    AttributeError
        This Dask's buffer is made in another way; nothing has been changed.
    """
    slow: Any = data._slow_uncached
    own, _ = type(slow), slow.weight_by_key
    methods = {"__getitem__": _reading(own), "__setitem__": _writing(own), "__doc__": own.__doc__}
    watched = type(own.__name__, (own,), {**methods, "__module__": own.__module__})
    vars(slow)[_RECORD] = record
    slow.__class__ = watched

    def unwatch() -> None:
        if type(slow) is watched:
            slow.__class__ = own
        vars(slow).pop(_RECORD, None)

    return unwatch


def newest(data: Any) -> Any:
    """Key of the value that came last into the memory of a `SpillBuffer`; None when it is empty.

    While values are being written to make room, that is the one that they make room for.
    """
    return next(reversed(data.fast.d), None)


def attempt_task(key: Any) -> str:
    """Name that Dask gives to the asyncio task which runs an attempt."""
    return f"execute({key!r})"


# Methods of `own` are called by name: the object can be given back its class in another thread at
# any moment, and `super()` would fail then.


def _reading(own: Any) -> Callable[[Any, Any], Any]:
    def __getitem__(self: Any, key: Any) -> Any:  # noqa: N807
        unpickling: list[float] = []

        def callback(label: Hashable, value: float, unit: str) -> None:
            if label == "deserialize" and unit == "seconds":
                unpickling.append(value)

        with _recorded(self, key, False, unpickling), context_meter.add_callback(callback):
            return own.__getitem__(self, key)

    return __getitem__


def _writing(own: Any) -> Callable[[Any, Any, Any], None]:
    def __setitem__(self: Any, key: Any, value: Any) -> None:  # noqa: N807
        with _recorded(self, key, True, []):
            own.__setitem__(self, key, value)

    return __setitem__


@contextmanager
def _recorded(slow: Any, key: Any, written: bool, unpickling: list[float]) -> Iterator[None]:
    record: Callable[[Access], None] | None = vars(slow).get(_RECORD)
    start_s = clock.now_s()
    error: BaseException | None = None
    try:
        yield
    except BaseException as caught:
        error = caught
        raise
    finally:
        if record is not None:
            stop_s = max(start_s, clock.now_s())
            n_bytes = _n_bytes(slow, key)
            record(Access(written, key, start_s, stop_s, sum(unpickling), n_bytes, error))


def _n_bytes(slow: Any, key: Any) -> int | None:
    """Bytes on disk of a value; None when it is not there."""
    try:
        weight = slow.weight_by_key.get(key)
        return None if weight is None else int(weight.disk)
    except Exception:  # noqa: BLE001 - a Dask that keeps them in another way
        return None
