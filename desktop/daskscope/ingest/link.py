"""The stream of messages between a source and a window, and the window's end of it.

It is length-prefixed frames over a socket; the other end is in `linkserver`.

A client says `daskscope-link <version> <token>` and a newline. Nothing is sent to one that does
not know the token. The answer is `daskscope-link <version>` and a newline; if the versions are
equal, frames follow, each after its length as a little-endian u32. The client may send queries in
the same way; their answers stand among the frames.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from typing import TYPE_CHECKING, Final

from daskscope.ingest import codec
from daskscope.ingest.query import MAX_QUERY_BYTES, encode_query

if TYPE_CHECKING:
    from daskscope.store.inquiry import Answer, Query
    from daskscope.store.schema import Message

GREETING: Final = b"daskscope-link"
HANDSHAKE_S: Final = 5.0
MAX_HELLO_BYTES: Final = 256
#: How the length of a frame is written.
LENGTH: Final = struct.Struct("<I")
#: A frame holds at most what one request of 64 MiB says.
_MAX_FRAME_BYTES: Final = 1 << 30


class LinkError(Exception):
    """No link to the source; the text is one line for the user."""


class LinkClient:
    """A window's end of the link; never blocks once it is connected."""

    def __init__(self, host: str, port: int, token: str) -> None:
        """Connect and shake hands.

        Raises
        ------
        LinkError
            Nobody is there, the token is wrong, or the versions differ.
        """
        try:
            self._socket = socket.create_connection((host, port), HANDSHAKE_S)
        except OSError as error:
            raise LinkError(f"no source at {host}:{port}: {error}") from error
        self._is_closed = False
        self._outgoing = bytearray()
        self._length = bytearray()
        self._frame = bytearray()
        self._filled = 0
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(b"%s %d %s\n" % (GREETING, codec.VERSION, token.encode()))
            self._check(self._line(), f"{host}:{port}")
            self._socket.setblocking(False)
        except OSError as error:
            self.close()
            raise LinkError(f"no answer from the source at {host}:{port}: {error}") from error
        except LinkError:
            self.close()
            raise

    def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n") and len(line) < MAX_HELLO_BYTES:
            byte = self._socket.recv(1)
            if not byte:
                break
            line += byte
        return line

    @staticmethod
    def _check(line: bytes, address: str) -> None:
        greeting, _, version = line.rstrip(b"\n").partition(b" ")
        if not line:
            raise LinkError(f"the source at {address} refused the token")
        if greeting != GREETING:
            raise LinkError(f"what answers at {address} is not daskscope")
        if version != b"%d" % codec.VERSION:
            theirs = version.decode("ascii", "replace")
            raise LinkError(
                f"the source at {address} speaks version {theirs} of the link,"
                f" this is version {codec.VERSION}"
            )

    @property
    def is_closed(self) -> bool:
        """The source has gone; what had arrived has been drained."""
        return self._is_closed

    def fileno(self) -> int:
        """Of the socket, -1 when it is closed."""
        return self._socket.fileno()

    def ask(self, query: Query) -> bool:
        """Send a query without waiting; False when the source takes no more now."""
        if len(self._outgoing) > MAX_QUERY_BYTES:
            self._send()
        if len(self._outgoing) > MAX_QUERY_BYTES or self._is_closed:
            return False
        body = encode_query(query)
        self._outgoing += LENGTH.pack(len(body)) + body
        self._send()
        return True

    def _send(self) -> None:
        with contextlib.suppress(OSError):  # there is no room, or receiving says that it is over
            while self._outgoing:
                del self._outgoing[: self._socket.send(self._outgoing)]

    def drain(self, budget_s: float) -> list[Message | Answer]:
        """Messages and answers that have arrived, taken for about `budget_s` seconds.

        Raises
        ------
        codec.FrameError
            What arrived is not a message.
        """
        messages: list[Message | Answer] = []
        self._send()
        deadline_s = time.perf_counter() + budget_s
        while not self._is_closed:
            frame = self._next_frame()
            if frame is None:
                break
            messages.append(codec.decode_linked(frame))
            if time.perf_counter() >= deadline_s:
                break
        return messages

    def _next_frame(self) -> bytearray | None:
        """The next whole frame, None when it is not there yet; what is there of it is kept."""
        try:
            while len(self._length) < LENGTH.size:
                piece = self._socket.recv(LENGTH.size - len(self._length))
                if not piece:
                    self.close()
                    return None
                self._length += piece
                if len(self._length) == LENGTH.size:
                    (length,) = LENGTH.unpack(self._length)
                    if length > _MAX_FRAME_BYTES:
                        self.close()
                        raise codec.FrameError(f"a frame of {length} bytes")
                    self._frame = bytearray(length)
                    self._filled = 0
            view = memoryview(self._frame)
            while self._filled < len(self._frame):
                n_bytes = self._socket.recv_into(view[self._filled :])
                if not n_bytes:
                    self.close()
                    return None
                self._filled += n_bytes
        except BlockingIOError:
            return None
        except OSError:
            self.close()
            return None
        frame, self._frame = self._frame, bytearray()
        self._length.clear()
        return frame

    def close(self) -> None:
        """Part from the source."""
        self._is_closed = True
        self._socket.close()
