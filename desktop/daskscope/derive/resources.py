"""Charts of the whole cluster over the last minutes: CPU, memory, transfer.

Curves have a point each whole second, so that a chart moves by whole steps and does not shimmer. A
worker counts nothing where it was silent.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from dask_otel import conventions as names
from daskscope.derive import quantity
from daskscope.derive.panels import Chart, Curve, ResourcesFrame
from daskscope.derive.reading import newest_of
from daskscope.derive.sampling import SIZES, Sampler
from daskscope.derive.totals import STEP_NS, Totals
from daskscope.derive.workers import LEAST_BYTES

if TYPE_CHECKING:
    from daskscope.derive.sampling import Floats
    from daskscope.store.snapshot import Snapshot

_LEAST_LENGTH_S: Final = 60.0
_LEAST_RECORDED_S: Final = 1.0
_MOST_LENGTH_S: Final = 300.0
_LENGTH_STEP_S: Final = 15.0
_SPAN_STEPS_S: Final = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600)


def resources_frame(
    snapshot: Snapshot,
    now_ns: int,
    span_s: float = 300.0,
    sampler: Sampler | None = None,
    totals: Totals | None = None,
) -> ResourcesFrame:
    """The charts of the `span_s` seconds that end at `now_ns`.

    `totals` that are kept for one store, and have advanced with it, make it fast.
    """
    sampler = sampler or Sampler()
    samples = sampler.of(snapshot, now_ns, SIZES)
    is_running = ~samples.is_removed
    workers = samples.those(is_running) if is_running.any() else samples
    if totals is None:
        totals = Totals(sampler)
        totals.advance(snapshot)
    # Curves end where the data do: an export that is on its way is no drop to zero.
    heard_ns = newest_of(snapshot, names.CPU_USAGE)[0]
    newest_ns = int(heard_ns.max()) if len(heard_ns) else now_ns
    last = min(newest_ns, now_ns) // STEP_NS
    # And they begin where the run does: before it nothing was measured, which is no zero.
    begin = -(-snapshot.first_ns // STEP_NS)
    n = max(min(math.ceil(span_s * 1e9 / STEP_NS), last - begin + 1), 1)
    sums = totals.sums(n, last * STEP_NS)
    x_s = (np.arange(last - n + 1, last + 1) * STEP_NS - now_ns) / 1e9
    cores, limit_bytes = workers.total("threads"), workers.total("limit")
    charts = (
        _cpu(x_s, sums, cores or math.nan),
        _memory(x_s, sums, limit_bytes or math.nan),
        _transfer(x_s, sums),
    )
    end_text = "now" if snapshot.status.is_live else "end"
    return ResourcesFrame(charts, span_s, now_ns, end_text)


def shown_span_s(run_s: float, *, is_live: bool) -> float:
    """Seconds that the charts show of a run of some length: the last minutes.

    Of a young live run a minute, so that it can be seen, and more in steps, so that axes hold
    still; a recording is as long as it is.
    """
    if not is_live:
        return min(max(run_s, _LEAST_RECORDED_S), _MOST_LENGTH_S)
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


def span_ticks(span_s: float, end_text: str) -> tuple[tuple[float, str], ...]:
    """Seconds before the end and labels of the time axis: at most six, the last at the end."""
    step_s = next((step for step in _SPAN_STEPS_S if span_s / step <= 5), span_s)
    count = int(span_s / step_s * (1 + 1e-9))
    return tuple(
        (-index * step_s, f"−{_span_text(index * step_s)}" if index else end_text)
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
        return f"{value:g}" if value < 1000 else quantity.count(value)
    return _short(quantity.nbytes(value) if unit == "bytes" else quantity.byte_rate(value))


def _short(text: str) -> str:
    """A text without its empty decimal: "24 GiB"."""
    return text.replace(f".0{quantity.THIN}", quantity.THIN)


def _curve(
    x_s: Floats, sums: dict[str, Floats], name: str, token: str, is_dashed: bool = False
) -> Curve:
    return Curve(name, token, x_s, sums.get(name, np.zeros(len(x_s))), is_dashed)


def _measured(x_s: Floats, sums: dict[str, Floats], *sums_of_chart: str) -> Floats:
    """Where the curves of one chart have points: nowhere while nothing of it was measured."""
    return x_s if any(name in sums for name in sums_of_chart) else x_s[:0]


def _cpu(x_s: Floats, sums: dict[str, Floats], cores: float) -> Chart:
    curve = _curve(_measured(x_s, sums, "cpu"), sums, "cpu", "c1")
    return Chart(
        title="CPU",
        value_text=quantity.cores(float(curve.y[-1]), cores) if len(curve.y) else "",
        unit="cores",
        curves=(curve,),
        capacity=cores,
        capacity_text="" if math.isnan(cores) else quantity.plural(round(cores), "core"),
        most=max(_most(cores), float(curve.y.max(initial=1.0))),
        is_stacked=False,
    )


def _memory(x_s: Floats, sums: dict[str, Floats], limit_bytes: float) -> Chart:
    x_s = _measured(x_s, sums, "managed", "unmanaged")
    managed = _curve(x_s, sums, "managed", "mem")
    unmanaged = _curve(x_s, sums, "unmanaged", "mem_un")
    process = managed.y + unmanaged.y
    return Chart(
        title="Memory",
        value_text=quantity.memory(float(process[-1]), limit_bytes) if len(process) else "",
        unit="bytes",
        curves=(managed, unmanaged),
        capacity=limit_bytes,
        capacity_text=""
        if math.isnan(limit_bytes)
        else f"limit {_short(quantity.nbytes(limit_bytes))}",
        most=max(_most(limit_bytes), float(process.max(initial=1024.0**2))),
        is_stacked=True,
    )


def _transfer(x_s: Floats, sums: dict[str, Floats]) -> Chart:
    x_s = _measured(x_s, sums, "network", "disk")
    network = _curve(x_s, sums, "network", "transfer")
    disk = _curve(x_s, sums, "disk", "disk", is_dashed=True)
    newest = float(network.y[-1]) if len(network.y) else 0.0
    peak = max(float(curve.y.max(initial=0.0)) for curve in (network, disk))
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
