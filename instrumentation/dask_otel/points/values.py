"""What a reading is: a dictionary, so that a newer one simply replaces one that was not sent."""

from __future__ import annotations

from dask_otel.conventions import Metric as Metric

Attributes = tuple[tuple[str, str], ...]
Points = dict[tuple[Metric, Attributes], float]
