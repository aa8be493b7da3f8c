"""The window's handle on the process that receives or reads for it."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

import orjson

from daskscope.ingest.address import AddressError, parse_addresses
from daskscope.store.inquiry import Asked, Query

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from daskscope.ingest.link import LinkClient
    from daskscope.store.inquiry import Answer
    from daskscope.store.schema import Message

_START_S: Final = 30.0
_END_S: Final = 10.0
#: How much nicer than the window: what comes in can wait a moment, what somebody looks at cannot,
#: and the tasks of a cluster on the same machine should not.
NICENESS: Final = 10
_MOST_NICE: Final = 19


class SourceError(Exception):
    """The source did not start; the text is one line for the user."""


class Source:
    """A process of our own and the link to it.

    It starts at once and gets ready by itself; `wait` waits for that, `drain` does not.

    Attributes
    ----------
    http, grpc
        Addresses really bound, as `host:port`; empty until it is ready, and for a recording.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        self.http: tuple[str, ...] = ()
        self.grpc: tuple[str, ...] = ()
        self._token = secrets.token_urlsafe(32)
        self._link: LinkClient | None = None
        self._process = subprocess.Popen(
            # With -P: a module of the folder one is in may have the name of one of Python's.
            [sys.executable, "-P", "-m", "daskscope.ingest", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        if sys.platform != "win32":  # its threads, which begin after the token, inherit it
            niceness = min(os.getpriority(os.PRIO_PROCESS, 0) + NICENESS, _MOST_NICE)
            os.setpriority(os.PRIO_PROCESS, self._process.pid, niceness)
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it failed; its last line says why
            self._process.stdin.write(self._token.encode() + b"\n")
            self._process.stdin.flush()
        self._line = b""
        self._listener = threading.Thread(target=self._listen, name="source", daemon=True)
        self._listener.start()

    @classmethod
    def receive(
        cls,
        http: Sequence[str],
        grpc: Sequence[str],
        journal: Path,
        optional_http: Sequence[str] = (),
        optional_grpc: Sequence[str] = (),
    ) -> Source:
        """Start a receiver.

        Parameters
        ----------
        http, grpc
            Addresses `host:port` on the loopback interface; port 0 takes any that is free.
        journal
            The recording to make; its path must be free.
        optional_http, optional_grpc
            Addresses to take as well if they are free.

        Raises
        ------
        SourceError
            An address is none.
        """
        arguments = ["--journal", str(journal)]
        named = {
            "--http": http,
            "--grpc": grpc,
            "--optional-http": optional_http,
            "--optional-grpc": optional_grpc,
        }
        for option, addresses in named.items():
            try:
                parse_addresses(addresses)
            except AddressError as error:
                raise SourceError(str(error)) from error
            for address in addresses:
                arguments += [option, address]
        return cls(arguments)

    @classmethod
    def read(cls, path: Path, since_s: float = 0.0, until_s: float | None = None) -> Source:
        """Start the reader of a recording, or of the part between two times since its start."""
        until = [] if until_s is None else ["--until", f"{until_s:.9f}"]
        return cls(["--read", str(path), "--since", f"{since_s:.9f}", *until])

    def wait(self, timeout_s: float = _START_S) -> None:
        """Wait until it is ready.

        Raises
        ------
        SourceError
            It could not start.
        """
        self._listener.join(timeout_s)
        if self._listener.is_alive():
            self.close()
            raise SourceError(f"the source did not start within {timeout_s:g} s")
        self._connect()

    @property
    def is_alive(self) -> bool:
        """The process runs."""
        return self._process.poll() is None

    @property
    def is_closed(self) -> bool:
        """There is nothing more to come."""
        return self._link.is_closed if self._link else not self.is_alive

    def fileno(self) -> int:
        """Of the socket on which messages arrive, -1 while there is none."""
        return self._link.fileno() if self._link else -1

    def ask(self, query: Query) -> bool:
        """Send a query without waiting; False when it cannot be sent now."""
        return self._link is not None and self._link.ask(query)

    def stop(self) -> bool:
        """Ask for no more of a recording; False when that cannot be sent now."""
        return self.ask(Query(0, Asked.STOP, 0, 0))

    def drain(self, budget_s: float) -> list[Message | Answer]:
        """Messages and answers that have arrived, taken for about `budget_s` seconds; never waits.

        Raises
        ------
        SourceError
            It could not start.
        """
        if self._link is None:
            if self._listener.is_alive():
                return []
            self._connect()
        assert self._link is not None
        return self._link.drain(budget_s)

    def close(self) -> None:
        """End the process in order: a receiver closes its journal."""
        if self._link is not None:
            self._link.close()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join()
        self._process.stdout.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        self._line = self._process.stdout.readline()

    def _connect(self) -> None:
        if self._link is not None:
            return
        from daskscope.ingest.link import LinkClient, LinkError  # after the process has started

        try:
            ready: dict[str, Any] = orjson.loads(self._line)
        except orjson.JSONDecodeError:
            self.close()
            raise SourceError("the source ended before it was ready") from None
        if "error" in ready:
            self.close()
            raise SourceError(ready["error"])
        try:
            self._link = LinkClient("127.0.0.1", ready["link"], self._token)
        except LinkError as error:
            self.close()
            raise SourceError(str(error)) from error
        self.http, self.grpc = tuple(ready["http"]), tuple(ready["grpc"])
