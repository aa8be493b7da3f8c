"""A recording on disk: one SQLite file that is never behind what was acknowledged.

- `requests`: the bodies as they came, zstd-compressed. With WAL and synchronous=NORMAL a commit
  is in the operating system's hands, so killing the process loses nothing; losing power may lose
  the last commits, but never the file.
- `chunks`: what the requests up to some number say, as frames of `codec`, so that opening loads
  arrays instead of decoding. They are sealed at the border of a request; later requests are
  decoded again.
- `meta`: one JSON object for lists of recordings.

A file that is being written has a `lock` beside it.
"""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson

from daskscope.ingest.lock import Lock
from daskscope.ingest.packing import compressor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daskscope.ingest.envelope import Encoding, Signal
    from daskscope.ingest.packing import Packed

#: "dsco" as big-endian bytes, in SQLite's header.
APPLICATION_ID: Final = 0x6473636F
VERSION: Final = 1
SUFFIX: Final = ".dscope"

_PRAGMAS: Final = """
PRAGMA page_size = 16384;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
"""
_SCHEMA: Final = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 1), object TEXT NOT NULL);
CREATE TABLE requests (
  id INTEGER PRIMARY KEY, received_ns INTEGER NOT NULL, signal TEXT NOT NULL,
  encoding TEXT NOT NULL, body BLOB NOT NULL
);
CREATE TABLE chunks (
  id INTEGER PRIMARY KEY, message TEXT NOT NULL, last_request INTEGER NOT NULL,
  rows INTEGER NOT NULL, frame BLOB NOT NULL
);
"""
_INSERT_REQUEST: Final = "INSERT INTO requests VALUES (?, ?, ?, ?, ?)"
_INSERT_CHUNK: Final = "INSERT INTO chunks (message, last_request, rows, frame) VALUES (?, ?, ?, ?)"
_SET_META: Final = "INSERT OR REPLACE INTO meta VALUES (1, ?)"


class RecordingError(Exception):
    """A recording that cannot be read or written; the text is one line for the user."""


class WriteError(RecordingError):
    """A commit failed and left nothing behind; a later one may succeed."""


@dataclass(frozen=True, slots=True)
class Meta:
    """What a list of recordings shows, without reading them.

    Attributes
    ----------
    title
        Name of the cluster, "" when nothing said it.
    first_ns, last_ns
        When the first and the last request came, 0 for none.
    is_ended
        It was closed in order.
    """

    title: str = ""
    first_ns: int = 0
    last_ns: int = 0
    is_ended: bool = False
    requests: int = 0
    spans: int = 0
    points: int = 0
    events: int = 0
    tasks: int = 0
    erred: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One request as it came."""

    number: int
    received_ns: int
    signal: Signal
    encoding: Encoding
    body: bytes


class Journal:
    """The writer of one recording; used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Make a new recording.

        Raises
        ------
        RecordingError
            The path is taken, by more than an empty file, or cannot be written.
        """
        self.path = path
        self.meta = Meta()
        if path.exists() and path.stat().st_size:
            raise RecordingError(f"{path} is there already")
        try:
            self._lock = Lock(path)
        except sqlite3.Error as error:
            raise RecordingError(f"cannot write {path}: {error}") from error
        self._compressor = compressor()
        with contextlib.ExitStack() as undo:
            undo.callback(self._lock.release)
            try:
                self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
                undo.callback(path.unlink, missing_ok=True)  # its name is free again
                undo.callback(self._db.close)
                self._db.executescript(_PRAGMAS + _SCHEMA)
                self._db.execute(_SET_META, (_meta_text(self.meta),))
            except sqlite3.Error as error:
                raise RecordingError(f"cannot write {path}: {error}") from error
            undo.pop_all()

    @property
    def n_bytes(self) -> int:
        """Size on disk, with what is not yet merged into the file."""
        return n_bytes_of(self.path) + n_bytes_of(wal_path(self.path))

    def commit(
        self,
        entries: Sequence[Entry],
        meta: Meta,
        sealed: Sequence[Packed] = (),
        packed: Sequence[bytes] | None = None,
    ) -> int:
        """Write requests, what they change in the meta data, and sealed messages, all or nothing.

        Parameters
        ----------
        entries
            In the order of their numbers.
        meta
            The new meta data.
        sealed
            Chunks.
        packed
            The bodies of the entries, compressed; None for that to be done here.

        Returns
        -------
        int
            Id of the last chunk.

        Raises
        ------
        WriteError
            Nothing was written.
        """
        if packed is None:
            packed = [self._compressor.compress(entry.body) for entry in entries]
        rows = [
            (entry.number, entry.received_ns, entry.signal.value, entry.encoding.value, blob)
            for entry, blob in zip(entries, packed, strict=True)
        ]
        chunks = [(chunk.message, chunk.last_request, chunk.rows, chunk.blob) for chunk in sealed]
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(_INSERT_REQUEST, rows)
            self._db.executemany(_INSERT_CHUNK, chunks)
            self._db.execute(_SET_META, (_meta_text(meta),))
            (last_chunk,) = self._db.execute("SELECT ifnull(max(id), 0) FROM chunks").fetchone()
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            # The reason first: a window may have no room for all of it.
            raise WriteError(f"{error}: cannot write {self.path}") from error
        self.meta = meta
        return int(last_chunk)

    def close(self) -> None:
        """Mark the recording as ended and leave one plain file behind."""
        with contextlib.suppress(WriteError):
            self.commit((), replace(self.meta, is_ended=True))
        with contextlib.suppress(sqlite3.Error):  # a reader is still there: the WAL stays
            self._db.execute("PRAGMA journal_mode = DELETE")
        self._db.close()
        self._lock.release()


def wal_path(path: Path) -> Path:
    """Where SQLite keeps what is not yet merged into a file."""
    return Path(f"{path}-wal")


def n_bytes_of(path: Path) -> int:
    """Size of a file, 0 of one that is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _meta_text(meta: Meta) -> str:
    return orjson.dumps(asdict(meta)).decode()
