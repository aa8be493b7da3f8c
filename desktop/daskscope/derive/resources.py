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
from daskscope.derive.frames import Chart, Curve, ResourcesFrame
from daskscope.derive.place import place
from daskscope.derive.reading import SILENCE_NS, measured
from daskscope.derive.workers import SIZES, worker_samples

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daskscope.store.snapshot import SeriesPoints, Snapshot

_MOST_STEPS: Final = 300
_LEAST_STEP_NS: Final = 1_000_000_000
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


def resources_frame(snapshot: Snapshot, now_ns: int, span_s: float = 300.0) -> ResourcesFrame:
    """The charts of the `span_s` seconds that end at `now_ns`."""
    step_ns = max(int(span_s * 1e9) // _MOST_STEPS, _LEAST_STEP_NS)
    n_steps = math.ceil(span_s * 1e9 / step_ns)
    # Curves end where the data do: an export that is on its way is no drop to zero.
    newest_ns = max(
        (int(points.time_ns[-1]) for _, _, points in measured(snapshot, names.CPU_USAGE)),
        default=now_ns,
    )
    grid_ns = np.arange(-n_steps, 1, dtype=np.int64)
    grid_ns = (min(newest_ns, now_ns) // step_ns + grid_ns) * step_ns
    sums = _sums(snapshot, grid_ns)
    x_s = (grid_ns[1:] - now_ns) / 1e9
    samples = [
        sample for sample in worker_samples(snapshot, now_ns, SIZES) if not sample.is_removed
    ]
    cores = sum(sample.values.get("threads", 0.0) for sample in samples)
    limit_bytes = sum(sample.values.get("limit", 0.0) for sample in samples)
    charts = (
        _cpu(x_s, sums, cores or math.nan),
        _memory(x_s, sums, limit_bytes or math.nan),
        _transfer(x_s, sums),
    )
    return ResourcesFrame(charts, span_s, now_ns)


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
    for step in (*handy, *(magnitude * factor for factor in (1, 2, 2.5, 5, 10))):
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
    is_worker = [place(attributes).is_worker for attributes in snapshot.resources]
    resampler = _Resampler(grid_ns)
    sums: dict[str, Floats] = {}
    for metric, name_of in _SUMS.items():
        members: defaultdict[str, _Members] = defaultdict(list)
        for kind, series, points in measured(snapshot, metric):
            if kind in name_of and is_worker[series.resource]:
                members[kind].append((series.resource, points))
        is_cumulative = metric.kind == "counter"
        for kind, series_of_kind in members.items():
            summed = resampler.summed(series_of_kind, is_cumulative)
            sums[name_of[kind]] = sums.get(name_of[kind], 0.0) + summed
    return sums


_Members: TypeAlias = "list[tuple[int, SeriesPoints]]"


@dataclass(frozen=True, slots=True)
class _Sampling:
    """How the points of one worker are read at the grid's times: between two neighbours each.

    Attributes
    ----------
    key
        Number of points, first and last time in tenths of a second.
    first, last
        The points used lie in `[first, last)`.
    index, following
        int64, shape of the grid: the two neighbours, counted from `first`.
    share
        float64, shape of the grid: how far it is from the one to the other.
    is_heard
        float64 of 0 and 1, shape of the grid: not before the first point, and none missing for
        longer than `SILENCE_NS`.
    per_s
        float64, one shorter than the grid: 1 / seconds between the times read; 0 where the grid
        lies wholly beside the points.
    """

    key: tuple[int, int, int]
    first: int
    last: int
    index: Indices
    following: Indices
    share: Floats
    is_heard: Floats
    per_s: Floats


def _key(times: Indices) -> tuple[int, int, int]:
    return len(times), int(times[0]) // 100_000_000, int(times[-1]) // 100_000_000


def _sampling(times: Indices, grid_ns: Indices) -> _Sampling:
    index = np.maximum(times.searchsorted(grid_ns, "right") - 1, 0)
    following = np.minimum(index + 1, len(times) - 1)
    before_ns, after_ns = times.take(index), times.take(following)
    read_ns = np.minimum(np.maximum(grid_ns, before_ns), after_ns)
    share = (read_ns - before_ns) / np.maximum(after_ns - before_ns, 1)
    is_heard = (grid_ns >= before_ns) & (grid_ns - before_ns <= SILENCE_NS)
    between_ns = read_ns[1:] - read_ns[:-1]
    per_s = np.divide(1e9, between_ns, out=np.zeros(len(between_ns)), where=between_ns > 0)
    first, last = int(index[0]), int(following[-1]) + 1
    return _Sampling(
        _key(times),
        first,
        last,
        index - first,
        following - first,
        share,
        is_heard.astype(np.float64),
        per_s,
    )


class _Resampler:
    """Sums series on a grid; a worker's series come with one export and share their sampling."""

    def __init__(self, grid_ns: Indices) -> None:
        self._grid_ns = grid_ns
        self._samplings: dict[int, _Sampling] = {}
        self._joined: list[_Sampling] = []
        self._stack: tuple[Indices, Indices, Floats, Floats, Floats] | None = None

    def summed(self, members: _Members, is_cumulative: bool) -> Floats:
        """Sum of the values, or of the growth a second, over all series."""
        samplings = [self._sampling(resource, points) for resource, points in members]
        index, following, share, is_heard, per_s = self._stacked(samplings)
        values = np.concatenate(
            [
                points.value[sampling.first : sampling.last]
                for sampling, (_, points) in zip(samplings, members, strict=True)
            ]
        )
        np.nan_to_num(values, copy=False, posinf=0.0, neginf=0.0)
        read = values.take(index)
        read += (values.take(following) - read) * share
        if is_cumulative:
            grown = np.maximum(read[:, 1:] - read[:, :-1], 0.0)
            total: Floats = np.einsum("ij,ij->j", grown, per_s)
        else:
            total = np.einsum("ij,ij->j", read, is_heard)[1:]
        return total

    def _sampling(self, resource: int, points: SeriesPoints) -> _Sampling:
        known = self._samplings.get(resource)
        if known is None or known.key != _key(points.time_ns):
            known = self._samplings[resource] = _sampling(points.time_ns, self._grid_ns)
        return known

    def _stacked(
        self, samplings: list[_Sampling]
    ) -> tuple[Indices, Indices, Floats, Floats, Floats]:
        """The samplings of all series at once, as indices into their joined values."""
        is_same = len(self._joined) == len(samplings) and all(
            map(operator.is_, self._joined, samplings)
        )
        if self._stack is None or not is_same:
            lengths = [sampling.last - sampling.first for sampling in samplings]
            starts = np.cumsum([0, *lengths[:-1]])[:, None]
            self._joined = samplings
            self._stack = (
                np.stack([sampling.index for sampling in samplings]) + starts,
                np.stack([sampling.following for sampling in samplings]) + starts,
                np.stack([sampling.share for sampling in samplings]),
                np.stack([sampling.is_heard for sampling in samplings]),
                np.stack([sampling.per_s for sampling in samplings]),
            )
        return self._stack


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
    peak = max(float(network.y.max()), float(disk.y.max()))
    return Chart(
        title="Transfer",
        value_text=quantity.byte_rate(float(network.y[-1])) if "network" in sums else "",
        unit="bytes/s",
        curves=(network, disk),
        capacity=math.nan,
        capacity_text="",
        most=max(peak * 1.1, 1e6),
        is_stacked=False,
    )


def _most(capacity: float) -> float:
    return 0.0 if math.isnan(capacity) else capacity
