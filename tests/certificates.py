"""Certificates of our own making, by OpenSSL's command."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """A key and its certificate, in PEM."""

    key: Path
    certificate: Path


class Authority:
    """Signs certificates of 127.0.0.1.

    Raises
    ------
    RuntimeError
        `openssl` is not installed.
    """

    def __init__(self, folder: Path, name: str = "authority") -> None:
        if shutil.which("openssl") is None:
            raise RuntimeError("the tests of TLS need the program openssl")
        self._folder = folder
        self.own = Certificate(folder / f"{name}.key", folder / f"{name}.pem")
        self._openssl(
            *("req", "-x509", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-addext", "keyUsage=critical,keyCertSign", "-keyout", self.own.key),
            *("-out", self.own.certificate),
        )

    def signed(self, name: str) -> Certificate:
        """A certificate for a server or a client at 127.0.0.1."""
        key, certificate, request, extensions = (
            self._folder / f"{name}.{ending}" for ending in ("key", "pem", "csr", "ext")
        )
        self._openssl(
            *("req", "-new", "-nodes", "-subj", f"/CN={name}"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-keyout", key, "-out", request),
        )
        extensions.write_text(
            "subjectAltName=IP:127.0.0.1,DNS:localhost\n"
            "authorityKeyIdentifier=keyid\n"  # Python 3.13 is as strict as RFC 5280
            "basicConstraints=critical,CA:FALSE\n"
        )
        self._openssl(
            *("x509", "-req", "-days", "2", "-CAcreateserial", "-in", request),
            *("-CA", self.own.certificate, "-CAkey", self.own.key),
            *("-extfile", extensions, "-out", certificate),
        )
        return Certificate(key, certificate)

    def _openssl(self, *args: str | Path) -> None:
        command = ["openssl", *map(str, args)]
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if result.returncode:
            raise RuntimeError(result.stderr)


@dataclass(frozen=True)
class ServerTls:
    """How a server shows who it is, and whose clients it takes (None: everybody's)."""

    own: Certificate
    clients_of: Authority | None = None

    def context(self) -> ssl.SSLContext:
        """For `ssl`."""
        found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        found.load_cert_chain(self.own.certificate, self.own.key)
        if self.clients_of is not None:
            found.load_verify_locations(self.clients_of.own.certificate)
            found.verify_mode = ssl.CERT_REQUIRED
        return found

    def credentials(self) -> grpc.ServerCredentials:
        """For gRPC."""
        chain = [(self.own.key.read_bytes(), self.own.certificate.read_bytes())]
        roots = None if self.clients_of is None else self.clients_of.own.certificate.read_bytes()
        return grpc.ssl_server_credentials(chain, roots, roots is not None)
