"""Instruments a running cluster for as long as the window is open, in a process of its own."""

from __future__ import annotations

import importlib.util
import ipaddress
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from daskscope.app.companion import Companion

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: More than the process waits for a scheduler, so that it says by itself what is wrong.
ANSWER_S = 40.0
_LOOK_S = 0.05
#: How the line begins that says that it is done (`dask_otel.attach`).
ANSWERS = ("attached: ", "nothing changed: ")


class AttachError(RuntimeError):
    """The cluster cannot be attached to; the message is one line."""


class Attachment(Companion):
    """A process that instruments a cluster and takes it back when it ends.

    Parameters
    ----------
    address
        Of the scheduler, `tcp://host:port`.
    endpoint
        Where the cluster shall send, `http://host:port`.
    protocol
        `grpc` or `http/protobuf`, None for what fits the endpoint.
    log_path
        Where what Dask prints goes; kept only where it failed.
    """

    def __init__(self, address: str, endpoint: str, protocol: str | None, log_path: Path) -> None:
        arguments = ["dask_otel", "attach", address, "--endpoint", endpoint]
        if protocol is not None:
            arguments += ["--protocol", protocol]
        super().__init__(f"the attachment to {address}", tuple(arguments), log_path, {})

    def wait(self, is_over: Callable[[], bool]) -> str:
        """Wait until the cluster is instrumented, or `is_over`.

        Returns
        -------
        str
            One line that says what has been done; empty if it was over before.

        Raises
        ------
        AttachError
            The cluster cannot be instrumented.
        """
        deadline_s = time.monotonic() + ANSWER_S
        while not is_over():
            answer = next((line for line in self.lines() if line.startswith(ANSWERS)), None)
            if answer is not None:
                return answer
            if self.has_ended:
                raise AttachError(self.reason())  # the log stays: it may hold more
            if time.monotonic() > deadline_s:
                raise AttachError(f"no answer within {ANSWER_S:.0f} s")
            time.sleep(_LOOK_S)
        return ""


def check(address: str, endpoint: str | None) -> None:
    """Refuse at once what cannot work.

    Raises
    ------
    AttachError
        No address of a scheduler; an endpoint that is no URL; or a cluster that has to be told
        where to send, since it runs on another machine.
    """
    if importlib.util.find_spec("distributed") is None:
        raise AttachError("attaching needs distributed: pip install 'daskscope[demo]'")
    host = _host(address)
    if host is None:
        raise AttachError(f"{address!r} is not a scheduler's address, such as tcp://HOST:8786")
    if endpoint is not None:
        if _host(endpoint) is None:
            raise AttachError(f"{endpoint!r} is not a URL, such as http://HOST:4318")
    elif not _is_loopback(host):
        raise AttachError(
            f"{host} cannot reach this machine's loopback: say with --endpoint where the cluster"
            " shall send, to a Collector that sends here or to a port forwarded here (ssh -R)"
        )


def destination(
    endpoint: str | None, http: tuple[str, ...], grpc: tuple[str, ...]
) -> tuple[str, str | None]:
    """Where the cluster shall send, and the protocol if that is known here.

    Parameters
    ----------
    endpoint
        What the user has named, or None.
    http, grpc
        Where this window receives.
    """
    if endpoint is None:
        return f"http://{http[0]}", "http/protobuf"
    ports = {
        **{urlsplit(f"//{address}").port: "grpc" for address in grpc},
        **{urlsplit(f"//{address}").port: "http/protobuf" for address in http},
    }
    return endpoint, ports.get(urlsplit(endpoint).port)


def _host(url: str) -> str | None:
    """The host of a URL that names a port."""
    try:
        parts = urlsplit(url if "://" in url else f"tcp://{url}")
        return parts.hostname if parts.port else None
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
