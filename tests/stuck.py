"""A receiver that cannot write until it is let go, and so cannot keep up."""

from __future__ import annotations

import threading
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from daskscope.ingest.clock import wall_ns
from daskscope.ingest.service import Ports, receiving
from daskscope.simulate.requests import Request
from daskscope.simulate.send import connect
from tests.telemetry import tasks
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from daskscope.ingest.receiver import Receiver


class Stuck:
    """A receiver of which the disk is stuck until it is let go."""

    def __init__(self, receiver: Receiver, urls: dict[str, str]) -> None:
        self.receiver = receiver
        self.urls = urls
        self.is_free = threading.Event()
        commit = receiver._journal.commit

        def stuck(*arguments: Any) -> int:
            assert self.is_free.wait(60)
            return commit(*arguments)

        receiver._journal.commit = stuck  # type: ignore[assignment,method-assign]

    def fill(self) -> list[threading.Thread]:
        """Send until there is no more room; the threads wait for their answers."""
        senders = []
        for number in range(2):
            request = Request(0, "traces", body(number), 600)
            sender = threading.Thread(target=lambda one=request: self._send(one))
            sender.start()
            senders.append(sender)
        wait_for(lambda: self.receiver._waiting_bytes > 2 * len(body(0)) - 1_000)
        return senders

    def _send(self, request: Request) -> None:
        sender = connect(self.urls["http"])
        while sender.send(request).retry_s is not None:
            time.sleep(0.05)
        sender.close()


def body(number: int) -> bytes:
    """A request of 600 spans."""
    return tasks(600, first=600 * number).SerializeToString()


@asynccontextmanager
async def stuck_receiver(
    path: Path, http: str = "127.0.0.1:0", grpc: str = "127.0.0.1:0"
) -> AsyncIterator[Stuck]:
    """Receive into `path`, with a disk that is stuck."""
    ports = Ports.parse(http=(http,), grpc=(grpc,))
    async with receiving(path, ports, wall_ns) as receiver:
        urls = {"http": f"http://{receiver.http[0]}", "grpc": f"grpc://{receiver.grpc[0]}"}
        stuck = Stuck(receiver, urls)
        try:
            yield stuck
        finally:
            stuck.is_free.set()
