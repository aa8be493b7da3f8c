"""Which versions of Dask are known to work."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Final

from packaging.requirements import Requirement

#: The same as the extra `instruments` of the package says.
SUPPORTED: Final = "distributed>=2025.7"


def is_supported() -> bool:
    """Whether the installed `distributed` is one that is supported; False without any."""
    needed = Requirement(SUPPORTED)
    try:
        return needed.specifier.contains(version(needed.name), prereleases=True)
    except PackageNotFoundError:
        return False
