"""What Dask's config says of how `dask_otel` starts: which list names it, and what hides that list.

Dask starts what `distributed.<role>.preload` lists. It reads that from files, the last of which
wins, and then from the environment; lists are not merged. Importing this loads no `distributed`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import dask.config

if TYPE_CHECKING:
    from collections.abc import Iterable

MODULE: Final = "dask_otel"
ROLES: Final = ("scheduler", "worker", "client")


@dataclass(frozen=True, slots=True)
class Source:
    """A list of preloads somewhere; `name` is a path, or the name of a variable."""

    name: str
    preloads: tuple[str, ...]

    @property
    def starts(self) -> bool:
        """Whether it names `dask_otel`."""
        return MODULE in self.preloads


@dataclass(frozen=True, slots=True)
class Way:
    """How one role would start it.

    Attributes
    ----------
    role
        `scheduler`, `worker` or `client`.
    sources
        Every list of preloads for that role; the last one counts.
    """

    role: str
    sources: tuple[Source, ...]

    @property
    def starts(self) -> bool:
        """Whether the list that counts names `dask_otel`."""
        return bool(self.sources) and self.sources[-1].starts

    @property
    def hidden(self) -> Source | None:
        """The list that would start it, were it not for the one that counts."""
        if self.starts:
            return None
        return next((source for source in reversed(self.sources) if source.starts), None)

    @property
    def lost(self) -> tuple[tuple[Source, tuple[str, ...]], ...]:
        """Lists that are hidden by one with `dask_otel`, and what of them it does not have."""
        if not self.starts:
            return ()
        kept = self.sources[-1].preloads
        found = (
            (source, tuple(name for name in source.preloads if name not in kept))
            for source in self.sources[:-1]
        )
        return tuple((source, names) for source, names in found if names)


def preload(role: str) -> str:
    """Key of the list of `role` in Dask's config."""
    return f"distributed.{role}.preload"


def arguments(role: str) -> str:
    """Key of the arguments of `role`'s preloads."""
    return f"distributed.{role}.preload-argv"


def names(value: Any) -> tuple[str, ...]:
    """What a setting `preload` lists: Dask takes one name, too.

    Raises
    ------
    ValueError
        What Dask cannot take, either.
    """
    if not value:
        return ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list | tuple):
        raise ValueError(f"a list of preloads is {value!r}: must be names of modules")
    return tuple(map(str, value))


def with_us(value: Any) -> list[str]:
    """A list of preloads, with `dask_otel` added if it is not there."""
    listed = names(value)
    return [*listed] if MODULE in listed else [*listed, MODULE]


def arguments_with_us(value: Any, preloads: Any) -> list[Any] | None:
    """A setting `preload-argv` that fits `with_us(preloads)`; None where it may stay as it is.

    Dask takes one list of arguments for all preloads, or as many lists as there are preloads.

    Raises
    ------
    ValueError
        What Dask cannot take, either.
    """
    if not value or isinstance(value, str) or MODULE in names(preloads):
        return None
    if not isinstance(value, list | tuple):
        raise ValueError(f"arguments of preloads are {value!r}: must be lists")
    if isinstance(value[0], str):
        return None
    return [*value, []]


def starts(found: Iterable[Way]) -> bool:
    """Whether schedulers and workers would be instrumented; a client's part is optional."""
    return all(way.starts for way in found if way.role != "client")


def ways() -> tuple[Way, ...]:
    """How each role would start it in a process that begins now.

    Raises
    ------
    ValueError
        A config file that is none, or a list in one that is none.
    """
    files = [
        (str(path), config)
        for path, config in dask.config.collect_yaml(dask.config.paths, return_paths=True)
    ]
    environment = dask.config.collect_env()
    found = []
    for role in ROLES:
        key = preload(role)
        sources = [
            Source(name, names(value))
            for name, config in files
            if (value := _value(key, config)) is not None
        ]
        value = _value(key, environment)
        if value is not None:
            sources.append(Source(_variable(key), names(value)))
        found.append(Way(role, tuple(sources)))
    return tuple(found)


def _value(key: str, config: dict[str, Any]) -> Any:
    return dask.config.get(key, None, config=config)


def _variable(key: str) -> str:
    """The variable that sets `key`, or the one by which another process hands on its config."""
    name = f"DASK_{key.upper().replace('.', '__').replace('-', '_')}"
    return name if name in os.environ else "DASK_INTERNAL_INHERIT_CONFIG"
