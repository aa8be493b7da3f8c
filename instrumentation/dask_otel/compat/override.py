"""Replaces what Dask has no hook for, and puts it back exactly.

Methods of one scheduler or worker are replaced in `vars(server)`, its handlers in its dict of them,
functions of a module in `vars(module)`: all of these are mappings. Classes are left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import MutableMapping

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
