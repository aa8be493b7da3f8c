"""What several tests of texts need."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from daskscope.derive import timeaxis

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def utc() -> Iterator[None]:
    """Let local time be that of Greenwich, on the time axis too, which keeps its texts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        timeaxis._texts.cache_clear()
        yield
    time.tzset()
    timeaxis._texts.cache_clear()
