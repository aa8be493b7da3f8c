"""What is left of a recording of which the end is missing, after a full disk or a copy cut short.

SQLite reads the pages that are there. Chunks are taken from the first one on as far as they go;
later requests are looked up one by one, and each is whole, as its checksum proves, or is missing.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

from daskscope.ingest import codec
from daskscope.ingest.decoder import Decoder, Numbered
from daskscope.ingest.decoding import decoded, split
from daskscope.ingest.definitions import Mark
from daskscope.ingest.journal_reader import JournalReader
from daskscope.ingest.otlp import BadRequestError, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daskscope.ingest.envelope import Signal
    from daskscope.ingest.journal_reader import Chunk
    from daskscope.ingest.otlp import Request
    from daskscope.store.schema import SourceStatus


class Remnant:
    """A `.dscope` file that is cut short; see `recording.Recording`.

    Parameters
    ----------
    reader
        Of the file; closed once everything has been read.
    """

    def __init__(self, reader: JournalReader) -> None:
        self._reader = reader
        self._n_duplicates = 0
        self._n_tried = self._n_read = 0
        self._is_read = False

    def frames(self) -> Iterator[list[bytes]]:
        """Chunks as they lie, then the requests that are left, decoded again."""
        decoder = Decoder()
        for chunks in self._sealed():
            for chunk in chunks:
                decoder.remember(codec.decode(chunk.frame))
            yield [part for chunk in chunks for part in split(chunk.frame)]
            self._n_tried = self._n_read = chunks[-1].last_request
        known = decoder.tables.mark() if self._n_read else Mark()
        for group, _, frames in decoded(decoder, self._left(after=self._n_read), known):
            self._n_duplicates += group.n_duplicates
            yield frames
        self._end()

    def requests(self, signal: Signal) -> Iterator[tuple[Request, float]]:
        """Requests of one signal that are left, each with the share read so far."""
        for numbered in self._left():
            if numbered.parsed.signal is signal:
                yield numbered.parsed.message(), self._share()
        self._end()

    def _sealed(self) -> Iterator[list[Chunk]]:
        """Chunks that were sealed together; of those that come last some may be missing."""
        chunks: list[Chunk] = []
        for number in itertools.count(1):
            chunk = self._reader.chunk(number)
            if chunk is None:
                return
            if chunks and chunk.last_request != chunks[-1].last_request:
                yield chunks
                chunks = []
            chunks.append(chunk)

    def _left(self, after: int = 0) -> Iterator[Numbered]:
        for number in range(after + 1, self._reader.meta.requests + 1):
            self._n_tried = number
            entry = self._reader.entry(number, None)
            if entry is None:
                continue
            try:
                parsed = parse(entry.signal, entry.encoding, entry.body)
            except BadRequestError:
                continue
            self._n_read += 1
            yield Numbered(number, entry.received_ns, parsed)

    def _end(self) -> None:
        self._is_read = True
        self._reader.close()

    def _share(self) -> float:
        return min(self._n_tried / max(self._reader.meta.requests, 1), 0.99)

    def status(self) -> SourceStatus:
        """What has been read so far, and in the end what is missing."""
        loss = self._loss() if self._is_read else ""
        return replace(
            self._reader.status(),
            duplicates=self._n_duplicates,
            progress=1.0 if self._is_read and not loss else self._share(),
            problem=loss,
        )

    def _loss(self) -> str:
        """What is missing, "" where only some of the chunks are."""
        n_requests = self._reader.meta.requests
        if self._n_read == n_requests:
            return ""
        path, missing_bytes = self._reader.path, self._reader.missing_bytes
        there_mb = path.stat().st_size / 1e6
        whole_mb = there_mb + missing_bytes / 1e6
        return (
            f"{path} is cut short: {there_mb:.1f} of {whole_mb:.1f} MB are there,"
            f" {n_requests - self._n_read:,} of {n_requests:,} requests are missing"
        )

    def archive(self) -> JournalReader:
        """Single requests, read from the file anew."""
        return JournalReader(self._reader.path)
