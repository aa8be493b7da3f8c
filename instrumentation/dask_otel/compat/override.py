"""Replaces what Dask has no hook for, and puts it back exactly.

Methods of one scheduler or worker are replaced in `vars(server)`, its handlers in its dict of them,
functions of a module in `vars(module)`: all of these are mappings. Classes are left alone.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from dask_otel.compat.versions import GAPS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

_MISSING: Final = object()


class Override:
    """An entry of a mapping that holds `replacement` until `undo` is called.

    Parameters
    ----------
    namespace
        Where the entry is.
    name
        Its key; a method found on the class need not be in `namespace` before.
    replacement
        The new value. It goes on being called after `undo` if somebody has wrapped it meanwhile,
        so it has to work then, too.
    """

    def __init__(self, namespace: MutableMapping[str, Any], name: str, replacement: Any) -> None:
        self._namespace = namespace
        self._name = name
        self._replacement = replacement
        self._before = namespace.get(name, _MISSING)
        namespace[name] = replacement

    def undo(self) -> None:
        """Put back what was there; leave alone what somebody else has put there since."""
        if self._namespace.get(self._name) is not self._replacement:
            return
        if self._before is _MISSING:
            del self._namespace[self._name]
        else:
            self._namespace[self._name] = self._before


class SharedOverride:
    """Functions of a module, replaced as long as anybody wants them to be.

    Several workers share a process, and each may have an event loop of its own: any thread may
    call.

    Parameters
    ----------
    namespace
        `vars` of the module.
    makers
        By the name of a function: what makes its replacement from the function itself. A name that
        the module does not have is left out, and noted.
    """

    def __init__(
        self, namespace: MutableMapping[str, Any], makers: Mapping[str, Callable[[Any], Any]]
    ) -> None:
        self._namespace = namespace
        self._makers = makers
        self._overrides: list[Override] = []
        self._n_users = 0
        self._lock = Lock()

    def acquire(self) -> None:
        """Replace the functions, unless they already are."""
        with self._lock:
            self._n_users += 1
            if self._n_users > 1:
                return
            for name, make in self._makers.items():
                function = self._namespace.get(name)
                if function is None:
                    GAPS.note(name)
                else:
                    self._overrides.append(Override(self._namespace, name, make(function)))

    def release(self) -> None:
        """Put the functions back when nobody else wants them replaced."""
        with self._lock:
            self._n_users -= 1
            if self._n_users == 0:
                for override in self._overrides:
                    override.undo()
                self._overrides.clear()
