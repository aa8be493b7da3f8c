"""What the parts of a worker's adapter have in common."""

from __future__ import annotations

from threading import get_ident
from typing import TYPE_CHECKING, Final, Protocol

from distributed.core import Status

if TYPE_CHECKING:
    from distributed import Worker
    from distributed.worker_state_machine import TaskState

#: States of a worker that closes, in which Dask removes its plugins by itself.
ENDING: Final = frozenset({Status.closing, Status.closed, Status.failed})


class Probe(Protocol):
    """Watches one thing on a worker between `begin` and `end`, both called on its event loop.

    What it replaces of Dask's it puts back exactly in `end`, which is called once whether `begin`
    has succeeded or not.
    """

    def begin(self) -> None:
        """Start to watch."""

    def end(self) -> None:
        """Hand over what still waits, and put back all that was replaced."""


def attempt_in_thread(worker: Worker) -> TaskState | None:
    """The attempt that runs in this thread; None in the event loop's and in foreign ones."""
    key = worker.active_threads.get(get_ident())
    return worker.state.tasks.get(key) if key is not None else None
