"""The clock: the only place that reads the time of day."""

from __future__ import annotations

import time

#: Seconds since the epoch on this machine's clock. Somebody may set it back, so what has just ended
#: did so at `max(start_s, now_s())`.
now_s = time.time
