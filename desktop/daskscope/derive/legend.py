"""The legend: every task prefix, those that took most time first.

A legend that moves cannot be read, so time counts in powers of four: a prefix changes its place a
few times in a run, and prefixes of one power stand in order of first appearance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from daskscope.derive.frames import LegendEntry

if TYPE_CHECKING:
    import numpy.typing as npt

    from daskscope.session import Session
    from daskscope.store.snapshot import Snapshot


def legend(snapshot: Snapshot, session: Session) -> tuple[LegendEntry, ...]:
    """Entries of all prefixes."""
    overview = snapshot.overview
    power_of = dict(zip(overview.slots, _powers(overview.busy_ns), strict=True))
    entries = (
        LegendEntry(name, int(snapshot.slot_of[prefix]), name in session.filter.hidden_prefixes)
        for prefix in snapshot.prefixes
        if (name := snapshot.strings[prefix])
    )
    return tuple(sorted(entries, key=lambda entry: -power_of.get(entry.slot, 0)))


def _powers(busy_ns: npt.NDArray[np.float32]) -> list[int]:
    """The power of four of each row's sum."""
    sums = busy_ns.sum(axis=1, dtype=np.float64)
    powers: list[int] = (np.log2(np.maximum(sums, 1.0)) // 2).astype(np.int64).tolist()
    return powers
