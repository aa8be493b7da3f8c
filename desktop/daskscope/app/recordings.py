"""Where the journals of live sessions lie, and which can be opened again.

What reads them is loaded when one is read: a window starts its receiver before that, so that both
load what they need at the same time.
"""

from __future__ import annotations

import itertools
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

if TYPE_CHECKING:
    from daskscope.derive.panels import PastSession


def sessions_folder() -> Path:
    """The folder of this user's journals; it is made when it is not there."""
    folder = Path(platformdirs.user_data_dir("daskscope")) / "sessions"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def new_journal(started_ns: int) -> Path:
    """A path for the journal of a session that starts now: an empty file, so that it stays free."""
    started = datetime.fromtimestamp(started_ns / 1e9).astimezone()
    stem = started.strftime("%Y-%m-%d %H.%M.%S")
    folder = sessions_folder()
    for number in itertools.count(1):
        path = folder / (f"{stem}.dscope" if number == 1 else f"{stem} {number}.dscope")
        try:
            path.touch(exist_ok=False)
        except FileExistsError:  # another session of this second
            continue
        return path
    raise AssertionError("numbers do not end")


def drop_if_empty(journal: Path) -> None:
    """Remove the journal of a session that has ended and in which nothing was received."""
    if not journal.exists():
        return
    if not journal.stat().st_size:
        journal.unlink()
        return
    from daskscope.ingest.journal_reader import JournalReader

    reader = JournalReader(journal)
    is_empty = not reader.meta.requests
    reader.close()
    if is_empty:
        journal.unlink()


def past_sessions(now_ns: int) -> tuple[PastSession, ...]:
    """What can be opened again, newest first; sessions in which nothing ran are left out."""
    from daskscope.derive.welcome import Run, past_session
    from daskscope.ingest.catalogue import recordings

    return tuple(
        past_session(
            Run(
                path=str(info.path),
                first_ns=info.meta.first_ns,
                last_ns=info.meta.last_ns,
                n_tasks=info.meta.tasks,
                n_erred=info.meta.erred,
                is_unended=info.is_unended,
            ),
            now_ns,
        )
        for info in recordings(sessions_folder())
        if info.meta.spans
    )
