"""Readings in arrays are those of a walk over all series, one by one."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dask_otel import conventions as names
from daskscope.derive.place import place, process
from daskscope.derive.reading import SILENCE_NS, newest_of
from daskscope.derive.sampling import READINGS, SIZES, WORKER_TTL_NS, Sampler
from daskscope.store.schema import Definitions
from daskscope.store.writer import Store
from tests.builders import SECOND, T0, Source, points
from tests.readings import growth_per_s, histories, removed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from daskscope.derive.sampling import Samples
    from daskscope.store.schema import AttributeValue, Series
    from daskscope.store.snapshot import SeriesPoints, Snapshot

#: Address or resource id, how it is there, values.
Walked = list[tuple[str, str, dict[str, float]]]


def measured(
    snapshot: Snapshot, metric: names.Metric
) -> Iterator[tuple[str, Series, SeriesPoints]]:
    """Every series of `metric` that has points: value of its attribute, series, points."""
    history = histories(snapshot)
    attribute = metric.attributes[-1] if metric.attributes else ""
    for series_id in snapshot.series_of.get(metric.name, ()):
        if series_id in history:
            series = snapshot.series[series_id]
            yield str(series.attributes.get(attribute, "")), series, history[series_id]


def walk(snapshot: Snapshot, now_ns: int, metrics: Iterable[names.Metric]) -> Walked:
    """The definition: one series after the other."""
    values: dict[int, dict[str, float]] = {}
    heard_ns: dict[int, int] = {}
    for metric in metrics:
        for kind, series, held in measured(snapshot, metric):
            name = READINGS[metric].get(kind)
            if name is None:
                continue
            mine = values.setdefault(series.resource, {})
            before_ns = heard_ns.get(series.resource, 0)
            heard_ns[series.resource] = max(before_ns, int(held.time_ns[-1]))
            value = growth_per_s(held) if series.is_cumulative else float(held.value[-1])
            if math.isfinite(value):
                mine[name] = mine.get(name, 0.0) + value
    newest_ns = min(max(heard_ns.values(), default=0), now_ns)
    found: dict[str, tuple[int, str, dict[str, float]]] = {}
    for resource in sorted(values, key=lambda resource: heard_ns[resource]):
        attributes = snapshot.resources[resource]
        where = place(attributes)
        silence_ns = newest_ns - heard_ns[resource]
        if not where.is_worker or silence_ns > WORKER_TTL_NS:
            continue
        for name, key in (("threads", names.WORKER_NTHREADS), ("limit", names.WORKER_MEMORY_LIMIT)):
            told = attributes.get(key)
            if isinstance(told, int) and told > 0:
                values[resource].setdefault(name, float(told))
        how = "silent" if silence_ns > SILENCE_NS else ""
        if snapshot.worker_of[resource] in snapshot.removed_ns:
            how = f"{how} removed"
        found[where.address or f"{resource}"] = resource, how, values[resource]
    found = {address: of for address, of in found.items() if of[1] != "silent removed"}
    share(snapshot, found.values())
    return [(address, how, mine) for address, (_, how, mine) in found.items()]


def share(snapshot: Snapshot, found: Collection[tuple[int, str, dict[str, float]]]) -> None:
    keys = {number: process(snapshot.resources[number]) or number for number, _, _ in found}
    n_workers = Counter(keys[number] for number, how, _ in found if not how)
    for number, how, mine in found:
        for name in () if how else {"busy", "disk_read", "disk_write"} & mine.keys():
            mine[name] /= n_workers[keys[number]]


def told(samples: Samples) -> Walked:
    result = []
    for i, number in enumerate(samples.resource.tolist()):
        mine = {name: float(value[i]) for name, value in samples.values.items()}
        address = samples.places[number].address or f"{number}"
        known = {name: value for name, value in mine.items() if not math.isnan(value)}
        how = "silent" if samples.is_silent[i] else ""
        if samples.is_removed[i]:
            how = f"{how} removed"
        result.append((address, how, known))
    return result


class Crowd:
    """Workers that come, go, come again under the address they had, and say all sorts of things."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.source, self.store = Source(), Store()
        self.source.resource({names.SERVICE_NAME: names.SERVICE_SCHEDULER})
        self.series: dict[tuple[str, int, str], int] = {}
        self.now = 0

    def come(self) -> None:
        port = int(self.rng.integers(12))
        resource = self.source.worker(f"w{port}", f"node-{port % 3}", port)
        more: dict[str, AttributeValue] = {
            names.PROCESS_PID: int(self.rng.integers(4)),
            names.SERVICE_INSTANCE_ID: f"{self.rng.integers(3)}",
            names.WORKER_NTHREADS: int(self.rng.integers(3)),
        }
        attributes = {**self.source.resources[resource], **more}
        if self.rng.random() < 0.1:
            del attributes[names.WORKER_ADDRESS]
        self.source.resources[resource] = attributes

    def speak(self) -> None:
        rows = []
        for resource in range(len(self.source.resources)):
            if self.rng.random() < 0.3:
                continue
            for metric, kinds in READINGS.items():
                kind = str(self.rng.choice([*kinds, "other"]))
                key = metric.name, resource, kind
                if key not in self.series:
                    said = {metric.attributes[-1]: kind} if metric.attributes else {}
                    self.series[key] = self.source.metric(metric, resource, **said)
                late = int(self.rng.integers(20)) if self.rng.random() < 0.1 else 0
                value = float("nan") if self.rng.random() < 0.02 else self.rng.integers(1_000)
                rows.append((self.series[key], self.now - late * SECOND // 2, float(value)))
        self.apply(points(rows))

    def apply(self, *messages: object) -> None:
        source = self.source
        known = Definitions(
            strings=tuple(source.strings),
            resources=tuple(source.resources),
            series=tuple(source.series),
        )
        for message in (known, *messages):
            self.store.apply(message)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(12))
def test_a_crowd_is_read_as_one_by_one(seed: int) -> None:
    crowd, sampler = Crowd(seed), Sampler()
    for step in range(25):
        crowd.now += int(crowd.rng.integers(1, 5)) * SECOND // 2
        if crowd.rng.random() < 0.05:
            crowd.now += WORKER_TTL_NS - SECOND
        for _ in range(int(crowd.rng.integers(4))):
            crowd.come()
        crowd.speak()
        if crowd.rng.random() < 0.2:
            address = f"tcp://10.0.4.11:{crowd.rng.integers(12)}"
            crowd.apply(*removed(crowd.source, address, crowd.now / SECOND))
        snapshot, now_ns = crowd.store.snapshot(), T0 + crowd.now
        for metrics in (tuple(READINGS), SIZES):
            expected = walk(snapshot, now_ns, metrics)
            assert told(sampler.of(snapshot, now_ns, metrics)) == expected, step
            assert told(Sampler().of(snapshot, now_ns, metrics)) == expected, step
        heard = [held for _, _, held in measured(snapshot, names.WORKER_THREADS)]
        time_ns, value = newest_of(snapshot, names.WORKER_THREADS)
        assert time_ns.tolist() == [int(held.time_ns[-1]) for held in heard]
        np.testing.assert_equal(value.tolist(), [float(held.value[-1]) for held in heard])


def test_names_rank_by_their_numbers_and_equal_ones_alike() -> None:
    crowd = Crowd(0)
    for name in ("w10", "w2", "w2"):
        crowd.source.worker(name)
    crowd.apply()
    sampler = Sampler()
    sampler.of(crowd.store.snapshot(), T0)
    assert sampler.ranks()[1:].tolist() == [2, 1, 1]
