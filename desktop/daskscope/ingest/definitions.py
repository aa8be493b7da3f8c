"""Dense ids for the texts, resources, traces and metric series of one session.

Ids are given in order of first use and never change, so that a reader that knows the first n
entries of a table needs only the rest. Tables only grow; reading while another thread adds is
safe.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import orjson
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from dask_otel import conventions
from daskscope.ingest.values import attributes_of
from daskscope.store.schema import Attributes, Definitions, Series
from daskscope.store.workers import WorkerTable

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

#: Texts of which the id is known without decoding them; forgotten when there are more.
MAX_KNOWN_UTF8 = 10_000
#: Entries of a table that one message defines, so that none takes long; of resources a part.
MOST_ENTRIES: Final = 2_048
MOST_RESOURCES: Final = 64
#: What a resource says of its cluster.
_OF_CLUSTER: Final = (conventions.SERVICE_NAMESPACE, conventions.SCHEDULER_ADDRESS)
#: Resources of which the id is known by their bytes; forgotten when there are more.
MAX_KNOWN_RESOURCES = 50_000


def parts(whole: Definitions) -> Iterator[Definitions]:
    """The same definitions as messages none of which takes long; series come after all else."""
    n = max(len(whole.strings), len(whole.traces))
    if n <= MOST_ENTRIES >= len(whole.series) and len(whole.resources) <= MOST_RESOURCES:
        yield whole
        return
    for base, strings in _pieces(whole.strings, MOST_ENTRIES):
        yield Definitions(strings_base=whole.strings_base + base, strings=strings)
    for base, resources in _pieces(whole.resources, MOST_RESOURCES):
        yield Definitions(resources_base=whole.resources_base + base, resources=resources)
    for base, traces in _pieces(whole.traces, MOST_ENTRIES):
        yield Definitions(traces_base=whole.traces_base + base, traces=traces)
    for base, series in _pieces(whole.series, MOST_ENTRIES):
        yield Definitions(series_base=whole.series_base + base, series=series)


def _pieces(entries: tuple[T, ...], most: int) -> Iterator[tuple[int, tuple[T, ...]]]:
    for base in range(0, len(entries), most):
        yield base, entries[base : base + most]


class Ids(dict[K, int], Generic[K]):
    """A dict that gives every new key the next id; `entries[id]` is the key."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[K] = []

    def __missing__(self, key: K) -> int:
        number = self[key] = len(self.entries)
        self.entries.append(key)
        return number


class Utf8Ids(dict[bytes, int]):
    """Ids of texts by their UTF-8 bytes, a cache in front of the ids of texts."""

    def __init__(self, strings: Ids[str]) -> None:
        super().__init__()
        self._strings = strings

    def __missing__(self, key: bytes) -> int:
        if len(self) >= MAX_KNOWN_UTF8:
            self.clear()
        number = self[key] = self._strings[key.decode("utf-8", "replace")]
        return number


class WorkerIds(dict[bytes, int]):
    """Ids of workers that a resource speaks of, by the UTF-8 bytes of their addresses.

    They hold until resources are defined.
    """

    def __init__(self, tables: Tables, resource: int) -> None:
        super().__init__()
        self._tables, self._resource = tables, resource

    def __missing__(self, key: bytes) -> int:
        address = key.decode("utf-8", "replace")
        number = self[key] = self._tables.worker(address, self._resource)
        return number


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """How many entries of each table a reader knows."""

    strings: int = 0
    resources: int = 0
    traces: int = 0
    series: int = 0


class Tables:
    """The four tables of a session.

    Attributes
    ----------
    strings, traces
        Ids by text and by the 16 bytes of a trace id.
    utf8
        Ids of texts by their UTF-8 bytes.
    """

    def __init__(self) -> None:
        self.strings: Ids[str] = Ids()
        self.utf8 = Utf8Ids(self.strings)
        self._workers = WorkerTable()
        self._newest_of: dict[int, int] = {}
        self.traces: Ids[bytes] = Ids()
        self._resources: Ids[bytes] = Ids()
        self._series: Ids[tuple[str, str, int, bool, bytes]] = Ids()
        self._resource_entries: list[Attributes] = []
        self._known_resources: dict[bytes, int] = {}
        self._series_entries: list[Series] = []
        assert self.strings[""] == 0

    def resource_of(self, data: bytes) -> int:
        """Id of a resource as it came."""
        number = self._known_resources.get(data)
        if number is None:
            number = self.resource(attributes_of(Resource.FromString(data).attributes))
            if len(self._known_resources) >= MAX_KNOWN_RESOURCES:
                self._known_resources.clear()
            self._known_resources[data] = number
        return number

    def resource(self, attributes: Attributes) -> int:
        """Id of the resource with these attributes, whatever their order."""
        number = self._resources[_canonical(attributes)]
        if number == len(self._resource_entries):
            self._resource_entries.append(attributes)
            self._newest_of[self._workers.know(attributes)] = number
        return number

    def worker(self, address: str, resource: int) -> int:
        """Id of the newest resource of the worker at an address that a resource speaks of.

        One of which somebody else tells before, or without, a word of its own gets a resource that
        says no more than its address and its cluster.
        """
        worker = self._workers.at(address, resource)
        if worker not in self._newest_of:
            attributes = self._resource_entries[resource]
            self.resource(
                {
                    conventions.SERVICE_NAME: conventions.SERVICE_WORKER,
                    **{name: attributes[name] for name in _OF_CLUSTER if name in attributes},
                    conventions.WORKER_ADDRESS: address,
                }
            )
        return self._newest_of[worker]

    @property
    def resources(self) -> Sequence[Attributes]:
        """Attributes of all resources."""
        return self._resource_entries

    def series(self, series: Series) -> int:
        """Id of a metric series."""
        attributes = _canonical(series.attributes)
        number = self._series[
            (series.name, series.unit, series.resource, series.is_cumulative, attributes)
        ]
        if number == len(self._series_entries):
            self._series_entries.append(series)
            # Views know a prefix by its string, before any of its tasks has run.
            prefix = series.attributes.get(conventions.TASK_PREFIX)
            if isinstance(prefix, str):
                self.strings[prefix]
        return number

    def mark(self) -> Mark:
        """How far the tables go now."""
        return Mark(
            len(self.strings.entries),
            len(self._resource_entries),
            len(self.traces.entries),
            len(self._series_entries),
        )

    def since(self, mark: Mark, until: Mark) -> Definitions | None:
        """What a reader that knows the entries up to `mark` lacks up to `until`."""
        if mark == until:
            return None
        return Definitions(
            strings_base=mark.strings,
            strings=tuple(self.strings.entries[mark.strings : until.strings]),
            resources_base=mark.resources,
            resources=tuple(self._resource_entries[mark.resources : until.resources]),
            traces_base=mark.traces,
            traces=tuple(self.traces.entries[mark.traces : until.traces]),
            series_base=mark.series,
            series=tuple(self._series_entries[mark.series : until.series]),
        )

    def extend(self, definitions: Definitions) -> None:
        """Add entries that were defined elsewhere, in the order of their definition."""
        for text in definitions.strings:
            self.strings[text]
        for attributes in definitions.resources:
            self.resource(attributes)
        for trace in definitions.traces:
            self.traces[trace]
        for series in definitions.series:
            self.series(series)


def _canonical(attributes: Attributes) -> bytes:
    return orjson.dumps(attributes, option=orjson.OPT_SORT_KEYS)
