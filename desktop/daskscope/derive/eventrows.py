"""Events that have marks, in order of time: kept while others come, late ones among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.derive.eventwords import FREQUENT, SIGNS, SILENT, WARN

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from daskscope.store.snapshot import Events, Snapshot

    Numbers = npt.NDArray[np.intp]
    Times = npt.NDArray[np.int64]

_OWN, _FREQUENT, _WARNING, _SILENT = range(4)


@dataclass(frozen=True, slots=True, eq=False)
class Timed:
    """Some events in order of time; those of one time in order of arrival.

    Attributes
    ----------
    times_ns
        int64.
    rows
        intp: which of the log each is.
    codes
        intp: which of `EventRows.names` each has.
    """

    times_ns: Times
    rows: Numbers
    codes: Numbers

    def within(self, from_ns: int, to_ns: int) -> tuple[int, int]:
        """First of those at `from_ns` or later, and of those at `to_ns` or later."""
        first, end = self.times_ns.searchsorted((from_ns, to_ns)).tolist()
        return first, end

    def with_later(self, times_ns: Times, rows: Numbers, codes: Numbers) -> Timed:
        """These and others, which have come later."""
        order = np.argsort(times_ns, kind="stable")
        at = self.times_ns.searchsorted(times_ns[order], side="right")
        pairs = (self.times_ns, times_ns), (self.rows, rows), (self.codes, codes)
        if at[0] == len(self.rows):  # as nearly all come
            return Timed(*(np.concatenate([old, new[order]]) for old, new in pairs))
        return Timed(*(np.insert(old, at, new[order]) for old, new in pairs))


_NONE: Final = Timed(np.empty(0, np.int64), np.empty(0, np.intp), np.empty(0, np.intp))


class EventRows:
    """Which events of one store have marks.

    The log is appended to, so that only what is new is looked at, until something is evicted.

    Attributes
    ----------
    told
        Those with a sign of their own, but for the frequent ones.
    frequent
        Such as come all the time.
    warned
        Warnings of any other name.
    names, name_ids
        Names that were met, by code, and their string ids.
    """

    def __init__(self) -> None:
        self.told = self.frequent = self.warned = _NONE
        self.names: list[str] = []
        self.name_ids: list[int] = []
        self._code_of: dict[int, int] = {}
        self._events: Events | None = None

    def learn(self, snapshot: Snapshot) -> None:
        """Take in what is new."""
        events, before = snapshot.events, self._events
        if events is before:
            return
        n_known = 0
        if before is not None and before.n_evicted == events.n_evicted:
            n_known = len(before.bodies)
        else:
            self.told = self.frequent = self.warned = _NONE
        self._events = events
        new = slice(n_known, len(events.bodies))
        ids, at = np.unique(events.columns["name"][new], return_inverse=True)
        codes = np.array([self._code(one, snapshot) for one in ids.tolist()], np.intp)
        kinds = np.array([_kind(self.names[code]) for code in codes.tolist()], np.intp)
        times_ns, code, kind = events.columns["time_ns"][new].view(np.int64), codes[at], kinds[at]
        is_warning = events.columns["severity"][new].view(np.uint8) >= WARN

        def plus(known: Timed, are_meant: npt.NDArray[np.bool_]) -> Timed:
            meant = np.flatnonzero(are_meant)
            if not len(meant):
                return known
            return known.with_later(times_ns[meant], n_known + meant, code[meant])

        self.told = plus(self.told, kind == _OWN)
        self.frequent = plus(self.frequent, kind == _FREQUENT)
        self.warned = plus(self.warned, (kind == _WARNING) & is_warning)

    def names_of(self, events: Events, rows: Sequence[int]) -> list[str]:
        """Names of some rows of a log that is known."""
        ids = events.columns["name"][rows].tolist()
        return [self.names[self._code_of[one]] for one in ids]

    def _code(self, name_id: int, snapshot: Snapshot) -> int:
        code = self._code_of.setdefault(name_id, len(self.names))
        if code == len(self.names):
            self.names.append(snapshot.strings[name_id])
            self.name_ids.append(name_id)
        return code


def _kind(name: str) -> int:
    if name in FREQUENT:
        return _FREQUENT
    if name in SIGNS:
        return _OWN
    return _SILENT if name in SILENT else _WARNING
