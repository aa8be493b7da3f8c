"""Where the spans of some requests lie in their bytes, and who sent each.

Workers export every tenth of a second, so a request of one of them holds a few dozen spans, and one
of a Collector a few of each of many workers. What is laid out alike can be read in step only if it
is looked for in all of them at once.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.ingest.wire import submessages

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceRequest,
    )
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

    from daskscope.ingest.definitions import Tables
    from daskscope.ingest.wire import Places
    from daskscope.store.schema import Array

# Tags of fields in trace.proto: number << 3 | wire type.
_RESOURCE_SPANS: Final = 0x0A
_SCOPE_SPANS: Final = 0x12
_SPANS: Final = 0x12


@dataclass(slots=True)
class SpanPlaces:
    """All spans of some requests, in their order.

    Attributes
    ----------
    data
        The bytes of all requests, one after the other.
    begins, ends
        Where each span lies in `data`; both 0 where that could not be told.
    """

    data: bytes = b""
    begins: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    _resources: list[int] = field(default_factory=list)
    _requests: list[int] = field(default_factory=list)
    _sizes: list[int] = field(default_factory=list)
    _scopes: list[Sequence[Span]] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)

    @classmethod
    def of(
        cls, requests: Iterable[tuple[int, bytes, ExportTraceServiceRequest]], tables: Tables
    ) -> SpanPlaces:
        """Find the spans of requests, each with its number and the bytes it was parsed from."""
        found = cls()
        pieces: list[bytes] = []
        base = 0
        for number, data, request in requests:
            begins = submessages(data, 0, len(data), _RESOURCE_SPANS)
            for index, group in enumerate(request.resource_spans):
                within = (begins[0][index], begins[1][index]) if begins is not None else None
                found._add(number, data, base, within, group, tables)
            pieces.append(data)
            base += len(data)
        found.data = b"".join(pieces)
        return found

    def __len__(self) -> int:
        return len(self.begins)

    @property
    def resources(self) -> Array:
        """Id of the resource of each span."""
        return np.repeat(np.array(self._resources, np.uint32), self._sizes)

    @property
    def requests(self) -> Array:
        """Number of the request of each span."""
        return np.repeat(np.array(self._requests, np.uint32), self._sizes)

    def span(self, row: int) -> Span:
        """One span as protobuf's object."""
        scope = bisect_right(self._starts, row) - 1
        return self._scopes[scope][row - self._starts[scope]]

    def places(self) -> tuple[Places, Places]:
        """Begins and ends as arrays."""
        return np.array(self.begins, np.int64), np.array(self.ends, np.int64)

    def _add(
        self,
        number: int,
        data: bytes,
        base: int,
        within: tuple[int, int] | None,
        group: ResourceSpans,
        tables: Tables,
    ) -> None:
        resource = tables.resource_of(group.resource)
        scopes = submessages(data, *within, _SCOPE_SPANS) if within is not None else None
        for index, scope in enumerate(group.scope_spans):
            spans = scope.spans
            places = None
            if scopes is not None:
                places = submessages(data, scopes[0][index], scopes[1][index], _SPANS)
            n = len(spans)
            if not n:
                continue
            self._starts.append(len(self.begins))
            self._scopes.append(spans)
            self._sizes.append(n)
            self._resources.append(resource)
            self._requests.append(number)
            if places is None:
                places = [-base] * n, [-base] * n
            self.begins += [base + begin for begin in places[0]]
            self.ends += [base + end for end in places[1]]
