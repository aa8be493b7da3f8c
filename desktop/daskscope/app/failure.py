"""What can be expected to go wrong: errors that reach the user as one line."""

from __future__ import annotations

import sqlite3
from typing import Final

from daskscope.app.attach import AttachError
from daskscope.app.demo import DemoError
from daskscope.app.platform import PlatformError
from daskscope.ingest.journal import RecordingError
from daskscope.ingest.source import SourceError
from daskscope.simulate.send import SendError

EXPECTED: Final = (
    AttachError,
    DemoError,
    PlatformError,
    RecordingError,
    SendError,
    SourceError,
    OSError,
    sqlite3.Error,
)
