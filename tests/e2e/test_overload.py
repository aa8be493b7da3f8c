"""The real Collector before a receiver that cannot keep up: it comes again, and nothing is lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from daskscope.ingest import receiver as receivers
from daskscope.ingest.journal_reader import JournalReader
from daskscope.simulate.requests import Request
from daskscope.simulate.send import connect
from tests.stuck import body, stuck_receiver
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import StartCollector

pytestmark = pytest.mark.e2e

N = 30


async def test_the_collector_comes_again(
    tmp_path: Path, start_collector: StartCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    # For one of the Collector's batches, and not for a second.
    monkeypatch.setattr(receivers, "MAX_WAITING_BYTES", 8 * len(body(0)))
    collector = await asyncio.to_thread(start_collector)
    path = tmp_path / "live.dscope"
    async with stuck_receiver(path, http=f"127.0.0.1:{collector.desktop}") as stuck:
        sender = connect(collector.http)
        for number in range(N):
            request = Request(0, "traces", body(number), 600)
            assert (await asyncio.to_thread(sender.send, request)).retry_s is None
        sender.close()
        # It has been turned away for longer than it is told to wait.
        await asyncio.sleep(2 * receivers.BUSY_RETRY_S)
        assert stuck.receiver.status().spans == 0
        stuck.is_free.set()
        await asyncio.to_thread(wait_for, lambda: stuck.receiver.status().spans >= N * 600, 60)
    assert JournalReader(path).meta.spans == N * 600
