"""Charts of the whole cluster: CPU, memory, transfer; in the task stream's time or the last.

Curves have a point each whole second or, where that is less than a pixel, a column of several with
their mean, least and most. Columns lie on a grid of time, so that a chart moves by whole steps and
does not shimmer. Where no worker was read, there is nothing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from dask_otel import conventions as names
from daskscope.derive import quantity, timeaxis
from daskscope.derive.clusters import at_work
from daskscope.derive.history import step
from daskscope.derive.panels import Chart, ChartReading, Curve, Reading, ResourcesFrame
from daskscope.derive.reading import newest_of
from daskscope.derive.sampling import SIZES, Sampler
from daskscope.derive.totals import STEP_NS, Totals
from daskscope.derive.workers import LEAST_BYTES
from daskscope.session import Viewport

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot

_LEAST_LENGTH_S: Final = 60.0
_LEAST_RECORDED_S: Final = 1.0
_MOST_LENGTH_S: Final = 300.0
_LENGTH_STEP_S: Final = 15.0
_MANY_CORES: Final = 100
_SPAN_STEPS_S: Final = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600)


class _Drawn:
    """What sums were in the columns of a view, and at its right edge."""

    def __init__(self, totals: Totals, snapshot: Snapshot, view: Viewport, now_ns: int) -> None:
        # Curves end where the data do: an export that is on its way is no drop to zero.
        heard_ns = newest_of(snapshot, names.CPU_USAGE)[0]
        newest_ns = int(heard_ns.max()) if len(heard_ns) else now_ns
        last = min(newest_ns, now_ns) // STEP_NS
        width = step(view.ns_per_px / STEP_NS)
        # And they begin where the run does. One column more on either side leads out of the view.
        begin = max(-(-snapshot.first_ns // STEP_NS), view.start_ns // STEP_NS - width)
        end = min(view.end_ns // STEP_NS + width, last)
        first = begin // width * width
        n = max((end - first) // width + 1, 0)
        self.column_s = width
        self._columns = totals.columns(first, width, n, last)
        # A column stands in the middle of its seconds, the last one not beyond them.
        second = np.minimum(first + np.arange(n) * width + (width - 1) / 2, last)
        self._x_s = second - view.start_ns / STEP_NS
        # The seconds around the edge, between which the curve is a line.
        before = min(view.end_ns // STEP_NS, last)
        self._edge = totals.columns(before, 1, 2, last)
        self._edge_share = view.end_ns / STEP_NS - before

    def curve(
        self, name: str, token: str, of: str, beside: str = "", *, is_dashed: bool = False
    ) -> Curve:
        """The curve of a sum; it has no points while neither it nor that `beside` was measured."""
        columns = self._columns.get(of)
        x_s = self._x_s if columns or beside in self._columns else self._x_s[:0]
        if columns is None:
            nothing = np.full(len(x_s), np.nan)
            return Curve(name, token, x_s, nothing, nothing, nothing, is_dashed)
        return Curve(name, token, x_s, columns.mean, columns.least, columns.most, is_dashed)

    def at_edge(self, of: str) -> float:
        """What a sum is at the right edge, NaN where nothing was read."""
        columns = self._edge.get(of)
        if columns is None:
            return math.nan
        before, after = (float(value) for value in columns.mean)
        return before if math.isnan(after) else before + self._edge_share * (after - before)


def resources_frame(
    snapshot: Snapshot,
    view: Viewport,
    now_ns: int,
    sampler: Sampler | None = None,
    totals: Totals | None = None,
    *,
    is_linked: bool = True,
) -> ResourcesFrame:
    """The charts of the time of `view`, a column of theirs for each of its pixels at most.

    `totals` that are kept for one store, and have advanced with it, make it fast. Where it is not
    `is_linked`, the time is told from the right edge, else as on the axis of the task stream.
    """
    sampler = sampler or Sampler()
    samples = sampler.of(snapshot, now_ns, SIZES).heard()
    is_running = ~samples.is_removed
    workers = samples.those(is_running) if is_running.any() else samples
    if totals is None:
        totals = Totals(sampler)
        totals.advance(snapshot)
    drawn = _Drawn(totals, snapshot, view, now_ns)
    cores, limit_bytes = workers.total("threads"), workers.total("limit")
    charts = (
        _cpu(drawn, cores or math.nan),
        _memory(drawn, limit_bytes or math.nan),
        _transfer(drawn),
    )
    if is_linked:
        at = timeaxis.ticks(view, snapshot.first_ns)
        labels = tuple((tick.x_px, tick.elapsed) for tick in at if tick.elapsed)
    else:
        labels = _labels(view, "now" if snapshot.status.is_live else "end")
    summary = _summary(len(at_work(samples)), is_linked=is_linked, n_late=totals.n_late)
    return ResourcesFrame(
        charts, view, snapshot.first_ns, drawn.column_s, labels, is_linked, summary
    )


def _summary(n_clusters: int, *, is_linked: bool, n_late: int) -> str:
    """What the charts are of; or how many readings came too late to be in them."""
    if n_late:
        return f"{quantity.plural(n_late, 'reading')} too late"
    what = quantity.plural(n_clusters, "cluster") if n_clusters > 1 else "whole cluster"
    return f"{what}, same time axis" if is_linked else f"{what}, last minutes"


def last_minutes(snapshot: Snapshot, now_ns: int, width_px: int) -> Viewport:
    """The time that charts show which are not linked: the last minutes."""
    run_s = (now_ns - snapshot.first_ns) / 1e9
    span_ns = shown_span_s(run_s, is_live=snapshot.status.is_live) * 1e9
    ns_per_px = span_ns / max(width_px, 1)
    return Viewport(now_ns - round(span_ns), ns_per_px, max(width_px, 1))


def reading_at(frame: ResourcesFrame, time_ns: int) -> Reading:
    """What the charts of a frame show at a time: at the second, or over the column, next to it."""
    # Of what lies between two seconds, the nearer one is told.
    near_ns = time_ns + STEP_NS // 2 - frame.first_ns
    elapsed = quantity.elapsed(near_ns // STEP_NS * STEP_NS, STEP_NS)
    over = f" over {quantity.seconds(frame.column_s)}" if frame.column_s > 1 else ""
    at_s = (time_ns - frame.view.start_ns) / STEP_NS
    charts = tuple(_reading(chart, at_s, frame.column_s) for chart in frame.charts)
    return Reading(frame.view.x_px(time_ns), elapsed + over, charts)


def _reading(chart: Chart, at_s: float, column_s: int) -> ChartReading:
    x_s = chart.curves[-1].x_s
    index = int(np.argmin(np.abs(x_s - at_s))) if len(x_s) else 0
    if not len(x_s) or abs(x_s[index] - at_s) > column_s:
        return ChartReading("", ("",) * len(chart.curves))
    whole = [_text_of(curve, index, chart.unit, column_s) for curve in chart.curves]
    if not chart.is_stacked:
        return ChartReading(*(whole[0], ("",)) if len(whole) == 1 else ("", tuple(whole)))
    heights = np.array([curve.y[index] for curve in chart.curves])
    parts = np.diff(np.nan_to_num(heights), prepend=0.0)
    parts[np.isnan(heights)] = np.nan
    return ChartReading(whole[-1], tuple(_value_text(float(part), chart.unit) for part in parts))


def _text_of(curve: Curve, index: int, unit: str, column_s: int) -> str:
    """A height in the mean of a column and from where to where it goes: "12.1 cores (3.0-23.9)"."""
    values = curve.y[index], curve.least[index], curve.most[index]
    mean, least, most = (_value_text(float(value), unit) for value in values)
    if column_s == 1 or not mean:
        return mean
    units = [text.partition(quantity.THIN)[2] for text in (mean, least, most)]
    if len(set(units)) == 1:
        least, most = (text.partition(quantity.THIN)[0] for text in (least, most))
    return f"{mean} ({least}\u2013{most})"


def _value_text(value: float, unit: str) -> str:
    if unit == "cores":
        return quantity.cores(value, math.nan)
    return quantity.nbytes(value) if unit == "bytes" else quantity.byte_rate(value)


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
    """Values and labels of an axis from 0 to `most`, at most five: 1-2-5, of bytes binary.

    Cores of one machine are counted by powers of two, too; those of a cluster by hundreds.
    """
    base = 1.0
    if unit == "bytes":
        base = 1024.0 ** max(int(math.log(max(most, 1.0), 1024)), 0)
    elif unit == "bytes/s":
        base = 1000.0 ** max(int(math.log10(max(most, 1.0)) // 3), 0)
    is_binary = unit == "bytes" or (unit == "cores" and most < _MANY_CORES)
    step = _step(most / base, is_binary) * base
    values = [index * step for index in range(int(most / step * (1 + 1e-9)) + 1)]
    return tuple((value, _tick_text(value, unit)) for value in values)


def _labels(view: Viewport, end_text: str) -> tuple[tuple[int, str], ...]:
    """Pixels and labels of time before the end: at most six, the last at the end."""
    span_s = view.width_px * view.ns_per_px / STEP_NS
    step_s = next((step_s for step_s in _SPAN_STEPS_S if span_s / step_s <= 5), span_s)
    return tuple(
        (
            view.width_px - round(index * step_s * STEP_NS / view.ns_per_px),
            f"−{_span_text(index * step_s)}" if index else end_text,
        )
        for index in range(int(span_s / step_s * (1 + 1e-9)), -1, -1)
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
    for size in (*handy, *(magnitude * factor for factor in (1, 2, 5, 10))):
        if most / size <= 4 * (1 + 1e-9):
            return float(size)
    return magnitude * 10


def _tick_text(value: float, unit: str) -> str:
    if unit == "cores" or not value:
        return f"{value:g}" if value < 1000 else quantity.count(value)
    return _short(quantity.nbytes(value) if unit == "bytes" else quantity.byte_rate(value))


def _short(text: str) -> str:
    """A text without its empty decimal: "24 GiB"."""
    return text.replace(f".0{quantity.THIN}", quantity.THIN)


def _cpu(drawn: _Drawn, cores: float) -> Chart:
    curve = drawn.curve("cpu", "c1", "cpu")
    return Chart(
        title="CPU",
        value_text=quantity.cores(drawn.at_edge("cpu"), cores),
        unit="cores",
        curves=(curve,),
        capacity=cores,
        capacity_text="" if math.isnan(cores) else quantity.plural(round(cores), "core"),
        most=max(_known(cores), _peak(curve, 1.0)),
        is_stacked=False,
    )


def _memory(drawn: _Drawn, limit_bytes: float) -> Chart:
    managed = drawn.curve("managed", "mem", "managed", "memory")
    process = drawn.curve("unmanaged", "mem_un", "memory")
    return Chart(
        title="Memory",
        value_text=quantity.memory(drawn.at_edge("memory"), limit_bytes),
        unit="bytes",
        curves=(managed, process),
        capacity=limit_bytes,
        capacity_text=""
        if math.isnan(limit_bytes)
        else f"limit {_short(quantity.nbytes(limit_bytes))}",
        most=max(_known(limit_bytes), _peak(process, 1024.0**2)),
        is_stacked=True,
    )


def _transfer(drawn: _Drawn) -> Chart:
    network = drawn.curve("network", "transfer", "network", "disk")
    disk = drawn.curve("disk", "disk", "disk", "network", is_dashed=True)
    now = drawn.at_edge("network")
    return Chart(
        title="Transfer",
        value_text=quantity.byte_rate(0.0 if now < LEAST_BYTES else now),
        unit="bytes/s",
        curves=(network, disk),
        capacity=math.nan,
        capacity_text="",
        most=max(_peak(network, 0.0) * 1.1, _peak(disk, 0.0) * 1.1, 1e6),
        is_stacked=False,
    )


def _peak(curve: Curve, least: float) -> float:
    """The greatest height of a curve, or `least`."""
    return float(np.fmax.reduce(curve.most, initial=least))


def _known(capacity: float) -> float:
    return 0.0 if math.isnan(capacity) else capacity
