"""Requests that come together, and share nothing but the transaction."""

from __future__ import annotations

import asyncio
import math
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from daskscope.ingest import codec
from daskscope.ingest.clock import wall_ns
from daskscope.ingest.decoder import Decoder, Group, Numbered
from daskscope.ingest.envelope import Encoding, Signal
from daskscope.ingest.journal import Journal
from daskscope.ingest.journal_reader import JournalReader
from daskscope.ingest.lock import is_in_use
from daskscope.ingest.packing import Packed, Packer
from daskscope.ingest.receiver import Accepted, Receiver, UnavailableError
from daskscope.ingest.recording import open_recording
from daskscope.ingest.weight import weight
from daskscope.store.schema import SpanBatch
from tests.telemetry import tasks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from pathlib import Path

    from daskscope.store.schema import Message


@asynccontextmanager
async def receiving(path: Path) -> AsyncIterator[Receiver]:
    """A receiver that ends whatever happens, and must answer soon."""
    receiver = Receiver(Journal(path), wall_ns)
    try:
        async with asyncio.timeout(20):
            yield receiver
    except TimeoutError:
        pytest.fail("the receiver does not answer")
    finally:
        await receiver.close()


async def together(receiver: Receiver, bodies: Sequence[bytes]) -> list[asyncio.Task[Accepted]]:
    """The answers to requests that are taken at once."""
    answers = []
    with receiver._wake:  # until all of them wait
        for body in bodies:
            receiver.reserve(len(body))
            accept = receiver.accept(Signal.TRACES, Encoding.PROTOBUF, body)
            answers.append(asyncio.create_task(accept))
        await asyncio.sleep(0)
    return answers


async def test_what_cannot_be_decoded_takes_nothing_else_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = [tasks(5, first=5 * number).SerializeToString() for number in range(5)]
    decode = Decoder.decode

    def mistaken(decoder: Decoder, requests: Sequence[Numbered]) -> Group:
        if any(request.parsed.data == bodies[2] for request in requests):
            raise IndexError("a mistake of ours")
        return decode(decoder, requests)

    monkeypatch.setattr(Decoder, "decode", mistaken)
    async with receiving(tmp_path / "a.dscope") as receiver:
        found = await asyncio.gather(*await together(receiver, bodies), return_exceptions=True)

    assert isinstance(found[2], UnavailableError)
    assert [*found[:2], *found[3:]] == [Accepted()] * 4
    assert receiver._waiting_bytes == 0
    reader = JournalReader(tmp_path / "a.dscope")
    assert [entry.number for entry in reader.entries()] == [1, 2, 3, 4]
    assert reader.meta.spans == 20
    reader.close()


async def test_what_is_decoded_at_a_time_weighs_no_more_than_one_request_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several requests that each are just within the bound must not come to many times as much."""
    bodies = [tasks(5, first=5 * number).SerializeToString() for number in range(7)]
    one = max(weight(Signal.TRACES, Encoding.PROTOBUF, body) for body in bodies)
    decode, sizes = Decoder.decode, list[int]()

    def counted(decoder: Decoder, requests: Sequence[Numbered]) -> Group:
        sizes.append(len(requests))
        return decode(decoder, requests)

    monkeypatch.setattr(Decoder, "decode", counted)
    monkeypatch.setattr("daskscope.ingest.receiver.MAX_WEIGHT", 3 * one)
    async with receiving(tmp_path / "a.dscope") as receiver:
        assert await asyncio.gather(*await together(receiver, bodies)) == [Accepted()] * 7

    assert sizes == [3, 3, 1]


async def send(receiver: Receiver, first: int, until: int) -> None:
    """Send requests of five tasks each, one after the other."""
    for number in range(first, until):
        body = tasks(5, first=5 * number).SerializeToString()
        receiver.reserve(len(body))
        assert await receiver.accept(Signal.TRACES, Encoding.PROTOBUF, body) == Accepted()


def failing(monkeypatch: pytest.MonkeyPatch, n_failures: float = math.inf) -> list[Exception]:
    """Let chunks not be made so many times, of few rows each; why they were not."""
    monkeypatch.setattr("daskscope.ingest.tail.CHUNK_ROWS", 10)
    begin, failures = Packer.begin_chunks, list[Exception]()

    def begin_chunks(
        packer: Packer, messages: Iterable[Message], last_request: int
    ) -> Future[list[Packed]]:
        if len(failures) >= n_failures:
            return begin(packer, messages, last_request)
        failures.append(TypeError("a mistake of ours"))
        failed: Future[list[Packed]] = Future()
        failed.set_exception(failures[-1])
        return failed

    monkeypatch.setattr(Packer, "begin_chunks", begin_chunks)
    return failures


def spans_in(path: Path) -> list[int]:
    """Run ids of the spans that a window gets of a recording."""
    found = [codec.decode(frame) for frames in open_recording(path).frames() for frame in frames]
    spans = [message for message in found if isinstance(message, SpanBatch)]
    return [n for batch in spans for n in batch.columns["run_id"].tolist()]


async def test_chunks_that_could_not_be_made_are_made_with_the_next_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = failing(monkeypatch, 2)
    path = tmp_path / "a.dscope"
    async with receiving(path) as receiver:
        await send(receiver, 0, 20)
        assert receiver.status().problem == ""
        reader = JournalReader(path)
        assert 0 < reader.last_sealed() < 20
    assert len(failures) == 2
    assert reader.last_sealed() == 20
    reader.close()
    assert spans_in(path) == list(range(100))


async def test_of_what_can_never_be_sealed_the_newest_is_held_and_all_is_in_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failures = failing(monkeypatch)
    path = tmp_path / "a.dscope"
    async with receiving(path) as receiver:
        n_held = []
        for number in range(100):
            await send(receiver, number, number + 1)
            n_held.append(sum(piece.n_rows for piece in receiver._tail.view().pieces))
        assert max(n_held) == n_held[-1] == 40
        assert "a mistake of ours" in receiver.status().problem
        # Who connects now gets the newest, and nothing twice.
        frames = receiver.frames()
        found = [codec.decode(frame) for _ in range(8) for frame in await anext(frames)]
        spans = [batch for batch in found if isinstance(batch, SpanBatch)]
        assert [n for one in spans for n in one.columns["run_id"].tolist()] == list(range(460, 500))
        await frames.aclose()  # type: ignore[attr-defined]
    assert 1 < len(failures) < 10  # it was tried again, and not for ever
    assert [record.message for record in caplog.records] == ["cannot make chunks"]
    assert not is_in_use(path)
    assert spans_in(path) == list(range(500))


async def test_what_cannot_be_sealed_at_the_end_is_in_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.dscope"
    async with receiving(path) as receiver:
        await send(receiver, 0, 5)
        failing(monkeypatch)
    assert not is_in_use(path)
    assert JournalReader(path).meta.is_ended
    assert spans_in(path) == list(range(25))
