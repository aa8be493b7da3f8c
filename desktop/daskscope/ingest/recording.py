"""Recordings on disk, of the desktop or of a Collector, as messages for the store.

A file is recognised by its content: a SQLite file of daskscope, or OTLP JSON lines as the
Collector's file exporter writes them (any of the three signals).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

import numpy as np
import orjson

from daskscope.ingest import codec
from daskscope.ingest.decoder import Counts, Decoder, Numbered
from daskscope.ingest.decoding import decoded, split
from daskscope.ingest.definitions import Mark
from daskscope.ingest.envelope import Encoding, Signal
from daskscope.ingest.journal import Entry, RecordingError
from daskscope.ingest.journal_reader import JournalReader
from daskscope.ingest.otlp import BadRequestError, Parsed, Request, check_weight, parse
from daskscope.ingest.remnant import Remnant
from daskscope.ingest.weight import weight
from daskscope.store.schema import SourceStatus, SpanBatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from daskscope.ingest.inquiry import Archive

_SQLITE_HEADER: Final = b"SQLite format 3\0"
_SIGNAL_OF_FIELD: Final = {
    "resourceSpans": Signal.TRACES,
    "resourceMetrics": Signal.METRICS,
    "resourceLogs": Signal.LOGS,
}


class Recording(Protocol):
    """A file that can be read once, from its beginning."""

    def frames(self) -> Iterator[list[bytes]]:
        """All messages as frames, definitions before what needs them."""

    def requests(self, signal: Signal) -> Iterator[tuple[Request, float]]:
        """Requests of one signal as they came, each with the share read so far."""

    def status(self) -> SourceStatus:
        """What has been read so far."""

    def archive(self) -> Archive:
        """Single requests, for queries; whoever asks closes it."""


def open_recording(path: Path) -> Recording:
    """Open a recording, recognised by its content.

    Raises
    ------
    RecordingError
        It is not one, or cannot be read.
    """
    if not _is_journal(path):
        return LinesRecording(path)
    reader = JournalReader(path)
    return Remnant(reader) if reader.missing_bytes else JournalRecording(reader)


def check(path: Path) -> None:
    """See whether a recording can be opened, as far as its beginning tells.

    Raises
    ------
    RecordingError
        As `open_recording`.
    """
    if _is_journal(path):
        JournalReader(path).close()


def _is_journal(path: Path) -> bool:
    """Whether a file is a `.dscope` file; else it is OTLP JSON lines."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise RecordingError(f"cannot read {path}: {error.strerror or error}") from error
    is_journal = head.startswith(_SQLITE_HEADER)
    if not (is_journal or head.lstrip()[:1] == b"{"):
        raise RecordingError(f"{path} is neither a recording of daskscope nor OTLP JSON lines")
    return is_journal


class JournalRecording:
    """A `.dscope` file."""

    def __init__(self, reader: JournalReader) -> None:
        self._reader = reader
        self._path = reader.path
        self._rows = 0
        self._n_rows = self._reader.n_rows()
        self._is_read = False
        self._duplicates = 0
        self._ends_ns = self._end_ns()

    def _end_ns(self) -> int:
        """When the newest spans end: the window needs not grow while it is filled."""
        try:
            chunk = self._reader.last_chunk(SpanBatch.__name__)
            last = codec.decode(chunk.frame) if chunk is not None else None
        except (RecordingError, codec.FrameError):
            return 0  # damage is said when it is read, after all that comes before
        if not isinstance(last, SpanBatch):
            return 0
        return int(last.columns["end_ns"].view(np.int64).max(initial=0))

    def frames(self) -> Iterator[list[bytes]]:
        """Chunks as they lie, then the requests after the last chunk, decoded again."""
        last_sealed = self._reader.last_sealed()
        has_tail = self._reader.meta.requests > last_sealed
        decoder = Decoder()
        for chunks in self._reader.chunks():
            for chunk in chunks if has_tail else ():
                decoder.remember(codec.decode(chunk.frame))
            yield [part for chunk in chunks for part in split(chunk.frame)]
            self._rows += sum(chunk.rows for chunk in chunks)
        known = decoder.tables.mark() if has_tail else Mark()
        requests = (
            Numbered(entry.number, entry.received_ns, self._parsed(entry))
            for entry in self._reader.entries(after=last_sealed)
        )
        for group, _, frames in decoded(decoder, requests, known):
            self._duplicates += group.n_duplicates
            yield frames
        self._is_read = True
        self._reader.close()

    def requests(self, signal: Signal) -> Iterator[tuple[Request, float]]:
        """Requests of one signal as they came, each with the share read so far."""
        n_requests = max(self._reader.meta.requests, 1)
        for entry in self._reader.entries(signal=signal):
            yield self._parsed(entry).message(), entry.number / n_requests
        self._reader.close()

    def _parsed(self, entry: Entry) -> Parsed:
        """A request, which was well formed when it was accepted."""
        try:
            return parse(entry.signal, entry.encoding, entry.body)
        except BadRequestError as error:
            raise RecordingError(f"{self._path} is damaged: {error}") from error

    def status(self) -> SourceStatus:
        """What has been read so far."""
        share = self._rows / self._n_rows if self._n_rows else 0.0
        return replace(
            self._reader.status(),
            duplicates=self._duplicates,
            progress=1.0 if self._is_read else min(share, 0.99),
            ends_ns=self._ends_ns,
        )

    def archive(self) -> JournalReader:
        """Single requests, read from the file anew."""
        return JournalReader(self._path)


class LinesRecording:
    """OTLP JSON lines; a line that is not OTLP is counted as rejected."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._n_bytes = max(path.stat().st_size, 1)
        self._read_bytes = 0
        self._is_read = False
        self._rejected = 0
        self._counts = Counts()
        # Where the requests that have been read begin in the file.
        self._begins: list[int] = []

    def frames(self) -> Iterator[list[bytes]]:
        """All lines, some at a time."""
        requests = (Numbered(number, 0, parsed) for number, parsed in enumerate(self._parsed(), 1))
        for group, n_requests, frames in decoded(Decoder(), requests, Mark()):
            self._counts = self._counts.plus(group, n_requests)
            yield frames
        self._is_read = True

    def _parsed(self) -> Iterator[Parsed]:
        for line in lines_of(self._path):
            begin = self._read_bytes
            self._read_bytes += len(line)
            if not line.strip():
                continue
            try:
                signal = signal_of(line)
                check_weight(signal, weight(signal, Encoding.JSON, line))
                parsed = parse(signal, Encoding.JSON, line)
            except BadRequestError:
                self._rejected += 1
                continue
            self._begins.append(begin)
            yield parsed
        if self._rejected and not self._begins:
            raise RecordingError(f"{self._path} has not one line of OTLP JSON")

    def requests(self, signal: Signal) -> Iterator[tuple[Request, float]]:
        """Requests of one signal as they came, each with the share read so far."""
        for parsed in self._parsed():
            if parsed.signal is signal:
                yield parsed.message(), self._read_bytes / self._n_bytes

    def status(self) -> SourceStatus:
        """What has been read so far."""
        counts = self._counts
        return SourceStatus(
            is_live=False,
            requests=counts.requests,
            spans=counts.spans,
            points=counts.points,
            events=counts.events,
            rejected=counts.rejected + self._rejected,
            duplicates=counts.duplicates,
            journal_bytes=self._n_bytes,
            journal_path=str(self._path),
            progress=1.0 if self._is_read else min(self._read_bytes / self._n_bytes, 0.99),
        )

    def archive(self) -> LinesArchive:
        """Single requests of what has been read."""
        return LinesArchive(self._path, self._begins)


class LinesArchive:
    """Single requests of OTLP JSON lines.

    Parameters
    ----------
    begins
        Where each begins in the file; it may still grow.
    """

    def __init__(self, path: Path, begins: Sequence[int]) -> None:
        self._path = path
        self._begins = begins
        self._file = _opened(path)

    def entry(self, number: int) -> Entry | None:
        """One request if it carries spans, else None; see `inquiry.Archive`."""
        if not 1 <= number <= len(self._begins):
            return None
        try:
            self._file.seek(self._begins[number - 1])
            line = self._file.readline()
        except OSError as error:
            raise RecordingError(f"cannot read {self._path}: {error}") from error
        try:
            is_spans = signal_of(line) is Signal.TRACES
        except BadRequestError:  # it was changed meanwhile
            is_spans = False
        return Entry(number, 0, Signal.TRACES, Encoding.JSON, line) if is_spans else None

    def last_entry(self) -> int:
        """Number of the newest request that has been read."""
        return len(self._begins)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise RecordingError(f"cannot read {path}: {error.strerror or error}") from error


def lines_of(path: Path) -> Iterator[bytes]:
    """Lines of a file that may still be written to.

    Raises
    ------
    RecordingError
        It cannot be read.
    """
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise RecordingError(f"cannot read {path}: {error.strerror or error}") from error


def signal_of(line: bytes) -> Signal:
    """The signal of one line of OTLP JSON.

    Raises
    ------
    BadRequestError
        It is none.
    """
    for field, signal in _SIGNAL_OF_FIELD.items():
        if f'"{field}"'.encode() in line[:200]:
            return signal
    try:
        tree = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadRequestError(f"not JSON: {error}") from error
    for field, signal in _SIGNAL_OF_FIELD.items():
        if isinstance(tree, dict) and field in tree:
            return signal
    raise BadRequestError("neither resourceSpans nor resourceMetrics nor resourceLogs")
