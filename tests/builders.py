"""Messages for the store from literals, and synthetic clusters of any size."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from dask_otel import conventions
from daskscope.store.schema import (
    EVENT_COLUMNS,
    POINT_COLUMNS,
    RUNNING_COLUMNS,
    SPAN_COLUMNS,
    WORD_COLUMNS,
    Attributes,
    AttributeValue,
    Definitions,
    EventBatch,
    Kind,
    Outcome,
    PointBatch,
    RunningWords,
    Series,
    SpanBatch,
    Status,
    TextColumn,
)
from daskscope.store.writer import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daskscope.store.snapshot import Snapshot

SECOND = 1_000_000_000
MS = 1_000_000
T0 = 1_700_000_000 * SECOND


@dataclass(frozen=True, slots=True)
class Span:
    """A finished span; `start` and `end` in ns since `T0`."""

    start: int
    end: int
    name: str = "inc"
    resource: int = 0
    thread: int = 11
    kind: Kind = Kind.COMPUTE
    status: Status = Status.UNSET
    key: str = ""
    run_id: int = -1
    nbytes: int = -1
    peer: str = ""
    error: str = ""
    type: str = ""
    outcome: Outcome = Outcome.NONE
    wait_data_s: float = math.nan
    wait_thread_s: float = math.nan
    #: 0: its number in the batch, from 1 on.
    span_id: int = 0
    parent_id: int = 0


@dataclass(slots=True)
class Source:
    """Gives ids to texts and resources, as a receiver does, and makes messages."""

    strings: list[str] = field(default_factory=lambda: [""])
    resources: list[Attributes] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    _sent: list[int] = field(default_factory=lambda: [0, 0, 0])

    def text(self, text: str) -> int:
        if text not in self.strings:
            self.strings.append(text)
        return self.strings.index(text)

    def worker(
        self,
        name: str,
        host: str = "node-01",
        port: int = 40101,
        nthreads: int = 2,
        loop_thread: int = 0,
        namespace: str = "",
    ) -> int:
        """A worker's resource; a new process of it has another port."""
        attributes: dict[str, AttributeValue] = {
            conventions.SERVICE_NAME: conventions.SERVICE_WORKER,
            conventions.HOST_NAME: host,
            conventions.WORKER_NAME: name,
            conventions.WORKER_ADDRESS: f"tcp://10.0.4.11:{port}",
            conventions.WORKER_NTHREADS: nthreads,
        }
        if namespace:
            attributes[conventions.SERVICE_NAMESPACE] = namespace
        if loop_thread:
            attributes[conventions.WORKER_LOOP_THREAD] = loop_thread
        return self.resource(attributes)

    def resource(self, attributes: Attributes) -> int:
        self.resources.append(attributes)
        return len(self.resources) - 1

    def metric(
        self, metric: conventions.Metric, resource: int, **attributes: AttributeValue
    ) -> int:
        """A series; `dask_task_prefix="x"` is the attribute `dask.task.prefix`."""
        named = {name.replace("_", "."): value for name, value in attributes.items()}
        is_cumulative = metric.kind == "counter"
        self.series.append(Series(metric.name, metric.unit, resource, is_cumulative, named))
        prefix = named.get(conventions.TASK_PREFIX)
        if isinstance(prefix, str):
            self.text(prefix)
        return len(self.series) - 1

    def definitions(self) -> Definitions:
        """What is new since the last call."""
        strings, resources, series = self._sent
        self._sent = [len(self.strings), len(self.resources), len(self.series)]
        return Definitions(
            strings_base=strings,
            strings=tuple(self.strings[strings:]),
            resources_base=resources,
            resources=tuple(self.resources[resources:]),
            series_base=series,
            series=tuple(self.series[series:]),
        )

    def spans(self, spans: Sequence[Span]) -> SpanBatch:
        values: dict[str, list[float]] = {
            "request": [0] * len(spans),
            "start_ns": [T0 + span.start for span in spans],
            "end_ns": [T0 + span.end for span in spans],
            "trace": [0] * len(spans),
            "span_id": [span.span_id or row for row, span in enumerate(spans, 1)],
            "parent_id": [span.parent_id for span in spans],
            "resource": [span.resource for span in spans],
            "thread": [span.thread for span in spans],
            "name": [self.text(span.name) for span in spans],
            "kind": [span.kind for span in spans],
            "status": [span.status for span in spans],
            "nbytes": [span.nbytes for span in spans],
            "peer": [self.text(span.peer) for span in spans],
            "type": [self.text(span.type) for span in spans],
            "error": [self.text(span.error) for span in spans],
            "run_id": [span.run_id for span in spans],
            "outcome": [span.outcome for span in spans],
            "wait_data_s": [span.wait_data_s for span in spans],
            "wait_thread_s": [span.wait_thread_s for span in spans],
        }
        columns = {name: np.array(values[name], dtype) for name, dtype in SPAN_COLUMNS.items()}
        return SpanBatch(columns, TextColumn.of(span.key for span in spans))

    def running(
        self, resource: int, time: int, attempts: Sequence[tuple[str, int, int, int]]
    ) -> RunningWords:
        """`attempts` are (prefix, start, run id, thread), times in ns since `T0`."""
        values = {
            "start_ns": [T0 + start for _, start, _, _ in attempts],
            "name": [self.text(name) for name, _, _, _ in attempts],
            "run_id": [run_id for _, _, run_id, _ in attempts],
            "thread": [thread for _, _, _, thread in attempts],
        }
        columns = {name: np.array(values[name], dtype) for name, dtype in RUNNING_COLUMNS.items()}
        keys = TextColumn.of(f"{name}-{run_id}" for name, _, run_id, _ in attempts)
        word = {"request": 0, "time_ns": T0 + time, "resource": resource, "n": len(attempts)}
        words = {name: np.array([word[name]], dtype) for name, dtype in WORD_COLUMNS.items()}
        return RunningWords(words, columns, keys)

    def event(
        self, name: str, time: int, body: str = "", severity: int = 9, resource: int = 0,
        **attributes: AttributeValue,
    ) -> EventBatch:  # fmt: skip
        """One record; attribute names as in `metric`, time in ns since `T0`."""
        values = {
            "request": [0],
            "time_ns": [T0 + time],
            "resource": [resource],
            "name": [self.text(name)],
            "severity": [severity],
        }
        columns = {name: np.array(values[name], dtype) for name, dtype in EVENT_COLUMNS.items()}
        named = {name.replace("_", "."): value for name, value in attributes.items()}
        return EventBatch(columns, TextColumn.of([body]), TextColumn.of([json.dumps(named)]))


def points(rows: Sequence[tuple[int, int, float]]) -> PointBatch:
    """`rows` are (series, time in ns since `T0`, value)."""
    values: dict[str, list[float]] = {
        "request": [0] * len(rows),
        "series": [series for series, _, _ in rows],
        "time_ns": [T0 + time for _, time, _ in rows],
        "value": [value for _, _, value in rows],
    }
    return PointBatch(
        {name: np.array(values[name], dtype) for name, dtype in POINT_COLUMNS.items()}
    )


def snapshot_of(source: Source, *batches: Sequence[Span]) -> Snapshot:
    """What a store knows of a source and some of its spans, which come batch by batch."""
    store = Store()
    made = [source.spans(batch) for batch in batches]
    store.apply(source.definitions())
    for batch in made:
        store.apply(batch)
    return store.snapshot()


@dataclass(slots=True)
class Load:
    """A cluster under a steady load of short tasks, made of arrays: 20,000 spans/s and more.

    Each lane is busy about nine tenths of the time with tasks of `mean_ns` on average.
    """

    n_workers: int = 64
    n_threads: int = 4
    mean_ns: int = 11_500_000
    n_prefixes: int = 12
    seed: int = 1
    source: Source = field(default_factory=Source)
    _ends: np.ndarray[tuple[int, ...], np.dtype[np.int64]] = field(init=False)
    _rng: np.random.Generator = field(init=False)
    _made: int = 0

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)
        self._ends = np.full(self.n_workers * self.n_threads, T0, np.int64)
        for number in range(self.n_workers):
            self.source.worker(
                f"w{number}", f"node-{number // 8:02}", 40000 + number, self.n_threads
            )
        for number in range(self.n_prefixes):
            self.source.text(f"prefix-{number}")

    def wait(self, until_ns: int) -> None:
        """Do nothing until then."""
        np.maximum(self._ends, until_ns, out=self._ends)

    def batch(self, n: int) -> SpanBatch:
        """The next `n` spans, those that end first of a round of all lanes first."""
        rng, n_lanes = self._rng, len(self._ends)
        n_each = -(-n // n_lanes)
        lasting = rng.exponential(self.mean_ns, (n_lanes, n_each)).astype(np.int64) + 1_000
        idle = rng.exponential(self.mean_ns / 9, (n_lanes, n_each)).astype(np.int64)
        end = self._ends[:, None] + np.cumsum(lasting + idle, axis=1)
        lane = np.repeat(np.arange(n_lanes), n_each)
        order = np.argsort(end.ravel(), kind="stable")[:n]
        lane, end_ns = lane[order], end.ravel()[order]
        np.maximum.at(self._ends, lane, end_ns)
        start_ns = end_ns - lasting.ravel()[order]
        phase = (start_ns - T0) // (3 * SECOND)
        name = 1 + (phase + rng.integers(0, 3, n)) % self.n_prefixes
        run_id = np.arange(self._made, self._made + n)
        self._made += n
        kind = np.where(rng.random(n) < 0.05, Kind.TRANSFER, Kind.COMPUTE)
        # Of some transfers nobody knows who waited for them.
        waiter = run_id % (self.n_prefixes + 1)
        values = {name: np.zeros(n, dtype) for name, dtype in SPAN_COLUMNS.items()} | {
            "start_ns": start_ns,
            "end_ns": end_ns,
            "span_id": run_id + 1,
            "resource": lane // self.n_threads,
            "thread": 1000 + lane,
            "name": name,
            "kind": kind,
            "type": np.where(kind == Kind.TRANSFER, waiter, 0),
            "status": np.where(rng.random(n) < 0.001, Status.ERROR, Status.UNSET),
            "run_id": run_id,
        }
        columns = {name: values[name].astype(dtype) for name, dtype in SPAN_COLUMNS.items()}
        text = b"('x-0123456789abcdef', 1234)"
        data = np.frombuffer(text * n, np.uint8)
        ends = np.arange(1, n + 1, dtype=np.uint32) * np.uint32(len(text))
        return SpanBatch(columns, TextColumn(data, ends))
