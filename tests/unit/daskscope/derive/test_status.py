from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from daskscope.derive.status import addresses, cluster_field, is_heard, status_frame
from daskscope.store.schema import Kind, SourceStatus
from tests.builders import SECOND, Span
from tests.readings import NOW, Cluster, removed

if TYPE_CHECKING:
    from daskscope.derive.panels import StatusField, StatusFrame

LIVE = SourceStatus(
    is_live=True,
    http=("127.0.0.1:4328", "127.0.0.1:4318"),
    grpc=("127.0.0.1:4327",),
    requests=3,
    last_request_ns=NOW,
)


def frame(cluster: Cluster, status: SourceStatus = LIVE, now_ns: int = NOW) -> StatusFrame:
    return status_frame(cluster.snapshot(status=status), now_ns, 24.0, 4.1, 512 * 1024**2)


def counters(cluster: Cluster, status: SourceStatus = LIVE) -> dict[str, StatusField]:
    return {field.label: field for field in frame(cluster, status).counters}


@pytest.mark.parametrize(
    ("status", "label", "tone"),
    [
        (LIVE, "Connected", "ok"),
        (replace(LIVE, requests=0, last_request_ns=0), "Listening", "warn"),
        (replace(LIVE, last_request_ns=NOW - 11 * SECOND), "Silent", "warn"),
        (SourceStatus(is_live=True), "Starting", "warn"),
        (replace(LIVE, problem="the disk is full"), "Problem", "err"),
        (SourceStatus(is_live=False), "Recording", "plain"),
        (SourceStatus(is_live=False, progress=0.4), "Reading", "plain"),
    ],
)
def test_connection_says_how_it_stands(status: SourceStatus, label: str, tone: str) -> None:
    connection = frame(Cluster(), status).connection
    assert (connection.label, connection.tone) == (label, tone)


def test_a_problem_has_room_for_its_reason_and_the_whole_path_in_its_tip() -> None:
    path = "/home/somebody/.local/share/daskscope/sessions/run.dscope"
    full = f"database or disk is full: cannot write {path}"
    connection = frame(Cluster(), replace(LIVE, problem=full, journal_path=path)).connection
    assert connection.value == "database or disk is full: cannot write run.dscope"
    assert connection.tip == full


def test_a_receiver_that_was_killed_is_said_with_where_its_data_are() -> None:
    status = replace(LIVE, journal_path="/data/now.dscope")
    snapshot = Cluster().snapshot(status=status)

    connection = status_frame(snapshot, NOW, 0.0, 4.1, is_connected=False).connection

    assert (connection.label, connection.tone) == ("Disconnected", "err")
    assert connection.value == "– start daskscope again"
    assert "/data/now.dscope" in connection.tip


def test_workers_are_heard_until_nothing_comes_or_nobody_receives() -> None:
    cluster = Cluster()
    silent = replace(LIVE, last_request_ns=NOW - 11 * SECOND)
    assert is_heard(cluster.snapshot(status=LIVE), NOW)
    assert not is_heard(cluster.snapshot(status=LIVE), NOW, is_connected=False)
    assert not is_heard(cluster.snapshot(status=silent), NOW)
    assert is_heard(cluster.snapshot(status=replace(silent, is_live=False)), NOW)


def test_addresses_of_one_host_are_written_once() -> None:
    assert addresses(LIVE.http) == "127.0.0.1:4328, :4318"
    assert addresses(("a:1", "b:1")) == "a:1, b:1"


def test_last_export_tells_how_long_ago() -> None:
    status = replace(LIVE, last_request_ns=NOW - SECOND // 5)
    left = {field.label: field.value for field in frame(Cluster(), status).left}
    assert left["Last export"] == "200\u2009ms ago"


def test_lag_over_two_seconds_warns() -> None:
    cluster = Cluster()
    cluster.worker("w0")
    lag = {f.label: f for f in frame(cluster, now_ns=NOW + SECOND).counters}["Lag"]
    assert (lag.value, lag.tone) == ("1.00\u2009s", "plain")
    lag = {f.label: f for f in frame(cluster, now_ns=NOW + 3 * SECOND).counters}["Lag"]
    assert lag.tone == "warn"


def test_a_recording_has_no_lag() -> None:
    assert "Lag" not in counters(Cluster(), SourceStatus(is_live=False))


def test_every_kind_of_loss_is_counted_and_warns() -> None:
    cluster = Cluster()
    cluster.worker("w0", port=1, dropped=3)
    cluster.worker("w1", port=2, dropped=4, dropped_logs=5)
    shown = counters(cluster, replace(LIVE, rejected=2))
    assert (shown["Dropped sender"].value, shown["Dropped sender"].tone) == ("12", "warn")
    assert (shown["receiver"].value, shown["receiver"].tone) == ("2", "warn")
    assert (shown["evicted"].value, shown["evicted"].tone) == ("0", "plain")


def test_memory_is_shown_against_its_cap() -> None:
    assert counters(Cluster())["Memory"].value.endswith("512\u2009MiB")


def test_of_a_recording_what_was_refused_could_not_be_read() -> None:
    shown = counters(Cluster(), SourceStatus(is_live=False, rejected=1))
    assert (shown["unreadable"].value, shown["unreadable"].tone) == ("1", "warn")
    assert "receiver" not in shown


def test_the_cluster_is_named_and_measured() -> None:
    cluster = Cluster()
    cluster.source.resource({"service.name": "dask-scheduler", "service.namespace": "etl"})
    cluster.worker("w0", port=1)
    cluster.worker("w1", port=2)
    field = cluster_field(cluster.snapshot(status=LIVE), NOW)
    assert (field.label, field.tone) == ("etl", "ok")
    assert field.value.replace("\u2009", " ") == "2 workers, 4 threads"


def test_the_cluster_is_toned_as_the_connection() -> None:
    cluster = Cluster()
    cluster.worker("w0")
    silent = cluster.snapshot(status=replace(LIVE, last_request_ns=NOW - 11 * SECOND))
    assert cluster_field(silent, NOW).tone == "warn"
    assert cluster_field(cluster.snapshot(status=LIVE), NOW, is_connected=False).tone == "err"
    assert cluster_field(cluster.snapshot(status=SourceStatus(is_live=False)), NOW).tone == "plain"


def test_an_id_is_no_name() -> None:
    namespace = "Scheduler-e78dda48-d847-4f12-a972-7dbd9e0d52f5"
    cluster = Cluster()
    cluster.source.resource({"service.name": "dask-scheduler", "service.namespace": namespace})
    cluster.worker("w0")
    assert cluster_field(cluster.snapshot(status=LIVE), NOW).label == "Dask cluster"


def test_a_cluster_without_workers_says_so() -> None:
    cluster = Cluster()
    assert cluster_field(cluster.snapshot(status=LIVE), NOW).label == "Waiting for data"
    cluster.worker("w0", port=1)
    messages = removed(cluster.source, "tcp://10.0.4.11:1", 10)
    assert cluster_field(cluster.snapshot(*messages, status=LIVE), NOW).value == "no worker"


def test_a_cluster_that_sends_no_metrics_is_measured_by_what_its_workers_say() -> None:
    cluster = Cluster()
    for port in (1, 2):
        cluster.source.worker(f"w{port}", port=port, nthreads=2)
    spans = cluster.source.spans([Span(0, SECOND)])
    messages = removed(cluster.source, "tcp://10.0.4.11:1", 10)

    whole = cluster_field(cluster.snapshot(spans, status=LIVE), NOW)
    rest = cluster_field(cluster.snapshot(spans, *messages, status=LIVE), NOW)

    assert (whole.label, whole.tone) == ("Dask cluster", "ok")
    assert whole.value.replace("\u2009", " ") == "2 workers, 4 threads"
    assert rest.value.replace("\u2009", " ") == "1 worker, 2 threads"


def test_a_recording_of_a_cluster_that_was_closed_says_how_large_it_was() -> None:
    cluster = Cluster()
    cluster.worker("w0", port=1)
    messages = removed(cluster.source, "tcp://10.0.4.11:1", 10)
    field = cluster_field(cluster.snapshot(*messages, status=SourceStatus(is_live=False)), NOW)
    assert field.value.replace("\u2009", " ") == "1 worker, 2 threads"


def test_of_a_recording_that_has_nothing_no_more_is_waited_for() -> None:
    for status, expected in (
        (SourceStatus(is_live=False), "No data"),
        (SourceStatus(is_live=False, progress=0.5), "Waiting for data"),
        (SourceStatus(is_live=False, progress=0.5, problem="no disk"), "No data"),
    ):
        assert cluster_field(Cluster().snapshot(status=status), NOW).label == expected


def test_spans_of_other_services_are_not_waited_for() -> None:
    cluster = Cluster()
    service = cluster.source.resource({"service.name": "checkout"})
    spans = cluster.source.spans([Span(0, SECOND, "POST", service, kind=Kind.OTHER)])

    field = cluster_field(cluster.snapshot(spans, status=LIVE), NOW)

    assert (field.label, field.value) == ("Other services", "no Dask worker")
