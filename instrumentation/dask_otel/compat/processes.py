"""What of Dask lives in this process."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    from distributed.core import Server

_KINDS: Final = ("Scheduler", "Worker", "Nanny", "Client")


def servers() -> list[Server]:
    """Those of `_KINDS` that run in this process; Dask is not imported for it."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return []
    found: list[Any] = []
    for kind in _KINDS:
        found += _members(getattr(distributed, kind)._instances)
    return [server for server in found if _is_running(server)]


def event_loop(server: Server) -> asyncio.AbstractEventLoop:
    """The event loop on which everything of `server` happens."""
    loop: asyncio.AbstractEventLoop = server.loop.asyncio_loop  # type: ignore[attr-defined]
    return loop


def _members(instances: Iterable[Any]) -> list[Any]:
    """Members of a set that another thread may be adding to."""
    while True:
        try:
            return list(instances)
        except RuntimeError:  # it has changed meanwhile
            continue


def _is_running(server: Any) -> bool:
    """Whether `server` has started; a client says its status by name.

    One that was left behind when `asyncio.run` ended says for ever that it runs.
    """
    status = getattr(server.status, "name", server.status)
    return status in ("running", "paused") and not event_loop(server).is_closed()
