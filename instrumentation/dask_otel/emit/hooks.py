"""What keeps Dask from all that goes wrong in its hooks."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from dask_otel.emit.emitter import Emitter

Hook = TypeVar("Hook", bound="Callable[..., None]")


class Adapter(Protocol):
    """What `guarded` needs to know of the object whose hooks it guards."""

    emitter: Emitter


def guarded(what: str) -> Callable[[Hook], Hook]:
    """Keep what goes wrong in a hook from Dask; `what` says in the log what the hook does."""

    def decorate(hook: Hook) -> Hook:
        @wraps(hook)
        def call(self: Adapter, *args: object, **kwargs: object) -> None:
            try:
                hook(self, *args, **kwargs)
            except Exception as error:  # noqa: BLE001 - nothing here can fail a task
                self.emitter.failed(what, error)

        return cast("Hook", call)

    return decorate
