"""Requests that come together, and share nothing but the transaction."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import TYPE_CHECKING

from daskscope.ingest import codec
from daskscope.ingest.clock import wall_ns
from daskscope.ingest.decoder import Decoder, Group, Numbered
from daskscope.ingest.envelope import Encoding, Signal
from daskscope.ingest.journal import Journal
from daskscope.ingest.journal_reader import JournalReader
from daskscope.ingest.packing import Packed, Packer
from daskscope.ingest.receiver import Accepted, Receiver, UnavailableError
from daskscope.ingest.weight import weight
from daskscope.store.schema import SpanBatch
from tests.telemetry import tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import pytest

    from daskscope.store.schema import Message


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
    receiver = Receiver(Journal(tmp_path / "a.dscope"), wall_ns)
    with receiver._wake:  # until all of them wait, so that they are taken together
        answers = []
        for body in bodies:
            receiver.reserve(len(body))
            accept = receiver.accept(Signal.TRACES, Encoding.PROTOBUF, body)
            answers.append(asyncio.create_task(accept))
        await asyncio.sleep(0)
    found = await asyncio.gather(*answers, return_exceptions=True)
    await receiver.close()

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
    receiver = Receiver(Journal(tmp_path / "a.dscope"), wall_ns)
    with receiver._wake:  # until all of them wait
        answers = []
        for body in bodies:
            receiver.reserve(len(body))
            accept = receiver.accept(Signal.TRACES, Encoding.PROTOBUF, body)
            answers.append(asyncio.create_task(accept))
        await asyncio.sleep(0)
    assert await asyncio.gather(*answers) == [Accepted()] * 7
    await receiver.close()

    assert sizes == [3, 3, 1]


async def test_chunks_that_could_not_be_made_are_made_with_the_next_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daskscope.ingest.tail.CHUNK_ROWS", 10)
    begin, n_failures = Packer.begin_chunks, 0

    def failing(
        packer: Packer, messages: Iterable[Message], last_request: int
    ) -> Future[list[Packed]]:
        nonlocal n_failures
        if n_failures == 3:
            return begin(packer, messages, last_request)
        n_failures += 1
        failed: Future[list[Packed]] = Future()
        failed.set_exception(MemoryError())
        return failed

    monkeypatch.setattr(Packer, "begin_chunks", failing)
    receiver = Receiver(Journal(tmp_path / "a.dscope"), wall_ns)
    for number in range(20):
        body = tasks(5, first=5 * number).SerializeToString()
        receiver.reserve(len(body))
        assert await receiver.accept(Signal.TRACES, Encoding.PROTOBUF, body) == Accepted()
    reader = JournalReader(tmp_path / "a.dscope")
    assert 0 < reader.last_sealed() < 20
    await receiver.close()
    assert n_failures == 3
    assert reader.last_sealed() == 20
    chunks = [codec.decode(chunk.frame) for some in reader.chunks() for chunk in some]
    spans = [chunk for chunk in chunks if isinstance(chunk, SpanBatch)]
    assert [n for batch in spans for n in batch.columns["run_id"].tolist()] == list(range(100))
    reader.close()
