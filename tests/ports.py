"""Free TCP ports of 127.0.0.1, another one at each call."""

from __future__ import annotations

import socket

_drawn: set[int] = set()


def free_port() -> int:
    """A port that is free now and that was not named before."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port not in _drawn:
            _drawn.add(port)
            return port
