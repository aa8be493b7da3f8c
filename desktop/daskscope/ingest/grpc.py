"""OTLP over gRPC: the three collector services, with the answers the protocol wants.

Handlers get raw bytes, so that a body is parsed once and by the receiver. When to come again stands
in `grpc-status-details-bin`, where exporters written in Go look for a `RetryInfo`, and by itself in
`google.rpc.retryinfo-bin`, where Python's does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from daskscope.ingest.address import Address, AddressError, bound_socket
from daskscope.ingest.envelope import Encoding, Signal
from daskscope.ingest.otlp import (
    MAX_BODY_BYTES,
    SERVICES,
    BadRequestError,
    TooLargeError,
    success,
)
from daskscope.ingest.receiver import Receiver, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_BODY_BYTES),
    ("grpc.so_reuseport", 0),  # a taken port is an error
    ("grpc.max_concurrent_streams", 32),
)
_GRACE_S: Final = 2.0

Context = grpc.aio.ServicerContext[bytes, bytes]


class GrpcServer:
    """Serves a receiver on some addresses until it is closed."""

    def __init__(self) -> None:
        self._server = grpc.aio.server(options=_OPTIONS, compression=grpc.Compression.NoCompression)

    def bind(self, host: str, port: int) -> int:
        """Take a port, 0 for any that is free; before `start`.

        Raises
        ------
        AddressError
            It cannot be had.
        """
        address = Address(host, port)
        # gRPC gives no reason, and writes lines of its own on standard error.
        bound_socket(address).close()
        try:
            bound = self._server.add_insecure_port(str(address))
        except RuntimeError as error:
            raise AddressError(f"cannot listen on {address}") from error
        if bound == 0:
            raise AddressError(f"cannot listen on {address}")
        return bound

    async def start(self, receiver: Receiver) -> None:
        """Serve."""
        for signal, service in SERVICES.items():
            method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
                _export(receiver, signal)
            )
            handler = grpc.method_handlers_generic_handler(service, {"Export": method})
            self._server.add_generic_rpc_handlers((handler,))
        await self._server.start()

    async def close(self) -> None:
        """Answer what is being served, then stop."""
        await self._server.stop(_GRACE_S)


def _export(receiver: Receiver, signal: Signal) -> Callable[[bytes, Context], Awaitable[bytes]]:
    async def export(body: bytes, context: Context) -> bytes:
        try:
            receiver.reserve(len(body))
            done = await receiver.accept(signal, Encoding.PROTOBUF, body)
        except UnavailableError as error:
            await _ask_to_retry(context, str(error), error.retry_s)
        except TooLargeError as error:  # without a delay, which says that it must not come again
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))
        except BadRequestError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        return success(signal, Encoding.PROTOBUF, done.rejected, done.reason)

    return export


async def _ask_to_retry(context: Context, reason: str, retry_s: int) -> NoReturn:
    retry = RetryInfo(retry_delay=Duration(seconds=retry_s))
    detail = Any()
    detail.Pack(retry)
    status = Status(code=code_pb2.UNAVAILABLE, message=reason, details=[detail])
    await context.abort(
        grpc.StatusCode.UNAVAILABLE,
        reason,
        (
            ("grpc-status-details-bin", status.SerializeToString()),
            ("google.rpc.retryinfo-bin", retry.SerializeToString()),
        ),
    )
