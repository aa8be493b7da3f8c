"""Where the spans of some requests lie in their bytes, and who sent each.

Workers export every tenth of a second, so a request of one of them holds a few dozen spans, and one
of a Collector a few of each of many workers. What is laid out alike can be read in step only if it
is looked for in all of them at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from daskscope.ingest.outline import outlined

if TYPE_CHECKING:
    from collections.abc import Iterable

    from daskscope.ingest.definitions import Tables
    from daskscope.ingest.wire import Places
    from daskscope.store.schema import Array


@dataclass(frozen=True, slots=True)
class SpanPlaces:
    """All spans of some requests, in their order.

    Attributes
    ----------
    pieces
        The bytes of the requests.
    begins, ends
        Where each span lies in `pieces`, one after the other.
    resources
        Id of the resource of each span.
    requests
        Number of the request of each span.
    """

    pieces: list[bytes]
    begins: Places
    ends: Places
    resources: Array
    requests: Array

    def __len__(self) -> int:
        return len(self.begins)


def places_of(requests: Iterable[tuple[int, bytes]], tables: Tables) -> SpanPlaces:
    """Find the spans of well-formed requests, each with its number."""
    pieces: list[bytes] = []
    begins: list[int] = []
    ends: list[int] = []
    # One of each for some spans that follow each other.
    sizes: list[int] = []
    bases: list[int] = []
    resources: list[int] = []
    numbers: list[int] = []
    base = 0
    for number, body in requests:
        data, parts = outlined(body, ExportTraceServiceRequest)
        for part in parts:
            begins += part.begins
            ends += part.ends
            sizes.append(len(part.begins))
            bases.append(base)
            resources.append(tables.resource_of(part.resource))
            numbers.append(number)
        pieces.append(data)
        base += len(data)
    lengths = np.array(sizes, np.int64)
    shift = np.repeat(np.array(bases, np.int64), lengths)
    return SpanPlaces(
        pieces,
        np.array(begins, np.int64) + shift,
        np.array(ends, np.int64) + shift,
        np.repeat(np.array(resources, np.uint32), lengths),
        np.repeat(np.array(numbers, np.uint32), lengths),
    )
