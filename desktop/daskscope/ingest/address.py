"""Addresses to listen on, as people write them: `host:port`."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class AddressError(ValueError):
    """Not an address to listen on; the text is one line for the user."""


class Address(NamedTuple):
    """A numeric host and a port, 0 for any that is free."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """The address that `text` says, on this machine's loopback interface.

    Raises
    ------
    AddressError
        It is no address, or others could reach it: what is received needs no password.
    """
    host, colon, digits = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not digits.isascii() or not digits.isdigit() or int(digits) > 65535:
        raise AddressError(f"{text!r} is not HOST:PORT")
    if host == "localhost":
        host = "127.0.0.1"
    try:
        ipaddress.ip_address(host)
    except ValueError as error:
        raise AddressError(f"{host!r} in {text!r} is not a numeric address") from error
    if not is_loopback(host):
        raise AddressError(
            f"{text} could be reached from other machines, and nothing asks them for a password:"
            " listen on 127.0.0.1 and forward the port with ssh"
        )
    return Address(host, int(digits))


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or a number, is this machine and no other can be meant."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bound_socket(address: Address) -> socket.socket:
    """A socket that listens on `address`.

    Raises
    ------
    AddressError
        It cannot be had.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server(address, family=family, backlog=512)
    except OSError as error:
        # Python adds what it tried, which is said here already.
        why, _, _ = (error.strerror or str(error)).partition(" (while ")
        raise AddressError(f"cannot listen on {address}: {why}") from error


def bound_name(bound: socket.socket) -> str:
    """`host:port` of a bound socket."""
    host, port = bound.getsockname()[:2]
    return str(Address(host, port))


def parse_addresses(texts: Iterable[str]) -> tuple[Address, ...]:
    """Several addresses, see `parse_address`."""
    return tuple(parse_address(text) for text in texts)
