"""The lock beside a recording that is being written: `<name>.lock`.

It is a SQLite file with an open transaction, so it dies with its process, on every system.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path


class Lock:
    """Holds a recording for this process.

    Raises
    ------
    sqlite3.Error
        Where another process holds it, or nothing can be written.
    """

    def __init__(self, recording: Path) -> None:
        self._path = _path(recording)
        self._db = sqlite3.connect(
            self._path, timeout=0, isolation_level=None, check_same_thread=False
        )
        try:
            self._db.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error:
            self._db.close()
            raise

    def release(self) -> None:
        """Let others write it."""
        self._db.close()
        self._path.unlink(missing_ok=True)


def is_in_use(recording: Path) -> bool:
    """Whether a living process is writing the recording."""
    try:
        lock = sqlite3.connect(
            f"{_path(recording).absolute().as_uri()}?mode=rw", uri=True, timeout=0
        )
    except sqlite3.Error:
        return False
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        return error.sqlite_errorcode == sqlite3.SQLITE_BUSY
    finally:
        lock.close()
    return False


def _path(recording: Path) -> Path:
    return Path(f"{recording}.lock")
