"""What every test gets: an environment of its own, no display, ports that are free."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import dask.config
import pytest

from tests import ports

if TYPE_CHECKING:
    from collections.abc import Callable

# Qt reads its platform once, when the first application is made. A test that wants a real window
# starts a process under Xvfb.
os.environ["QT_QPA_PLATFORM"] = "offscreen"

# What the tester has exported for other work must steer neither the tests nor what they start.
for _name in [name for name in os.environ if name.startswith(("OTEL", "DASK", "JAEGER_"))]:
    del os.environ[_name]

# It is installed, so Dask would be instrumented: a cluster in a test is if the test says so.
dask.config.refresh()
dask.config.set({f"distributed.{_role}.preload": [] for _role in ("scheduler", "worker", "client")})


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Return a function that names a free TCP port of 127.0.0.1, another one at each call."""
    return ports.free_port
