"""Requests that come together, and share nothing but the transaction."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from daskscope.ingest.clock import wall_ns
from daskscope.ingest.decoder import Decoder, Group, Numbered
from daskscope.ingest.envelope import Encoding, Signal
from daskscope.ingest.journal import Journal, JournalReader
from daskscope.ingest.receiver import Accepted, Receiver, UnavailableError
from daskscope.ingest.weight import weight
from tests.telemetry import tasks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest


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
