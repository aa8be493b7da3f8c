"""What every way of sending OTLP has in common: the transports are in modules of their own.

The OTLP exporters are used for what they know (endpoint, headers, TLS, compression, credentials),
but not for sending: their retries block for ten seconds and more, and log each one.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, Protocol, cast

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from opentelemetry.sdk.metrics.export import AggregationTemporality

#: Key of the context in which other instrumentation keeps quiet about our own requests.
SUPPRESS_INSTRUMENTATION: Final = _SUPPRESS_INSTRUMENTATION_KEY
#: Modules of the transports. Each takes some 10 MiB, of which a worker needs one.
_MODULES: Final = {"grpc": "otlp_grpc", "http/protobuf": "otlp_http"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of one request.

    Attributes
    ----------
    accepted
        The endpoint has taken it.
    retry
        It has not, but may later.
    pause_s
        How long the endpoint asks to wait; None when it does not say.
    body
        The answer: a message `Export<Signal>ServiceResponse`.
    reason
        Why not, in words; empty when accepted.
    """

    accepted: bool
    retry: bool = False
    pause_s: float | None = None
    body: bytes = b""
    reason: str = ""


def is_loopback(host: str | None) -> bool:
    """Whether `host` is this machine itself, where a proxy would look on its own."""
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


class Transport(Protocol):
    """Sends requests of one signal, one attempt each.

    Attributes
    ----------
    timeout_s
        What the user allows for one request.
    preferred_temporality
        Of metrics, by class of instrument; empty for other signals.
    """

    timeout_s: float
    preferred_temporality: Mapping[type, AggregationTemporality]

    def send(self, payload: bytes, timeout_s: float) -> Reply:
        """Send `payload`, a message `Export<Signal>ServiceRequest`."""

    def close(self) -> None:
        """Give up the connection, and a request that is under way."""


def transport(signal: str, protocol: str, endpoint: str | None) -> Transport:
    """The transport that the OTLP exporter of `signal` would use.

    Parameters
    ----------
    signal
        `traces`, `metrics` or `logs`.
    protocol
        `grpc` or `http/protobuf`.
    endpoint
        Whole URL for this signal; None for what the environment says.
    """
    return cast("Transport", _module(protocol).transport(signal, endpoint))


def load(protocol: str) -> None:
    """Import what sends by `protocol`; who needs it and finds it missing says so."""
    with suppress(ImportError):
        _module(protocol)


def _module(protocol: str) -> ModuleType:
    return import_module(f"dask_otel.compat.{_MODULES[protocol]}")


def first_line(error: BaseException | None) -> str:
    """What is said of an error in a line of the log."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
