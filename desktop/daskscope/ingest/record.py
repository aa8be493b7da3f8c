"""The receiver without a window: OTLP to a recording until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

from daskscope.ingest.address import AddressError
from daskscope.ingest.clock import wall_ns
from daskscope.ingest.journal import SUFFIX, RecordingError
from daskscope.ingest.service import Ports, receiving
from daskscope.ingest.source import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from daskscope.store.schema import SourceStatus


def record(
    path: Path,
    *,
    seconds: float | None,
    on_ready: Callable[[tuple[str, ...], tuple[str, ...]], None],
    **addresses: Sequence[str],
) -> SourceStatus:
    """Receive into a new recording until `seconds` are over, or SIGINT or SIGTERM comes.

    Parameters
    ----------
    path
        Ends in `.dscope`, and must be free.
    seconds
        None to go on until a signal comes.
    on_ready
        Called with the HTTP and gRPC addresses really bound.
    **addresses
        `http`, `grpc`, `optional_http`, `optional_grpc`, see `service.Ports`.

    Returns
    -------
    SourceStatus
        What was received.

    Raises
    ------
    SourceError
        A port cannot be had.
    RecordingError
        The recording cannot be made.
    """
    if path.suffix != SUFFIX:
        reason = f"a recording ends in {SUFFIX}; daskscope export makes other files of it"
        raise RecordingError(f"{path}: {reason}")
    try:
        return asyncio.run(_record(path, Ports.parse(**addresses), seconds, on_ready))
    except AddressError as error:
        raise SourceError(str(error)) from error


async def _record(
    path: Path,
    ports: Ports,
    seconds: float | None,
    on_ready: Callable[[tuple[str, ...], tuple[str, ...]], None],
) -> SourceStatus:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C cancels this task
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, told.set)
    async with receiving(path, ports, wall_ns) as receiver:
        on_ready(receiver.http, receiver.grpc)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(told.wait(), seconds)
    return receiver.status()
