from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dask_otel import conventions as names
from daskscope.derive.resources import resources_frame, shown_span_s, span_ticks, ticks
from daskscope.store.schema import SourceStatus
from tests.builders import SECOND, T0
from tests.readings import AT_S, GIB, NOW, Cluster, removed

if TYPE_CHECKING:
    from daskscope.derive.panels import Chart


def charts(cluster: Cluster, span_s: float = 20.0) -> dict[str, Chart]:
    frame = resources_frame(cluster.snapshot(), NOW, span_s)
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
    assert unmanaged.y[-1] == pytest.approx(GIB)
    assert chart.capacity == 8 * GIB
    assert chart.capacity_text.replace("\u2009", " ") == "limit 8 GiB"


def test_before_the_first_reading_nothing_is_drawn() -> None:
    curve = charts(steady(busy=1.0), span_s=20)["CPU"].curves[0]
    assert -AT_S <= curve.x_s[0] < -AT_S + 1
    assert curve.y.min() == pytest.approx(2.0)


def test_before_its_first_reading_a_worker_counts_nothing() -> None:
    cluster = steady(busy=1.0)
    late = cluster.worker("late", port=3)
    for half in range(2 * AT_S - 4, 2 * AT_S + 1):
        cluster.read(late, half / 2, busy=1.0)
    curve = charts(cluster, span_s=20)["CPU"].curves[0]
    assert curve.y[curve.x_s < -3].max() == pytest.approx(2.0)
    assert curve.y[-1] == pytest.approx(3.0)


def test_a_worker_that_went_silent_counts_nothing_any_more() -> None:
    cluster = Cluster()
    gone = cluster.source.worker("gone", port=1)
    cluster.read(gone, 0, busy=1.0)
    here = cluster.source.worker("here", port=2)
    for second in range(31):
        cluster.read(here, second, busy=0.5)
    frame = resources_frame(cluster.snapshot(), T0 + 30 * SECOND, 30)
    assert frame.charts[0].curves[0].y[-1] == pytest.approx(0.5)


def test_transfer_is_the_growth_of_what_was_received() -> None:
    cluster = Cluster()
    for port in (1, 2):
        resource = cluster.worker(f"w{port}", port=port)
        for half in range(2 * AT_S + 1):
            cluster.read(resource, half / 2, received=half / 2 * 3e6, written=half / 2 * 1e6)
    chart = charts(cluster, span_s=8)["Transfer"]
    network, disk = chart.curves
    assert network.y == pytest.approx(np.full(len(network.y), 6e6))
    assert disk.y == pytest.approx(np.full(len(disk.y), 2e6))


def test_rates_of_points_far_apart_are_even() -> None:
    cluster = Cluster()
    resource = cluster.worker("w0")
    for second in range(0, AT_S + 1, 5):
        cluster.read(resource, second, received=second * 1e6)
    curve = charts(cluster, span_s=8)["Transfer"].curves[0]
    assert curve.y == pytest.approx(np.full(len(curve.y), 1e6))


def test_a_value_that_is_no_number_counts_nothing() -> None:
    cluster = steady(busy=1.0)
    cluster.worker("odd", port=3, busy=math.nan)
    assert charts(cluster)["CPU"].curves[0].y[-1] == pytest.approx(2.0)


def test_a_removed_worker_is_no_capacity() -> None:
    cluster = Cluster()
    cluster.worker("w0", port=1, busy=1.0)
    cluster.worker("w1", port=2, busy=1.0)
    messages = removed(cluster.source, "tcp://10.0.4.11:2", AT_S)
    frame = resources_frame(cluster.snapshot(*messages), NOW)
    assert frame.charts[0].capacity == 2


def test_when_all_have_gone_the_capacity_is_what_it_was() -> None:
    cluster = Cluster()
    cluster.worker("w0", port=1, busy=1.0)
    messages = removed(cluster.source, "tcp://10.0.4.11:1", AT_S)
    frame = resources_frame(cluster.snapshot(*messages), NOW)
    assert frame.charts[0].capacity == 2


def test_with_nothing_known_charts_are_empty_but_there() -> None:
    found = charts(Cluster())
    assert list(found) == ["CPU", "Memory", "Transfer"]
    assert [chart.value_text for chart in found.values()] == ["", "", ""]
    assert all(math.isnan(chart.capacity) for chart in found.values())
    assert not any(len(curve.x_s) for chart in found.values() for curve in chart.curves)


def test_all_curves_share_one_grid_that_ends_at_the_newest_reading() -> None:
    frame = resources_frame(steady(busy=1.0, managed=GIB).snapshot(), NOW + SECOND // 4, 20)
    curves = [curve for chart in frame.charts[:2] for curve in chart.curves]
    assert {len(curve.x_s) for curve in curves} == {len(curves[0].y)}
    assert curves[0].x_s[-1] == pytest.approx(-0.25)
    assert np.all(np.diff(curves[0].x_s) == pytest.approx(1.0))


@pytest.mark.parametrize(
    ("most", "unit", "expected"),
    [
        (24, "cores", ["0", "8", "16", "24"]),
        (2, "cores", ["0", "0.5", "1", "1.5", "2"]),
        (1_600, "cores", ["0", "512", "1 024", "1 536"]),
        (24 * GIB, "bytes", ["0", "8 GiB", "16 GiB", "24 GiB"]),
        (1.5e9, "bytes/s", ["0", "500 MB/s", "1 GB/s", "1.5 GB/s"]),
    ],
)
def test_ticks_are_handy_numbers(most: float, unit: str, expected: list[str]) -> None:
    assert [text.replace("\u2009", " ") for _, text in ticks(most, unit)] == expected


def test_charts_end_now_or_with_the_recording() -> None:
    for is_live, expected in ((True, "now"), (False, "end")):
        snapshot = Cluster().snapshot(status=SourceStatus(is_live=is_live))
        assert resources_frame(snapshot, NOW).end_text == expected
    texts = [text.replace("\u2009", " ") for _, text in span_ticks(300, "now")]
    assert texts == ["−5 min", "−4 min", "−3 min", "−2 min", "−1 min", "now"]


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
