"""The clock: the only place that reads the time of day."""

from __future__ import annotations

import time

#: Seconds since the epoch on this machine's clock.
now_s = time.time
