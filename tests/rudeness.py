"""Errors of tasks that are hard to tell of."""

from __future__ import annotations

from typing import Any


class UnpicklableError(Exception):
    """Cannot be sent."""

    def __reduce__(self) -> Any:
        raise TypeError("never")


class RudeError(BaseException):
    """What `except Exception` lets through."""


class MuteError(Exception):
    """Cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__
