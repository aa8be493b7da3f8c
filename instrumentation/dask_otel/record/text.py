"""Text of what Dask hands on as objects: exceptions, names of groups and types."""

from __future__ import annotations

import logging
import pickle
from typing import TYPE_CHECKING, NamedTuple

from dask.utils import typename
from distributed.utils import key_split_group

from dask_otel import conventions as names
from dask_otel.events import named_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dask_otel.events import Failure

logger = logging.getLogger(__name__)

#: Longest exception message and traceback, in characters; the middle of a longer one is cut out.
MAX_MESSAGE = 4_096
MAX_STACKTRACE = 16_384


class Description(NamedTuple):
    """An exception in OpenTelemetry's three attributes; those that are not to be sent are empty."""

    type: str
    message: str
    stacktrace: str

    def details(self) -> Iterator[tuple[str, str]]:
        """Name and text of what is sent besides the type."""
        if self.message:
            yield names.EXCEPTION_MESSAGE, self.message
        if self.stacktrace:
            yield names.EXCEPTION_STACKTRACE, self.stacktrace


def error_type(kind: type) -> str:
    """Name of a type of exceptions, with its module unless it is built in."""
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"{module}{kind.__qualname__}"


def describe(failure: Failure, tracebacks: bool = True) -> Description:
    """Type, message and stack trace of a failure, as OpenTelemetry writes them.

    Without `tracebacks` the type alone: messages quote data as well. Dask pickles
    `Exception(repr(e))` in place of an exception that cannot be pickled; its real type then stands
    in front of the `repr`.
    """
    name, message = named_type(failure.text), failure.text
    try:
        # Dask's own bytes, pickled in this process a moment ago.
        error = pickle.loads(failure.pickled) if failure.pickled else None  # noqa: S301
        if error is not None and str(error) != failure.text:
            name, message = error_type(type(error)), str(error)
    except BaseException:
        logger.debug("An exception cannot be described: its repr is sent", exc_info=True)
    if not tracebacks:
        return Description(name, "", "")
    last_line = f"{name}: {message}" if message else name
    stacktrace = f"Traceback (most recent call last):\n{failure.traceback}{last_line}\n"
    return Description(name, _cut(message, MAX_MESSAGE), _cut(stacktrace, MAX_STACKTRACE))


def _cut(text: str, n_max: int) -> str:
    """`text`, without its middle and with a word about that when it is longer than `n_max`."""
    if len(text) <= n_max:
        return text
    half = n_max // 2
    return f"{text[:half]}\n... {len(text) - 2 * half} characters cut ...\n{text[-half:]}"


def group(key: object, prefix: str) -> str:
    """Name of the task group of `key`, as the scheduler computes it.

    For most text that is the prefix; for what looks like a tuple, or like the `repr` of an object,
    it is more than that.
    """
    if key.__class__ is tuple:  # most are; as below, but that takes longer
        return str(key[0])
    if isinstance(key, str) and not key.startswith(("(", "<")):
        return prefix
    return str(key_split_group(key))


def type_name(kind: type) -> str:
    """Name of the type of a result, as Dask writes it."""
    return str(typename(kind))
