"""Which recordings lie in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daskscope.ingest.journal import SUFFIX, Meta, RecordingError
from daskscope.ingest.journal_reader import JournalReader
from daskscope.ingest.lock import is_in_use

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class RecordingInfo:
    """One past session.

    Attributes
    ----------
    is_unended
        It was not closed in order, and nobody is writing it any more.
    """

    path: Path
    meta: Meta
    n_bytes: int
    is_unended: bool


def recordings(folder: Path) -> list[RecordingInfo]:
    """Past sessions in a folder, newest first; what is being written or unreadable is left out."""
    return sorted(_infos(folder.glob(f"*{SUFFIX}")), key=lambda i: i.meta.last_ns, reverse=True)


def _infos(paths: Iterable[Path]) -> Iterator[RecordingInfo]:
    for path in paths:
        if is_in_use(path):
            continue
        try:
            reader = JournalReader(path)
        except RecordingError:
            continue
        reader.close()
        yield RecordingInfo(path, reader.meta, path.stat().st_size, not reader.meta.is_ended)
