"""Which versions of Dask are known to work, and what an unknown one lacks."""

from __future__ import annotations

import logging
from importlib.metadata import PackageNotFoundError, version
from threading import Lock
from typing import Final

from packaging.requirements import Requirement

#: The same as the extra `instruments` of the package says.
SUPPORTED: Final = "distributed>=2025.7"

logger = logging.getLogger(__name__)


def is_supported() -> bool:
    """Whether the installed `distributed` is one that is supported; False without any."""
    needed = Requirement(SUPPORTED)
    try:
        return needed.specifier.contains(version(needed.name), prereleases=True)
    except PackageNotFoundError:
        return False


class Gaps:
    """What the installed Dask lacks of what is watched: the first costs a warning, others a note.

    Attributes
    ----------
    names
        What is missing so far.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._lock = Lock()

    def note(self, name: str) -> None:
        """Say that Dask has no `name` as expected, unless that was said."""
        with self._lock:
            if name in self.names:
                return
            level = logging.DEBUG if self.names else logging.WARNING
            self.names.add(name)
        logger.log(level, "This version of Dask has no %s as expected: not all is watched", name)


#: Of this process.
GAPS: Final = Gaps()
