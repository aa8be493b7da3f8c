"""The emitters of this process: what they leave unsent is said once, and a child's are silent."""

from __future__ import annotations

import atexit
import logging
import os
from threading import Lock
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

if TYPE_CHECKING:
    from dask_otel.emit.emitter import Emitter

logger = logging.getLogger(__name__)


class _Process:
    """The emitters that have started and not stopped."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: WeakSet[Emitter] = WeakSet()
        self._n_unsent = 0

    def add(self, emitter: Emitter) -> None:
        with self._lock:
            self._running.add(emitter)

    def discard(self, emitter: Emitter, n_unsent: int) -> None:
        with self._lock:
            self._running.discard(emitter)
            self._n_unsent += n_unsent
            is_last = not self._running
        if is_last:
            self.say()

    def say(self) -> None:
        """Say what those that have stopped have left unsent."""
        with self._lock:
            n_unsent, self._n_unsent = self._n_unsent, 0
        if n_unsent:
            logger.warning("Stopped with %d spans unsent", n_unsent)

    def fall_silent(self) -> None:
        """Begin anew in a process that was forked: threads and connections are the parent's."""
        self._lock = Lock()
        for emitter in list(self._running):
            emitter.fall_silent()
        self._running.clear()
        self._n_unsent = 0


_process: Final = _Process()
atexit.register(_process.say)  # where one of them never stops
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_process.fall_silent)


def add(emitter: Emitter) -> None:
    """Note that `emitter` has started."""
    _process.add(emitter)


def discard(emitter: Emitter, n_unsent: int) -> None:
    """Note that `emitter` has stopped with `n_unsent` spans that the user will miss.

    A cluster has an emitter for each worker: the last to stop says what all of them have left.
    """
    _process.discard(emitter, n_unsent)
