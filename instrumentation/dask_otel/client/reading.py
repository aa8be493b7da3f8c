"""The only code that knows the shapes of a client's objects: arguments in, values out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distributed.core import error_message

from dask_otel.events import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Dask takes each of these apart, and everything else as one value.
_COLLECTIONS = (list, tuple, set, frozenset, dict)


def value_count(args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
    """How many futures or values a call of `gather` or `scatter` with these arguments is about."""
    values = args[0] if args else kwargs.get("futures", kwargs.get("data"))
    return len(values) if isinstance(values, _COLLECTIONS) else 1


def failure(error: BaseException) -> Failure:
    """What is known of `error`, cut and pickled as Dask does it; call it in `except`."""
    message = error_message(error)
    pickled = getattr(message["exception"], "data", b"")
    return Failure(
        pickled if isinstance(pickled, bytes) else b"",
        message["exception_text"],
        message["traceback_text"],
    )
