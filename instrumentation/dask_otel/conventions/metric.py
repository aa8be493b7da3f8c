"""What is said of a metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One emitted metric, equal to itself alone: as part of a key it costs no comparison.

    Attributes
    ----------
    name, unit, kind, description
        As they stand on the wire; a `counter` is cumulative and only grows. An `updowncounter` is
        what OpenTelemetry's conventions call some sizes that a gauge would show as well.
    attributes
        Names of the attributes of its points.
    when
        What it takes for it to be sent; empty when every process of its kind sends it.
    """

    name: str
    unit: str
    kind: Literal["gauge", "counter", "updowncounter"]
    description: str
    attributes: tuple[str, ...] = ()
    when: str = ""
