"""Where the journals of live sessions lie."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import platformdirs


def sessions_folder() -> Path:
    """The folder of this user's journals; it is made when it is not there."""
    folder = Path(platformdirs.user_data_dir("daskscope")) / "sessions"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def new_journal(started_ns: int) -> Path:
    """A path for the journal of a session that starts now, free at this moment."""
    started = datetime.fromtimestamp(started_ns / 1e9).astimezone()
    stem = started.strftime("%Y-%m-%d %H.%M.%S")
    folder = sessions_folder()
    path = folder / f"{stem}.dscope"
    number = 2
    while path.exists():
        path = folder / f"{stem} {number}.dscope"
        number += 1
    return path
