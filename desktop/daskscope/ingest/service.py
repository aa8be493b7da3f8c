"""A receiver with its servers, from the first port bound to the journal closed."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daskscope.ingest.address import (
    Address,
    AddressError,
    bound_name,
    bound_socket,
    parse_addresses,
)
from daskscope.ingest.grpc import GrpcServer
from daskscope.ingest.http import HttpServer
from daskscope.ingest.journal import Journal
from daskscope.ingest.receiver import Receiver

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ports:
    """Where to listen.

    Attributes
    ----------
    http, grpc
        To be had, or it is an error.
    optional_http, optional_grpc
        To be taken as well where they are free.
    """

    http: Sequence[Address] = ()
    grpc: Sequence[Address] = ()
    optional_http: Sequence[Address] = ()
    optional_grpc: Sequence[Address] = ()

    @classmethod
    def parse(cls, **addresses: Sequence[str]) -> Ports:
        """The ports that texts `host:port` say.

        Raises
        ------
        AddressError
            One of them is none.
        """
        return cls(**{name: parse_addresses(texts) for name, texts in addresses.items()})


@contextlib.asynccontextmanager
async def receiving(path: Path, ports: Ports, now_ns: Callable[[], int]) -> AsyncIterator[Receiver]:
    """Receive into a new recording at `path` while the context lasts.

    Raises
    ------
    AddressError
        A port cannot be had; no recording was made.
    RecordingError
        The recording cannot be made.
    """
    sockets = _http_sockets(ports)
    async with contextlib.AsyncExitStack() as stack:
        for bound in sockets:
            stack.callback(bound.close)
        grpc = GrpcServer()
        grpc_names = _bind_grpc(grpc, ports)
        receiver = Receiver(Journal(path), now_ns)
        stack.push_async_callback(receiver.close)
        receiver.http = tuple(bound_name(bound) for bound in sockets)
        receiver.grpc = grpc_names
        http = HttpServer(receiver)
        stack.push_async_callback(grpc.close)
        stack.push_async_callback(http.close)
        await http.start(sockets)
        await grpc.start(receiver)
        yield receiver


def _http_sockets(ports: Ports) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        sockets.extend(bound_socket(address) for address in ports.http)
    except AddressError:
        for bound in sockets:
            bound.close()
        raise
    for address in ports.optional_http:
        with contextlib.suppress(AddressError):
            sockets.append(bound_socket(address))
    return sockets


def _bind_grpc(server: GrpcServer, ports: Ports) -> tuple[str, ...]:
    names = [str(address._replace(port=server.bind(*address))) for address in ports.grpc]
    for address in ports.optional_grpc:
        with contextlib.suppress(AddressError):
            names.append(str(address._replace(port=server.bind(*address))))
    return tuple(names)
