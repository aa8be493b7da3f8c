"""Charts of the whole cluster over the last minutes: CPU, memory, transfer.

All series are resampled on one grid of whole steps, so that a chart moves by whole steps and does
not shimmer. A worker counts nothing where it was silent. The work is bounded by the span and the
number of workers: the series of one worker share the search for their points.
"""

from __future__ import annotations

import math
import operator
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from dask_otel import conventions as names
from daskscope.derive import quantity
from daskscope.derive.panels import Chart, Curve, ResourcesFrame
from daskscope.derive.place import is_worker, process
from daskscope.derive.reading import SILENCE_NS, measured, newest_of
from daskscope.derive.sampling import SIZES, Sampler
from daskscope.derive.workers import LEAST_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daskscope.store.snapshot import SeriesPoints, Snapshot

#: Steps of the grid, fewer where there are very many workers.
_MOST_STEPS: Final = 300
_FEWEST_STEPS: Final = 100
_MOST_CELLS: Final = 60_000
_LEAST_STEP_NS: Final = 1_000_000_000
_LEAST_LENGTH_S: Final = 60.0
_MOST_LENGTH_S: Final = 300.0
_LENGTH_STEP_S: Final = 15.0
_SPAN_STEPS_S: Final = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600)

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

#: Sum by value of the metric's attribute ("" for a metric without one), by metric.
_SUMS: Final[Mapping[names.Metric, Mapping[str, str]]] = {
    names.CPU_USAGE: {"": "cpu"},
    names.WORKER_MEMORY: {
        names.MEMORY_MANAGED: "managed",
        names.MEMORY_UNMANAGED_OLD: "unmanaged",
        names.MEMORY_UNMANAGED_RECENT: "unmanaged",
    },
    names.TRANSFER_IO: {names.RECEIVE: "network"},
    names.PROCESS_DISK_IO: {names.READ: "disk", names.WRITE: "disk"},
}
#: Of the process, which several workers may share.
_OF_PROCESS: Final = (names.CPU_USAGE, names.PROCESS_DISK_IO)


def resources_frame(
    snapshot: Snapshot, now_ns: int, span_s: float = 300.0, sampler: Sampler | None = None
) -> ResourcesFrame:
    """The charts of the `span_s` seconds that end at `now_ns`."""
    samples = (sampler or Sampler()).of(snapshot, now_ns, SIZES)
    workers = samples.those(~samples.is_removed)
    most_steps = min(max(_MOST_CELLS // max(len(workers), 1), _FEWEST_STEPS), _MOST_STEPS)
    step_ns = max(int(span_s * 1e9) // most_steps, _LEAST_STEP_NS)
    n_steps = math.ceil(span_s * 1e9 / step_ns)
    # Curves end where the data do: an export that is on its way is no drop to zero.
    heard_ns = newest_of(snapshot, names.CPU_USAGE)[0]
    newest_ns = int(heard_ns.max()) if len(heard_ns) else now_ns
    grid_ns = np.arange(-n_steps, 1, dtype=np.int64)
    grid_ns = (min(newest_ns, now_ns) // step_ns + grid_ns) * step_ns
    sums = _sums(snapshot, grid_ns)
    x_s = (grid_ns[1:] - now_ns) / 1e9
    cores, limit_bytes = workers.total("threads"), workers.total("limit")
    charts = (
        _cpu(x_s, sums, cores or math.nan),
        _memory(x_s, sums, limit_bytes or math.nan),
        _transfer(x_s, sums),
    )
    return ResourcesFrame(charts, span_s, now_ns)


def shown_span_s(run_s: float) -> float:
    """Seconds that the charts show of a run of some length: the last minutes.

    Of a young run a minute, so that it can be seen, and more in steps, so that axes hold still.
    """
    steps_s = math.ceil(run_s / _LENGTH_STEP_S) * _LENGTH_STEP_S
    return min(max(steps_s, _LEAST_LENGTH_S), _MOST_LENGTH_S)


def ticks(most: float, unit: str) -> tuple[tuple[float, str], ...]:
    """Values and labels of an axis from 0 to `most`: at most five of them, 1-2-5 or binary."""
    base = 1.0
    if unit == "bytes":
        base = 1024.0 ** max(int(math.log(max(most, 1.0), 1024)), 0)
    elif unit == "bytes/s":
        base = 1000.0 ** max(int(math.log10(max(most, 1.0)) // 3), 0)
    step = _step(most / base, is_binary=unit != "bytes/s") * base
    values = [index * step for index in range(int(most / step * (1 + 1e-9)) + 1)]
    return tuple((value, _tick_text(value, unit)) for value in values)


def span_ticks(span_s: float) -> tuple[tuple[float, str], ...]:
    """Seconds before now and labels of the time axis: at most six, the last of them now."""
    step_s = next((step for step in _SPAN_STEPS_S if span_s / step <= 5), span_s)
    count = int(span_s / step_s * (1 + 1e-9))
    return tuple(
        (-index * step_s, f"−{_span_text(index * step_s)}" if index else "now")
        for index in range(count, -1, -1)
    )


def _span_text(seconds: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size:g}\u2009{unit}"
    return f"{seconds:g}\u2009s"


def _step(most: float, is_binary: bool) -> float:
    """The least handy step that needs at most four of itself for `most`."""
    magnitude = 10.0 ** math.floor(math.log10(max(most, 1e-9) / 4))
    handy = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512) if is_binary and most >= 3 else ()
    for step in (*handy, *(magnitude * factor for factor in (1, 2, 5, 10))):
        if most / step <= 4 * (1 + 1e-9):
            return float(step)
    return magnitude * 10


def _tick_text(value: float, unit: str) -> str:
    if unit == "cores" or not value:
        return f"{value:g}"
    return _short(quantity.nbytes(value) if unit == "bytes" else quantity.byte_rate(value))


def _short(text: str) -> str:
    """A text without its empty decimal: "24 GiB"."""
    return text.replace(f".0{quantity.THIN}", quantity.THIN)


def _sums(snapshot: Snapshot, grid_ns: Indices) -> dict[str, Floats]:
    """Sum over all workers by name; shape of the grid without its first time."""
    are_workers = [is_worker(attributes) for attributes in snapshot.resources]
    resampler = _Resampler(grid_ns)
    sums: dict[str, Floats] = {}
    for metric, name_of in _SUMS.items():
        members: defaultdict[str, _Members] = defaultdict(list)
        for kind, series, points in measured(snapshot, metric):
            if kind in name_of and are_workers[series.resource]:
                members[kind].append((series.resource, points))
        is_cumulative = metric.kind == "counter"
        for kind, series_of_kind in members.items():
            is_shared = metric in _OF_PROCESS
            counted = _of_processes(snapshot, series_of_kind) if is_shared else series_of_kind
            summed = resampler.summed(counted, is_cumulative)
            sums[name_of[kind]] = sums.get(name_of[kind], 0.0) + summed
    return sums


_Members: TypeAlias = "list[tuple[int, SeriesPoints]]"


def _of_processes(snapshot: Snapshot, members: _Members) -> _Members:
    """One series for each process, which several workers may share: the first not yet silent."""
    heard: dict[object, tuple[int, SeriesPoints]] = {}
    for resource, points in members:
        key = process(snapshot.resources[resource]) or resource
        other = heard.get(key)
        if other is None or points.time_ns[-1] > other[1].time_ns[-1] + SILENCE_NS:
            heard[key] = resource, points
    return list(heard.values())


@dataclass(frozen=True, slots=True)
class _Search:
    """Where the grid's times lie among the points of one worker.

    Attributes
    ----------
    key
        Number of points, first and last time in tenths of a second.
    first, last
        The points needed lie in `[first, last)`.
    index
        int64, shape of the grid: last point not after each time, else the first one.
    """

    key: tuple[int, int, int]
    first: int
    last: int
    index: Indices


@dataclass(frozen=True, slots=True)
class _Sampling:
    """How the joined points of many workers are read at the grid's times, one row for each.

    Attributes
    ----------
    index, following
        int64: the two neighbouring points.
    share
        float64: how far it is from the one to the other.
    is_heard
        bool: not before the first point, and none missing for longer than `SILENCE_NS`.
    per_s
        float64, one column fewer: 1 / seconds between the times read; 0 where the grid lies
        wholly beside the points.
    """

    index: Indices
    following: Indices
    share: Floats
    is_heard: npt.NDArray[np.bool_]
    per_s: Floats


def _key(times: Indices) -> tuple[int, int, int]:
    return len(times), int(times[0]) // 100_000_000, int(times[-1]) // 100_000_000


def _search(times: Indices, grid_ns: Indices) -> _Search:
    index = times.searchsorted(grid_ns, "right") - 1
    np.maximum(index, 0, out=index)
    return _Search(_key(times), int(index[0]), min(int(index[-1]) + 2, len(times)), index)


def _sampling(searches: list[_Search], times: list[Indices], grid_ns: Indices) -> _Sampling:
    ends = np.cumsum([search.last - search.first for search in searches])[:, None]
    shifts = np.array([[search.first] for search in searches])
    shifts[1:] -= ends[:-1]
    index = np.stack([search.index for search in searches]) - shifts
    following = np.minimum(index + 1, ends - 1)
    joined = np.concatenate(times)
    before_ns, after_ns = joined.take(index), joined.take(following)
    read_ns = np.minimum(np.maximum(grid_ns, before_ns), after_ns)
    share = (read_ns - before_ns) / np.maximum(after_ns - before_ns, 1)
    is_heard = (grid_ns >= before_ns) & (grid_ns - before_ns <= SILENCE_NS)
    between_ns = read_ns[:, 1:] - read_ns[:, :-1]
    per_s = np.divide(1e9, between_ns, out=np.zeros(between_ns.shape), where=between_ns > 0)
    return _Sampling(index, following, share, is_heard, per_s)


class _Resampler:
    """Sums series on a grid; a worker's series come with one export and share one search."""

    def __init__(self, grid_ns: Indices) -> None:
        self._grid_ns = grid_ns
        self._searches: dict[int, _Search] = {}
        self._sampled: list[_Search] = []
        self._sampling: _Sampling | None = None

    def summed(self, members: _Members, is_cumulative: bool) -> Floats:
        """Sum of the values, or of the growth a second, over all series."""
        searches = [self._search(resource, points) for resource, points in members]
        cuts = [slice(search.first, search.last) for search in searches]
        sampling = self._sampling
        is_same = len(searches) == len(self._sampled) and all(
            map(operator.is_, searches, self._sampled)
        )
        if sampling is None or not is_same:
            times = [points.time_ns[cut] for cut, (_, points) in zip(cuts, members, strict=True)]
            sampling = self._sampling = _sampling(searches, times, self._grid_ns)
            self._sampled = searches
        values = np.concatenate(
            [points.value[cut] for cut, (_, points) in zip(cuts, members, strict=True)]
        )
        np.nan_to_num(values, copy=False, posinf=0.0, neginf=0.0)
        read = values.take(sampling.index)
        read += (values.take(sampling.following) - read) * sampling.share
        if is_cumulative:
            grown = np.maximum(read[:, 1:] - read[:, :-1], 0.0)
            total: Floats = np.einsum("ij,ij->j", grown, sampling.per_s)
        else:
            total = np.einsum("ij,ij->j", read, sampling.is_heard)[1:]
        return total

    def _search(self, resource: int, points: SeriesPoints) -> _Search:
        known = self._searches.get(resource)
        if known is None or known.key != _key(points.time_ns):
            known = self._searches[resource] = _search(points.time_ns, self._grid_ns)
        return known


def _curve(
    x_s: Floats, sums: dict[str, Floats], name: str, token: str, is_dashed: bool = False
) -> Curve:
    return Curve(name, token, x_s, sums.get(name, np.zeros(len(x_s))), is_dashed)


def _cpu(x_s: Floats, sums: dict[str, Floats], cores: float) -> Chart:
    curve = _curve(x_s, sums, "cpu", "c1")
    has_data = "cpu" in sums
    return Chart(
        title="CPU",
        value_text=quantity.cores(float(curve.y[-1]), cores) if has_data else "",
        unit="cores",
        curves=(curve,),
        capacity=cores,
        capacity_text="" if math.isnan(cores) else quantity.plural(round(cores), "core"),
        most=max(_most(cores), float(curve.y.max()), 1.0),
        is_stacked=False,
    )


def _memory(x_s: Floats, sums: dict[str, Floats], limit_bytes: float) -> Chart:
    managed = _curve(x_s, sums, "managed", "mem")
    unmanaged = _curve(x_s, sums, "unmanaged", "mem_un")
    process = managed.y + unmanaged.y
    has_data = "managed" in sums or "unmanaged" in sums
    return Chart(
        title="Memory",
        value_text=quantity.memory(float(process[-1]), limit_bytes) if has_data else "",
        unit="bytes",
        curves=(managed, unmanaged),
        capacity=limit_bytes,
        capacity_text=""
        if math.isnan(limit_bytes)
        else f"limit {_short(quantity.nbytes(limit_bytes))}",
        most=max(_most(limit_bytes), float(process.max()), 1024.0**2),
        is_stacked=True,
    )


def _transfer(x_s: Floats, sums: dict[str, Floats]) -> Chart:
    network = _curve(x_s, sums, "network", "transfer")
    disk = _curve(x_s, sums, "disk", "disk", is_dashed=True)
    newest = float(network.y[-1])
    peak = max(float(network.y.max()), float(disk.y.max()))
    return Chart(
        title="Transfer",
        value_text=quantity.byte_rate(newest if newest >= LEAST_BYTES else 0.0)
        if "network" in sums
        else "",
        unit="bytes/s",
        curves=(network, disk),
        capacity=math.nan,
        capacity_text="",
        most=max(peak * 1.1, 1e6),
        is_stacked=False,
    )


def _most(capacity: float) -> float:
    return 0.0 if math.isnan(capacity) else capacity
