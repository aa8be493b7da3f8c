"""Sends what Dask's own Python loggers say, from WARNING up.

- One handler per process, however many servers it has: the newest that lives sends.
- It takes a copy of the text and returns: it never blocks, never raises, and nothing below it logs
  to Dask's loggers.
- A flood is told once and then only counted.
"""

from __future__ import annotations

import logging
import os
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from dask_otel import conventions as names
from dask_otel import events
from dask_otel.compat import logs
from dask_otel.record import text

if TYPE_CHECKING:
    from dask_otel.emit import Emitter

#: Characters of a message, and of an exception's.
MAX_TEXT: Final = 4_096
#: Records that are sent in any second.
MAX_PER_S: Final = 100


def begin(server: object, emitter: Emitter, exceptions: bool) -> None:
    """Send Dask's records with `emitter` from now on, in place of who has begun before.

    Parameters
    ----------
    server
        Whose clock differs from the scheduler's by its `scheduler_delay`, if it has one.
    emitter
        Takes them.
    exceptions
        Whether messages and tracebacks of exceptions are sent; their types always are.
    """
    _handler.add(_Sender(server, emitter, exceptions))


def end(emitter: Emitter) -> None:
    """Leave it to who has begun before; after the last, Dask's loggers are as they were."""
    _handler.remove(emitter)


class _Sender(NamedTuple):
    server: object
    emitter: Emitter
    exceptions: bool


class _Handler(logging.Handler):
    """On all of Dask's loggers as long as anybody sends."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._senders: list[_Sender] = []
        self._loggers: list[logging.Logger] = []
        self._change = Lock()
        self._busy = False
        self._second = 0
        self._n_in_second = 0
        self._n_left_out = 0

    def add(self, sender: _Sender) -> None:
        with self._change:
            self._senders.append(sender)
            if not self._loggers:
                self._loggers = logs.loggers()
                for logger in self._loggers:
                    logger.addHandler(self)

    def remove(self, emitter: Emitter | None) -> None:
        with self._change:
            self._senders = [
                sender for sender in self._senders if emitter and sender.emitter is not emitter
            ]
            if not self._senders:
                for logger in self._loggers:
                    logger.removeHandler(self)
                self._loggers = []

    def forget(self) -> None:
        """Begin anew in a process that was forked: nobody sends there."""
        self._change = Lock()
        self._busy = False  # whoever was, is in another process
        self.remove(None)

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a record over; `logging` calls it under the handler's own lock."""
        if self._busy:  # what is said meanwhile is said by ourselves
            return
        self._busy = True
        try:
            self._hand_over(record)
        except Exception:  # noqa: BLE001, S110 - to log this would come back here
            pass
        finally:
            self._busy = False

    def _hand_over(self, record: logging.LogRecord) -> None:
        sender = self._senders[-1]
        if int(record.created) != self._second:
            self._second, self._n_in_second = int(record.created), 0
        self._n_in_second += 1
        if self._n_in_second > MAX_PER_S:
            self._n_left_out += 1
        else:
            sender.emitter.log(self._event(record, sender))

    def _event(self, record: logging.LogRecord, sender: _Sender) -> events.Event:
        attributes: dict[str, Any] = {names.LOGGER_NAME: record.name}
        if self._n_in_second == MAX_PER_S:
            attributes[names.LOG_FLOOD] = True
        if self._n_left_out:
            attributes[names.EVENT_OMITTED] = self._n_left_out
            self._n_left_out = 0
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            attributes[names.EXCEPTION_TYPE] = text.error_type(type(error))
            if sender.exceptions:
                attributes[names.EXCEPTION_MESSAGE] = str(error)[:MAX_TEXT]
        delay_s: float = getattr(sender.server, "scheduler_delay", 0.0)
        return events.Event(
            record.created + delay_s,
            names.EVENT_LOG,
            logs.message(record, sender.exceptions)[:MAX_TEXT],
            attributes,
            record.levelno,
        )


_handler: Final = _Handler()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_handler.forget)
