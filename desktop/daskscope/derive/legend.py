"""The legend: every task prefix in order of first appearance, so that none changes its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.derive.frames import LegendEntry

if TYPE_CHECKING:
    from daskscope.session import Session
    from daskscope.store.snapshot import Snapshot


def legend(snapshot: Snapshot, session: Session) -> tuple[LegendEntry, ...]:
    """Entries of all prefixes."""
    names = [(snapshot.strings[prefix], prefix) for prefix in snapshot.prefixes]
    return tuple(
        LegendEntry(name, int(snapshot.slot_of[prefix]), name in session.hidden_prefixes)
        for name, prefix in names
    )
