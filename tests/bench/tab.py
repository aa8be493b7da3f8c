"""A browser's tab with Dask's page, as far as its server can tell: `python -m tests.bench.tab URL`.

Gets the page, opens the session that it names, asks for its document and receives its patches. It
answers each line of its input with the number of patches so far, and ends when its input ends.

Bokeh's own client does not live long: it awaits the next message within what handles the last one
(`ClientConnection._next`), so that some 300 messages exceed Python's limit of recursion.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from typing import Self
from uuid import uuid4

from tornado.httpclient import AsyncHTTPClient
from tornado.websocket import WebSocketClientConnection, websocket_connect

MAX_MESSAGE = 64 << 20
#: Parts of a message before its buffers: header, metadata, content.
N_PARTS = 3


class Tab:
    """A tab in a process of its own, open from entering to leaving it as a context.

    Parameters
    ----------
    url
        The page.
    """

    def __init__(self, url: str) -> None:
        self._command = [sys.executable, "-m", "tests.bench.tab", url]
        self._n_patches = 0

    def __enter__(self) -> Self:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            self._command, stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )
        self._ask()  # answered when the page is there
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def check(self) -> int:
        """Patches since the last call.

        Raises
        ------
        RuntimeError
            The tab has ended, or has received nothing.
        """
        n_new = self._ask() - self._n_patches
        if not n_new:
            raise RuntimeError(f"The tab received nothing more after {self._n_patches} patches")
        self._n_patches += n_new
        return n_new

    def _ask(self) -> int:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            print(file=process.stdin, flush=True)
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            errors = process.communicate()[1].strip()
            why = errors.rpartition("\n")[2] or f"status {process.returncode}"
            raise RuntimeError(f"The tab ended after {self._n_patches} patches: {why}")
        return int(answer)


class _Session:
    """The session of one page."""

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self._socket = socket
        self._n_patches = 0

    def answer(self) -> None:
        """Say how many patches there were; end with the input."""
        if sys.stdin.readline():
            print(self._n_patches, flush=True)
        else:
            self._socket.close()

    async def receive(self) -> None:
        """Receive for as long as the server sends."""
        while True:
            match await self._message():
                case "ACK":
                    for part in ({"msgid": uuid4().hex, "msgtype": "PULL-DOC-REQ"}, {}, {}):
                        await self._socket.write_message(json.dumps(part))
                case "PATCH-DOC":
                    self._n_patches += 1
                case "ERROR":
                    raise ConnectionError("the server sent an error")

    async def _message(self) -> str:
        """Kind of the next message."""
        header = json.loads(await self._part())
        for _ in range(N_PARTS - 1 + 2 * header.get("num_buffers", 0)):
            await self._part()
        return str(header["msgtype"])

    async def _part(self) -> str | bytes:
        part = await self._socket.read_message()
        if part is None:
            raise ConnectionError("closed by the server")
        return part


async def _open(url: str) -> None:
    page = (await AsyncHTTPClient().fetch(url)).body.decode()
    found = re.search('"token":"([^"]+)"', page)
    if found is None:
        raise ConnectionError(f"{url} is no page of Bokeh's")
    address = f"{url.replace('http', 'ws', 1)}/ws"
    socket = await websocket_connect(
        address, subprotocols=["bokeh", found[1]], max_message_size=MAX_MESSAGE
    )
    session = _Session(socket)
    asyncio.get_running_loop().add_reader(sys.stdin, session.answer)
    await session.receive()


if __name__ == "__main__":
    asyncio.run(_open(sys.argv[1]))
