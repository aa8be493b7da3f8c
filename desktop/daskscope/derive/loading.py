"""How far a recording is read, and that not all of it is shown when reading has ended early."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.derive import quantity
from daskscope.derive.isolation import isolated
from daskscope.derive.panels import LoadingFrame
from daskscope.derive.status import file_name, read_share

if TYPE_CHECKING:
    from daskscope.store.schema import SourceStatus
    from daskscope.store.snapshot import Snapshot


def loading_frame(snapshot: Snapshot) -> LoadingFrame | None:
    """The strip over the task stream; None when there is nothing left to read."""
    status = snapshot.status
    if status.is_live or status.progress >= 1.0 or not status.journal_path:
        return None
    name, read = isolated(file_name(status)), _read(status, snapshot.n_spans + snapshot.n_evicted)
    is_over = True
    if status.problem:
        title, detail = f"Not all of {name} can be read", f"{read} were read"
    elif status.is_stopped:
        title, detail = f"Stopped reading {name}", f"{read} were read, the rest is not shown"
    else:
        title, detail, is_over = f"Reading {name}", read, False
    return LoadingFrame(title, detail, read_share(snapshot), is_over)


def _read(status: SourceStatus, n_read: int) -> str:
    """What is read of what; a file that does not say how many spans it has is told in bytes."""
    if status.spans > n_read and not status.part:
        return f"{quantity.count(n_read)} of {quantity.plural(status.spans, 'span')}"
    share, size = quantity.share(status.progress), quantity.nbytes(status.journal_bytes)
    return f"{quantity.plural(n_read, 'span')} in {share} of {size}"
