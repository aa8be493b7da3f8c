from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dask_otel import conventions as names
from daskscope.derive.resources import (
    last_minutes,
    reading_at,
    resources_frame,
    shown_span_s,
    ticks,
)
from daskscope.session import Viewport
from daskscope.store.schema import SourceStatus
from tests.builders import SECOND, T0
from tests.readings import AT_S, GIB, NOW, Cluster, removed

if TYPE_CHECKING:
    from daskscope.derive.panels import Chart


def until(end_ns: int, span_s: float = 20.0, width_px: int = 300) -> Viewport:
    """The view of some seconds that end at a time."""
    return Viewport(end_ns - round(span_s * SECOND), span_s * SECOND / width_px, width_px)


def charts(cluster: Cluster, span_s: float = 20.0) -> dict[str, Chart]:
    frame = resources_frame(cluster.snapshot(), until(NOW, span_s), NOW)
    return {chart.title: chart for chart in frame.charts}


def steady(**readings: float) -> Cluster:
    """Two workers that read the same every half second from 0 to `AT_S`."""
    cluster = Cluster()
    for port in (1, 2):
        resource = cluster.worker(f"w{port}", port=port)
        for half in range(2 * AT_S + 1):
            cluster.read(resource, half / 2, **readings)
    return cluster


def test_cpu_is_the_sum_of_the_workers_against_their_threads() -> None:
    chart = charts(steady(busy=1.5))["CPU"]
    assert chart.curves[0].y[-1] == pytest.approx(3.0)
    assert (chart.capacity, chart.most) == (4, 4)
    assert chart.value_text.replace("\u2009", " ") == "3.0 / 4 cores"


def test_the_average_over_all_workers_is_the_sum_over_their_number() -> None:
    cluster = Cluster()
    cluster.worker("w0", port=1, busy=0.5)
    cluster.worker("w1", port=2, busy=1.5)
    assert charts(cluster)["CPU"].curves[0].y[-1] / 2 == pytest.approx(1.0)


def test_memory_is_split_and_its_limit_is_that_of_all_workers() -> None:
    chart = charts(steady(managed=GIB, old=GIB / 4, recent=GIB / 4))["Memory"]
    managed, unmanaged = chart.curves
    assert managed.y[-1] == pytest.approx(2 * GIB)
    assert unmanaged.y[-1] == pytest.approx(3 * GIB)  # it stands on the other
    assert chart.capacity == 8 * GIB
    assert chart.capacity_text.replace("\u2009", " ") == "limit 8 GiB"


def test_before_the_first_reading_nothing_is_drawn() -> None:
    curve = charts(steady(busy=1.0), span_s=20)["CPU"].curves[0]
    assert AT_S <= curve.x_s[0] < AT_S + 1
    assert curve.y.min() == pytest.approx(2.0)


def test_before_its_first_reading_a_worker_counts_nothing() -> None:
    cluster = steady(busy=1.0)
    late = cluster.worker("late", port=3)
    for half in range(2 * AT_S - 4, 2 * AT_S + 1):
        cluster.read(late, half / 2, busy=1.0)
    curve = charts(cluster, span_s=20)["CPU"].curves[0]
    assert curve.y[curve.x_s < 17].max() == pytest.approx(2.0)
    assert curve.y[-1] == pytest.approx(3.0)


def test_a_worker_that_went_silent_counts_nothing_any_more() -> None:
    cluster = Cluster()
    gone = cluster.source.worker("gone", port=1)
    cluster.read(gone, 0, busy=1.0)
    here = cluster.source.worker("here", port=2)
    for second in range(31):
        cluster.read(here, second, busy=0.5)
    end_ns = T0 + 30 * SECOND
    frame = resources_frame(cluster.snapshot(), until(end_ns, 30), end_ns)
    assert frame.charts[0].curves[0].y[-1] == pytest.approx(0.5)


def test_transfer_is_the_growth_of_what_was_received() -> None:
    cluster = Cluster()
    for port in (1, 2):
        resource = cluster.worker(f"w{port}", port=port)
        for half in range(2 * AT_S + 1):
            cluster.read(resource, half / 2, received=half / 2 * 3e6, written=half / 2 * 1e6)
    chart = charts(cluster, span_s=8)["Transfer"]
    network, disk = chart.curves
    assert network.y[1:] == pytest.approx(np.full(len(network.y) - 1, 6e6))
    assert disk.y[1:] == pytest.approx(np.full(len(disk.y) - 1, 2e6))


def test_rates_of_points_far_apart_are_even() -> None:
    cluster = Cluster()
    resource = cluster.worker("w0")
    for second in range(0, AT_S + 1, 5):
        cluster.read(resource, second, received=second * 1e6)
    curve = charts(cluster, span_s=8)["Transfer"].curves[0]
    assert curve.y[1:] == pytest.approx(np.full(len(curve.y) - 1, 1e6))


def test_a_value_that_is_no_number_counts_nothing() -> None:
    cluster = steady(busy=1.0)
    cluster.worker("odd", port=3, busy=math.nan)
    assert charts(cluster)["CPU"].curves[0].y[-1] == pytest.approx(2.0)


def test_a_removed_worker_is_no_capacity() -> None:
    cluster = Cluster()
    cluster.worker("w0", port=1, busy=1.0)
    cluster.worker("w1", port=2, busy=1.0)
    messages = removed(cluster.source, "tcp://10.0.4.11:2", AT_S)
    frame = resources_frame(cluster.snapshot(*messages), until(NOW), NOW)
    assert frame.charts[0].capacity == 2


def test_when_all_have_gone_the_capacity_is_what_it_was() -> None:
    cluster = Cluster()
    cluster.worker("w0", port=1, busy=1.0)
    messages = removed(cluster.source, "tcp://10.0.4.11:1", AT_S)
    frame = resources_frame(cluster.snapshot(*messages), until(NOW), NOW)
    assert frame.charts[0].capacity == 2


def test_with_nothing_known_charts_are_empty_but_there() -> None:
    found = charts(Cluster())
    assert list(found) == ["CPU", "Memory", "Transfer"]
    assert [chart.value_text for chart in found.values()] == ["", "", ""]
    assert all(math.isnan(chart.capacity) for chart in found.values())
    assert not any(len(curve.x_s) for chart in found.values() for curve in chart.curves)


def test_all_curves_share_one_grid_that_ends_at_the_newest_reading() -> None:
    now_ns = NOW + SECOND // 4
    snapshot = steady(busy=1.0, managed=GIB).snapshot()
    frame = resources_frame(snapshot, until(now_ns), now_ns)
    curves = [curve for chart in frame.charts[:2] for curve in chart.curves]
    assert {len(curve.x_s) for curve in curves} == {len(curves[0].y)}
    assert curves[0].x_s[-1] == pytest.approx(20 - 0.25)
    assert np.all(np.diff(curves[0].x_s) == pytest.approx(1.0))


@pytest.mark.parametrize(
    ("most", "unit", "expected"),
    [
        (24, "cores", ["0", "8", "16", "24"]),
        (2, "cores", ["0", "0.5", "1", "1.5", "2"]),
        (96, "cores", ["0", "32", "64", "96"]),
        (400, "cores", ["0", "100", "200", "300", "400"]),
        (1_600, "cores", ["0", "500", "1 000", "1 500"]),
        (24 * GIB, "bytes", ["0", "8 GiB", "16 GiB", "24 GiB"]),
        (1.5e9, "bytes/s", ["0", "500 MB/s", "1 GB/s", "1.5 GB/s"]),
    ],
)
def test_ticks_are_handy_numbers(most: float, unit: str, expected: list[str]) -> None:
    assert [text.replace("\u2009", " ") for _, text in ticks(most, unit)] == expected


def test_charts_that_are_not_linked_end_now_or_with_the_recording() -> None:
    for is_live, expected in ((True, "now"), (False, "end")):
        snapshot = Cluster().snapshot(status=SourceStatus(is_live=is_live))
        view = last_minutes(snapshot, NOW, 300)
        frame = resources_frame(snapshot, view, NOW, is_linked=False)
        assert frame.ticks[-1] == (300, expected)
    frame = resources_frame(steady().snapshot(), until(NOW, 300), NOW, is_linked=False)
    assert frame.summary == "whole cluster, last minutes"
    texts = [text.replace("\u2009", " ") for _, text in frame.ticks]
    assert texts == ["−5 min", "−4 min", "−3 min", "−2 min", "−1 min", "now"]
    assert [x_px for x_px, _ in frame.ticks] == [0, 60, 120, 180, 240, 300]


def test_linked_charts_tell_the_time_as_the_task_stream_does() -> None:
    snapshot = steady(busy=1.0).snapshot()
    view = Viewport(T0, 10 * SECOND / 300, 300)
    frame = resources_frame(snapshot, view, NOW)
    assert frame.ticks == ((0, "0:00"), (150, "0:05"))
    assert frame.summary == "whole cluster, same time axis"


@pytest.mark.parametrize(("end_s", "told"), [(5, "1.0"), (5.5, "1.5"), (5.9, "1.9"), (20, "2.0")])
def test_a_head_tells_where_the_curve_is_at_the_right_edge(end_s: float, told: str) -> None:
    cluster = Cluster()
    resource = cluster.worker("w0")
    for second in range(AT_S + 1):
        cluster.read(resource, second, busy=1.0 if second <= 5 else 2.0)
    view = until(T0 + round(end_s * SECOND), span_s=0.2)
    chart = resources_frame(cluster.snapshot(), view, NOW).charts[0]
    assert chart.value_text.partition("\u2009")[0] == told


def spiky(hours: int = 24, spike_s: int = 40_000) -> Cluster:
    """A worker that needs two cores for one second of a day, and is silent for an hour of it."""
    cluster = Cluster()
    resource = cluster.source.worker("w0")
    seconds = {*range(0, hours * 3_600, 5), spike_s - 1, spike_s + 1}
    for second in sorted(seconds):
        if not 50_000 < second < 53_600:
            cluster.read(resource, second, busy=2.0 if second == spike_s else 0.5)
    return cluster


def test_a_spike_of_one_second_is_seen_in_a_day_and_a_gap_is_a_gap() -> None:
    day_s = 24 * 3_600
    end_ns = T0 + day_s * SECOND
    frame = resources_frame(spiky().snapshot(), until(end_ns, day_s, 350), end_ns)
    assert frame.column_s == 256
    curve = frame.charts[0].curves[0]
    assert len(curve.x_s) <= 350 + 3
    column = int(np.nanargmax(curve.most))
    assert curve.most[column] == 2.0
    assert curve.least[column] == 0.5
    assert 0.5 < curve.y[column] < 0.52
    assert abs(curve.x_s[column] - 40_000) <= 256
    gap_s = curve.x_s[np.isnan(curve.y)]
    assert gap_s.min() > 50_000
    assert gap_s.max() < 53_600
    assert len(gap_s) >= 3_600 // 256 - 2
    # The chart is high enough for what it reached.
    assert frame.charts[0].most == 2.0


def test_a_reading_tells_the_second_that_is_pointed_at() -> None:
    snapshot = steady(busy=1.5, managed=GIB, old=GIB / 2, received=0.0).snapshot()
    frame = resources_frame(snapshot, until(NOW), NOW)
    reading = reading_at(frame, NOW - 3 * SECOND + SECOND // 3)
    texts = [(chart.value_text, chart.curve_texts) for chart in reading.charts]
    spaced = str(texts).replace("\\u2009", " ")
    assert reading.time_text == "0:07"
    assert reading.x_px == pytest.approx((17 + 1 / 3) * 15)
    assert spaced == str(
        [
            ("3.0 cores", ("",)),
            ("3.0 GiB", ("2.0 GiB", "1.0 GiB")),
            ("", ("0 MB/s", "")),
        ]
    )


def test_a_reading_of_a_column_tells_from_where_to_where_it_went() -> None:
    end_ns = T0 + 43_200 * SECOND
    frame = resources_frame(spiky(12).snapshot(), until(end_ns, 43_200, 350), end_ns)
    reading = reading_at(frame, T0 + 40_000 * SECOND)
    assert reading.charts[0].value_text.replace("\u2009", " ") == "0.5 cores (0.5–2.0)"
    assert reading.time_text.replace("\u2009", " ") == "11:06:40 over 2:08"


def test_where_nothing_was_read_nothing_is_told() -> None:
    frame = resources_frame(steady(busy=1.0).snapshot(), until(NOW + 100 * SECOND, 200), NOW)
    for at_ns in (NOW + 50 * SECOND, T0 - 50 * SECOND):
        assert [chart.value_text for chart in reading_at(frame, at_ns).charts] == [""] * 3


def test_workers_of_one_process_count_its_cpu_once() -> None:
    cluster = steady(busy=1.5)
    for resource, attributes in enumerate(cluster.source.resources):
        cluster.source.resources[resource] = {**attributes, names.PROCESS_PID: 77}

    assert charts(cluster)["CPU"].curves[0].y[-1] == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("run_s", "expected"), [(0.0, 60.0), (59.0, 60.0), (61.0, 75.0), (75.0, 75.0), (9e9, 300.0)]
)
def test_the_span_grows_in_steps_with_a_young_run(run_s: float, expected: float) -> None:
    assert shown_span_s(run_s, is_live=True) == expected


@pytest.mark.parametrize(("run_s", "expected"), [(0.0, 1.0), (20.3, 20.3), (9e9, 300.0)])
def test_a_recording_is_shown_as_long_as_it_is(run_s: float, expected: float) -> None:
    assert shown_span_s(run_s, is_live=False) == expected
