"""The process beside the window: a receiver or the reader of a recording, with a link.

Started by `source.Source` and by nobody else. The token comes as the first line of standard
input; when that ends, the parent is gone and so is this process. One line of JSON on standard
output says where the link is, or what is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from daskscope.ingest import codec
from daskscope.ingest.address import AddressError
from daskscope.ingest.clock import wall_ns
from daskscope.ingest.codec import FrameError
from daskscope.ingest.excerpt import Excerpt, Scissors
from daskscope.ingest.journal import RecordingError
from daskscope.ingest.linkserver import LinkServer
from daskscope.ingest.recording import Recording, open_recording

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from daskscope.ingest.inquiry import Archive
    from daskscope.store.schema import SourceStatus


def main() -> int:
    """Run until standard input ends or SIGTERM comes."""
    # Ctrl-C goes to the whole terminal; the parent says when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    arguments = _arguments()
    token = _line_of_stdin()
    try:
        asyncio.run(_receive(arguments, token) if arguments.journal else _read(arguments, token))
    except (AddressError, RecordingError) as error:
        _say(error=str(error))
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m daskscope.ingest", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--journal", type=Path)
    what.add_argument("--read", type=Path)
    for name in ("--http", "--grpc", "--optional-http", "--optional-grpc"):
        parser.add_argument(name, action="append", default=[])
    parser.add_argument("--since", type=float, default=0.0)
    parser.add_argument("--until", type=float)
    return parser.parse_args()


async def _receive(arguments: argparse.Namespace, token: str) -> None:
    from daskscope.ingest.service import Ports, receiving  # servers: a reader has none

    ports = Ports.parse(
        http=arguments.http,
        grpc=arguments.grpc,
        optional_http=arguments.optional_http,
        optional_grpc=arguments.optional_grpc,
    )
    async with receiving(arguments.journal, ports, wall_ns) as receiver:
        link = LinkServer(receiver, token)
        port = await link.start()
        _say(link=port, http=receiver.http, grpc=receiver.grpc)
        await _until_told()
        await link.close()


async def _read(arguments: argparse.Namespace, token: str) -> None:
    excerpt = Excerpt(arguments.since, arguments.until)
    link = LinkServer(_RecordingFeed(open_recording(arguments.read), excerpt), token)
    _say(link=await link.start(), http=(), grpc=())
    await _until_told()
    await link.close()


class _RecordingFeed:
    """A recording for the one client that comes."""

    def __init__(self, recording: Recording, excerpt: Excerpt) -> None:
        self._recording = recording
        self._excerpt = excerpt
        self._scissors = Scissors(excerpt)
        self._problem = ""

    async def frames(self) -> AsyncIterator[Sequence[bytes]]:
        found = self._found()
        try:
            while (frames := await asyncio.to_thread(next, found, None)) is not None:
                yield frames
        except (RecordingError, FrameError) as error:
            self._problem = str(error)

    def _found(self) -> Iterator[list[bytes]]:
        if self._excerpt.is_whole:
            yield from self._recording.frames()
            return
        cut = self._scissors.cut
        for frames in self._recording.frames():
            messages = [message for frame in frames for message in cut(codec.decode(frame))]
            yield [codec.encode(message) for message in messages]
        yield [codec.encode(message) for message in self._scissors.rest()]

    def status(self) -> SourceStatus:
        status = self._recording.status()
        return replace(
            status,
            problem=self._problem or status.problem,
            part=self._excerpt.text,
            ends_ns=self._scissors.end_ns(status.ends_ns),
        )

    def archive(self) -> Archive:
        return self._recording.archive()


async def _until_told() -> None:
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    with contextlib.suppress(NotImplementedError):  # Windows: the parent closes standard input
        loop.add_signal_handler(signal.SIGTERM, told.set)

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            loop.call_soon_threadsafe(told.set)

    threading.Thread(target=watch, name="parent", daemon=True).start()
    await told.wait()


def _line_of_stdin() -> str:
    # Unbuffered: a buffered reader's lock, held by the watching thread, would abort the exit.
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(sys.stdin.fileno(), 1)
        if not byte:
            break
        line += byte
    return line.decode().strip()


def _say(**what: object) -> None:
    with contextlib.suppress(BrokenPipeError):  # the parent is gone: standard input says so too
        os.write(sys.stdout.fileno(), orjson.dumps(what) + b"\n")


if __name__ == "__main__":
    sys.exit(main())
