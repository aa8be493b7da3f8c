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
import zstandard

from daskscope.ingest.envelope import Encoding, Signal
from daskscope.ingest.lock import Lock
from daskscope.ingest.packing import compressor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
#: Chunks are read until they are so long together: the words of thousands of workers are short.
_READ_BYTES: Final = 1 << 18
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


@dataclass(frozen=True, slots=True)
class Chunk:
    """A sealed message; nothing in it is of a request after `last_request`."""

    id: int
    last_request: int
    rows: int
    frame: bytes


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
        return _n_bytes(self.path) + _n_bytes(_wal_path(self.path))

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
            raise WriteError(f"cannot write {self.path}: {error}") from error
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


class JournalReader:
    """Reads a recording, also while it is being written."""

    def __init__(self, path: Path) -> None:
        """Open a recording.

        Raises
        ------
        RecordingError
            It is not a recording of this version, or not readable.
        """
        self.path = path
        self._decompressor = zstandard.ZstdDecompressor()
        if not path.is_file():
            raise RecordingError(f"{path} is not a file" if path.exists() else f"no file {path}")
        self._db = _opened(path)
        try:
            (application,) = self._db.execute("PRAGMA application_id").fetchone()
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if application != APPLICATION_ID:
                raise RecordingError(f"{path} is not a recording of daskscope")
            if version > VERSION:
                raise RecordingError(f"{path} was written by a newer daskscope (format {version})")
            with self._reading():
                (text,) = self._db.execute("SELECT object FROM meta").fetchone() or ("{}",)
                self.meta = Meta(**orjson.loads(text))
        except (sqlite3.Error, UnicodeDecodeError, RecordingError) as error:
            self._db.close()
            if isinstance(error, RecordingError):
                raise
            raise RecordingError(f"{path} is not a recording of daskscope") from error

    def chunks(self, after: int = 0, until: int | None = None) -> Iterator[list[Chunk]]:
        """Sealed chunks with ids above `after` up to `until`, in order, small ones many at a time.

        No reading transaction is left open meanwhile, as it would keep the WAL growing.
        """
        while True:
            with self._reading():
                found = self._some_chunks(after, 2**62 if until is None else until)
            if not found:
                return
            yield found
            after = found[-1].id

    def _some_chunks(self, after: int, until: int) -> list[Chunk]:
        found: list[Chunk] = []
        n_bytes = 0
        statement = (
            "SELECT id, last_request, rows, frame FROM chunks WHERE id > ? AND id <= ? ORDER BY id"
        )
        with contextlib.closing(self._db.execute(statement, (after, until))) as rows:
            for number, last_request, n_rows, blob in rows:
                frame = self._decompressor.decompress(blob)
                found.append(Chunk(number, last_request, n_rows, frame))
                n_bytes += len(frame)
                if n_bytes >= _READ_BYTES:
                    break
        return found

    def last_chunk(self, message: str) -> Chunk | None:
        """The newest chunk of one type of messages."""
        with self._reading():
            found = self._db.execute(
                "SELECT id, last_request, rows, frame FROM chunks"
                " WHERE message = ? ORDER BY id DESC LIMIT 1",
                (message,),
            ).fetchall()
            if not found:
                return None
            number, last_request, rows, blob = found[0]
            frame = self._decompressor.decompress(blob)
        return Chunk(number, last_request, rows, frame)

    def n_rows(self) -> int:
        """Rows in all chunks."""
        with self._reading():
            (n_rows,) = self._db.execute("SELECT ifnull(sum(rows), 0) FROM chunks").fetchone()
            return int(n_rows)

    def last_sealed(self) -> int:
        """Number of the last request that the chunks cover."""
        with self._reading():
            statement = "SELECT ifnull(max(last_request), 0) FROM chunks"
            (number,) = self._db.execute(statement).fetchone()
            return int(number)

    def entries(self, after: int = 0, signal: Signal | None = None) -> Iterator[Entry]:
        """Requests with numbers above `after`, in order, of one signal or of all."""
        with self._reading():
            cursor = self._db.execute(
                "SELECT id, received_ns, signal, encoding, body FROM requests"
                " WHERE id > ? AND (? IS NULL OR signal = ?) ORDER BY id",
                (after, signal and signal.value, signal and signal.value),
            )
            for number, received_ns, name, encoding, blob in cursor:
                body = self._decompressor.decompress(blob)
                yield Entry(number, received_ns, Signal(name), Encoding(encoding), body)

    def entry(self, number: int) -> Entry | None:
        """One request if it carries spans, else None; see `inquiry.Archive`."""
        with self._reading():
            found = self._db.execute(
                "SELECT received_ns, encoding, body FROM requests WHERE id = ? AND signal = ?",
                (number, Signal.TRACES.value),
            ).fetchone()
            if found is None:
                return None
            received_ns, encoding, blob = found
            body = self._decompressor.decompress(blob)
        return Entry(number, received_ns, Signal.TRACES, Encoding(encoding), body)

    def last_entry(self) -> int:
        """Number of the newest request, 0 while there is none."""
        with self._reading():
            (number,) = self._db.execute("SELECT ifnull(max(id), 0) FROM requests").fetchone()
            return int(number)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, zstandard.ZstdError, ValueError, TypeError) as error:
            raise RecordingError(f"{self.path} is damaged: {error}") from error


def _opened(path: Path) -> sqlite3.Connection:
    """Open for reading; writable where possible, as only then a killed writer's WAL is merged."""
    for mode in ("mode=rw", "mode=ro", "immutable=1"):
        if mode == "immutable=1" and _n_bytes(_wal_path(path)):
            raise RecordingError(
                f"{path} was not closed in order and cannot be opened where nothing can be"
                f" written: copy it and {_wal_path(path).name} to another folder"
            )
        with contextlib.ExitStack() as stack:
            try:
                db = sqlite3.connect(
                    f"{path.absolute().as_uri()}?{mode}",
                    uri=True,
                    isolation_level=None,
                    check_same_thread=False,
                )
                stack.callback(db.close)
                db.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except sqlite3.OperationalError:
                continue
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                is_cut = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_CORRUPT
                what = "is damaged, or cut short" if is_cut else "is not a recording of daskscope"
                raise RecordingError(f"{path} {what}") from error
            stack.pop_all()
            return db
    raise RecordingError(f"cannot read {path}")


def _wal_path(path: Path) -> Path:
    return Path(f"{path}-wal")


def _n_bytes(path: Path) -> int:
    """Size of a file, 0 of one that is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _meta_text(meta: Meta) -> str:
    return orjson.dumps(asdict(meta)).decode()
