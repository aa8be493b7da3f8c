"""A recording on disk, as it is read: also while it is being written."""

from __future__ import annotations

import contextlib
import sqlite3
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import orjson
import zstandard

from daskscope.ingest.envelope import Encoding, Signal
from daskscope.ingest.journal import (
    APPLICATION_ID,
    VERSION,
    Entry,
    Meta,
    RecordingError,
    n_bytes_of,
    wal_path,
)
from daskscope.store.schema import SourceStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T = TypeVar("T")

#: Of a SQLite file: bytes of a page, and number of pages.
_HEADER: Final = struct.Struct(">16xH10xI")
#: Chunks are read until they are so long together: the words of thousands of workers are short.
_READ_BYTES: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Chunk:
    """A sealed message; nothing in it is of a request after `last_request`."""

    id: int
    last_request: int
    rows: int
    frame: bytes


class JournalReader:
    """Reads a recording, also while it is being written.

    Attributes
    ----------
    path
        The file.
    meta
        What it says of itself.
    missing_bytes
        How much of its end is missing; what lay there counts as not being there.
    """

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
        self._db, self.missing_bytes = _opened(path)
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
            if self.missing_bytes:
                what = "is cut short, and nothing in it can be read"
                raise RecordingError(f"{path} {what}") from error
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

    def chunk(self, number: int) -> Chunk | None:
        """One chunk, None where it is not there."""
        found = self._there(lambda: self._some_chunks(number - 1, number))
        return found[0] if found else None

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

    def entry(self, number: int, signal: Signal | None = Signal.TRACES) -> Entry | None:
        """One request if it is there and of a signal, or of any; see `inquiry.Archive`."""
        return self._there(lambda: self._entry(number, signal))

    def _entry(self, number: int, signal: Signal | None) -> Entry | None:
        found = self._db.execute(
            "SELECT received_ns, signal, encoding, body FROM requests"
            " WHERE id = ? AND (? IS NULL OR signal = ?)",
            (number, signal and signal.value, signal and signal.value),
        ).fetchone()
        if found is None:
            return None
        received_ns, name, encoding, blob = found
        body = self._decompressor.decompress(blob)
        return Entry(number, received_ns, Signal(name), Encoding(encoding), body)

    def _there(self, read: Callable[[], T]) -> T | None:
        """What can be read; None of a file that is cut short where it cannot."""
        try:
            with self._reading():
                return read()
        except RecordingError:
            if not self.missing_bytes:
                raise
            return None

    def status(self) -> SourceStatus:
        """What the file says of itself, before anything of it is read."""
        meta = self.meta
        return SourceStatus(
            is_live=False,
            requests=meta.requests,
            spans=meta.spans,
            points=meta.points,
            events=meta.events,
            last_request_ns=meta.last_ns,
            journal_bytes=n_bytes_of(self.path),
            journal_path=str(self.path),
        )

    def last_entry(self) -> int:
        """Number of the newest request, 0 while there is none."""
        if self.missing_bytes:
            return self.meta.requests
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


def _opened(path: Path) -> tuple[sqlite3.Connection, int]:
    """Open for reading, and tell how many bytes are missing.

    It is opened writable where possible, as only then a killed writer's WAL is merged.
    """
    for mode in ("mode=rw", "mode=ro", "immutable=1"):
        if mode == "immutable=1" and n_bytes_of(wal_path(path)):
            raise RecordingError(
                f"{path} was not closed in order and cannot be opened where nothing can be"
                f" written: copy it and {wal_path(path).name} to another folder"
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
                missing_bytes = _checked(db, path)
            except sqlite3.OperationalError:
                continue
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                is_damaged = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_CORRUPT
                what = "is damaged" if is_damaged else "is not a recording of daskscope"
                raise RecordingError(f"{path} {what}") from error
            stack.pop_all()
            return db, missing_bytes
    raise RecordingError(f"cannot read {path}")


def _checked(db: sqlite3.Connection, path: Path) -> int:
    """See that it is a database, and return how many bytes of it are missing.

    SQLite takes a file that is shorter than it says for damaged, unless its schema may be written.
    """
    try:
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError:
        missing_bytes = _missing_bytes(path)
        if not missing_bytes:
            raise
        db.execute("PRAGMA query_only = ON")
        db.execute("PRAGMA writable_schema = ON")
        return missing_bytes
    return 0


def _missing_bytes(path: Path) -> int:
    """How much shorter a file is than SQLite's header in it says."""
    with path.open("rb") as file:
        header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return 0
    page_bytes, n_pages = _HEADER.unpack(header)
    return max(int(page_bytes * n_pages) - n_bytes_of(path), 0)
