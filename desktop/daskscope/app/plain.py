"""Frozen dataclasses as plain values that JSON holds, and back, each checked against its type."""

from __future__ import annotations

import types
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from daskscope.store.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")

#: Types that a module names for the type checker only.
_NAMES: Mapping[str, type] = {"Kind": Kind}


class PlainError(ValueError):
    """A value is not of the type that is wanted."""


def to_plain(value: object) -> object:
    """`value` as what JSON holds: sets are sorted, enumerations are their values."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, frozenset):
        return sorted((to_plain(item) for item in value), key=repr)
    if isinstance(value, tuple):
        return [to_plain(item) for item in value]
    return value


def from_plain(kind: type[T], plain: object) -> T:
    """The value of type `kind` that `plain` stands for.

    Fields of a dataclass that are missing or not of their type keep their defaults, so that what
    another version wrote is used as far as it goes.

    Raises
    ------
    PlainError
        It stands for none.
    """
    result: T = _read(kind, plain)
    return result


@cache
def hints(kind: type) -> dict[str, Any]:
    """The types of a dataclass's fields."""
    return get_type_hints(kind, localns=dict(_NAMES))


def _read(kind: Any, plain: object) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _read_first(get_args(kind), plain)
    if origin is frozenset:
        return frozenset(_read(get_args(kind)[0], item) for item in _listed(plain))
    if origin is tuple:
        return _read_tuple(get_args(kind), _listed(plain))
    if is_dataclass(kind):
        return _read_dataclass(kind, plain)
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(plain)
        except ValueError as error:
            raise PlainError(str(error)) from error
    if type(plain) is kind or (kind is float and type(plain) is int):
        return plain
    raise PlainError(f"{plain!r:.60} is no {kind}")


def _read_first(kinds: tuple[Any, ...], plain: object) -> Any:
    for kind in kinds:
        try:
            return _read(kind, plain)
        except PlainError:
            continue
    raise PlainError(f"{plain!r:.60} is none of {kinds}")


def _read_tuple(kinds: tuple[Any, ...], items: list[object]) -> tuple[Any, ...]:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_read(kinds[0], item) for item in items)
    if len(kinds) != len(items):
        raise PlainError(f"{len(items)} items in place of {len(kinds)}")
    return tuple(_read(kind, item) for kind, item in zip(kinds, items, strict=True))


def _read_dataclass(kind: Any, plain: object) -> Any:
    if not isinstance(plain, dict):
        raise PlainError(f"{plain!r:.60} is no {kind}")
    known = hints(kind)
    values = {}
    for name in known.keys() & plain.keys():
        try:
            values[name] = _read(known[name], plain[name])
        except PlainError:
            continue
    try:
        return kind(**values)
    except TypeError as error:  # a field without a default is missing
        raise PlainError(str(error)) from error


def _listed(plain: object) -> list[object]:
    if not isinstance(plain, list):
        raise PlainError(f"{plain!r:.60} is no list")
    return plain
