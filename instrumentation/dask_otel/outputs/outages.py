"""What fails in this process, so that each failure is said once, however many meet it.

A cluster in one process has three links for each of its workers, and an endpoint that is behind
refuses now this one, now that.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeAlias
from weakref import WeakSet

if TYPE_CHECKING:
    from dask_otel.outputs.link import Link

#: Least time between two lines about the same.
APART_S: Final = 60.0

#: What fails: an endpoint, or with the name of a signal what it does not want.
What: TypeAlias = tuple[str, ...]


@dataclass(slots=True)
class _Outage:
    """What fails now, or has failed; `is_said` whether its end is worth a line."""

    links: WeakSet[Link] = field(default_factory=WeakSet)
    said_s: float = float("-inf")
    is_said: bool = False


class _Outages:
    """All of this process."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew in a process that was forked: it has no links."""
        self._lock = Lock()
        self._found: dict[What, _Outage] = {}

    def begin(self, what: What, link: Link) -> bool:
        now_s = monotonic()
        with self._lock:
            outage = self._found.setdefault(what, _Outage())
            is_news = not outage.links and now_s - outage.said_s >= APART_S
            if is_news:
                outage.said_s, outage.is_said = now_s, True
            outage.links.add(link)
        return is_news

    def end(self, what: What, link: Link) -> bool:
        with self._lock:
            outage = self._found.get(what, _Outage())
            outage.links.discard(link)
            is_news = outage.is_said and not outage.links
            if is_news:
                outage.is_said = False
        return is_news


_outages: Final = _Outages()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_outages.forget)


def begin(what: What, link: Link) -> bool:
    """Note that `link` meets `what`; whether that is worth a line."""
    return _outages.begin(what, link)


def end(what: What, link: Link) -> bool:
    """Note that it does no longer; whether that is worth a line: it was the last one."""
    return _outages.end(what, link)
