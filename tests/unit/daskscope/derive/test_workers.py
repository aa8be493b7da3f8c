from __future__ import annotations

import math
from dataclasses import replace

import pytest

from dask_otel import conventions as names
from daskscope.derive.panels import WorkerRow, WorkerRowKind
from daskscope.derive.workers import COLUMNS, alarm, workers_frame
from daskscope.session import Session
from tests.builders import SECOND, T0
from tests.readings import AT_S, GIB, NOW, Cluster, removed


def table(cluster: Cluster, session: Session | None = None, **messages: object) -> list[WorkerRow]:
    snapshot = cluster.snapshot(*messages.values())
    return list(workers_frame(snapshot, session or Session(), NOW).rows)


def cell(row: WorkerRow, column: str) -> str:
    return row.cells[COLUMNS.index(column)].replace("\u2009", " ")


def two_hosts() -> Cluster:
    cluster = Cluster()
    cluster.worker("w0", "node-01", 1, busy=2, managed=GIB, old=GIB / 2, recent=GIB / 2, run=2)
    cluster.worker("w1", "node-01", 2, busy=1, managed=GIB, spilled=GIB, run=1, latency=0.003)
    cluster.worker("w10", "node-02", 3, busy=0, managed=0, run=0, latency=0.001)
    return cluster


def test_one_row_more_than_hosts_and_workers() -> None:
    rows = table(two_hosts())
    assert [(row.kind.name, row.name) for row in rows] == [
        ("TOTAL", "Total"),
        ("HOST", "node-01"),
        ("WORKER", "w0"),
        ("WORKER", "w1"),
        ("HOST", "node-02"),
        ("WORKER", "w10"),
    ]
    assert rows[0].caption == "3\u2009workers"


def test_sums_are_those_of_the_workers() -> None:
    total, host = table(two_hosts())[:2]
    assert total.cpu == pytest.approx(3 / 6)
    assert host.cpu == pytest.approx(3 / 4)
    assert total.limit_bytes == 12 * GIB
    assert total.memory == (2 * GIB, GIB / 2, GIB / 2, GIB)
    assert (cell(total, "run"), cell(host, "run")) == ("3", "3")
    assert cell(total, "latency") == "2.00 ms"


def test_long_running_tasks_run_too() -> None:
    cluster = Cluster()
    cluster.worker("w0", run=1, long=2)
    assert cell(table(cluster)[2], "run") == "3"


def test_the_scheduler_is_no_worker() -> None:
    cluster = two_hosts()
    cluster.tasks("inc", memory=1)
    cluster.point(names.CPU_USAGE, len(cluster.source.resources) - 1, AT_S, 1.0, {})
    assert len(table(cluster)) == 6


def test_memory_is_blank_without_a_limit() -> None:
    cluster = Cluster()
    resource = cluster.source.worker("w0")
    cluster.read(resource, AT_S, managed=GIB)
    row = table(cluster)[2]
    assert cell(row, "memory") == "1.0 GiB"
    assert math.isnan(row.limit_bytes)
    assert row.alarm == 0


@pytest.mark.parametrize(
    ("used", "limit", "expected"),
    [(50, 100, 0), (60, 100, 1), (75, 100, 1), (94, 100, 1), (95, 100, 2), (99, 0, 0)],
)
def test_memory_alarms_as_dask_colours_it(used: float, limit: float, expected: int) -> None:
    assert alarm(used, limit) == expected


def test_parts_of_memory_add_up_to_what_is_written() -> None:
    row = table(two_hosts())[2]
    assert sum(row.memory[:3]) == 2 * GIB
    assert cell(row, "memory") == "2.0 / 4 GiB"


def test_a_host_row_takes_the_greatest_host_rate_and_the_total_adds_hosts() -> None:
    cluster = Cluster()
    cluster.worker("w0", "a", 1, host_in=20e6)
    cluster.worker("w1", "a", 2, host_in=21e6)
    cluster.worker("w2", "b", 3, host_in=5e6)
    total, host = table(cluster)[:2]
    assert (cell(host, "net_in"), cell(total, "net_in")) == ("21.0 MB/s", "26.0 MB/s")


def test_a_worker_row_shows_its_own_transfers() -> None:
    cluster = Cluster()
    resource = cluster.worker("w0", at_s=AT_S - 2, received=0, host_in=90e6)
    cluster.read(resource, AT_S, received=8e6, threads=2)
    assert cell(table(cluster)[2], "net_in") == "4.0 MB/s"


def test_a_counter_that_began_anew_is_no_negative_rate() -> None:
    cluster = Cluster()
    resource = cluster.worker("w0", at_s=AT_S - 1, received=8e6)
    cluster.read(resource, AT_S, received=1e6, threads=2)
    assert cell(table(cluster)[2], "net_in") == ""


def test_next_to_nothing_is_as_quiet_as_nothing() -> None:
    cluster = Cluster()
    cluster.worker("w0", host_in=12.0, spilled=0)
    host = table(cluster)[1]
    assert (cell(host, "net_in"), cell(host, "spilled")) == ("", "")


def test_what_was_not_measured_is_blank() -> None:
    cluster = Cluster()
    cluster.worker("w0")
    row = table(cluster)[2]
    assert row.cells == ("w0", *[""] * 11)


def test_folded_hosts_keep_their_sums_and_hide_their_workers() -> None:
    rows = table(two_hosts(), Session(collapsed_hosts=frozenset({"node-01"})))
    assert [row.name for row in rows] == ["Total", "node-01", "node-02", "w10"]
    assert rows[1].is_folded


def order(cluster: Cluster, column: str, is_descending: bool) -> list[str]:
    session = replace(Session(), worker_sort=column, is_sort_descending=is_descending)
    rows = table(cluster, session)
    return [row.name for row in rows if row.kind == WorkerRowKind.WORKER]


def test_names_sort_by_their_numbers() -> None:
    cluster = Cluster()
    for number in (10, 9, 2):
        cluster.worker(f"w{number}", port=number)
    assert order(cluster, "worker", is_descending=False) == ["w2", "w9", "w10"]
    assert order(cluster, "worker", is_descending=True) == ["w10", "w9", "w2"]


def test_numbers_sort_within_a_host_and_unknown_ones_come_last() -> None:
    cluster = Cluster()
    cluster.worker("a", port=1, latency=0.2)
    cluster.worker("b", port=2)
    cluster.worker("c", port=3, latency=0.1)
    assert order(cluster, "latency", is_descending=False) == ["c", "a", "b"]
    assert order(cluster, "latency", is_descending=True) == ["a", "c", "b"]


def test_hosts_sort_by_their_sums() -> None:
    cluster = Cluster()
    cluster.worker("a", "low", 1, run=1)
    cluster.worker("b", "high", 2, run=3)
    session = replace(Session(), worker_sort="run", is_sort_descending=True)
    hosts = [row.name for row in table(cluster, session) if row.kind == WorkerRowKind.HOST]
    assert hosts == ["high", "low"]


def test_workers_are_below_their_hosts_in_whatever_order_these_appear() -> None:
    cluster = Cluster()
    hosts = [3, 1, 10, 2, 1, 10, 3, 10]
    for port, number in enumerate(hosts):
        cluster.worker(f"w{port}", f"node-{number}", port, busy=1)
    rows = table(cluster, Session(collapsed_hosts=frozenset({"node-2"})))[1:]

    assert [row.name for row in rows] == [
        *("node-1", "w1", "w4", "node-2", "node-3", "w0", "w6", "node-10", "w2", "w5", "w7")
    ]


def test_a_removed_worker_leaves_and_is_named() -> None:
    cluster = two_hosts()
    messages = removed(cluster.source, "tcp://10.0.4.11:2", AT_S)
    frame = workers_frame(cluster.snapshot(*messages), Session(), NOW)
    assert "w1" not in [row.name for row in frame.rows]
    assert frame.summary == "2 running, w1 removed at 0:00"


def test_when_all_are_gone_the_last_ones_stay_as_removed() -> None:
    cluster = Cluster()
    cluster.worker("w0", port=1, managed=GIB)
    messages = removed(cluster.source, "tcp://10.0.4.11:1", AT_S)
    rows = list(workers_frame(cluster.snapshot(*messages), Session(), NOW).rows)
    assert [row.state for row in rows] == ["", "", "removed"]


@pytest.mark.parametrize("silent_s", [10, 300])
def test_a_silent_worker_stays_and_counts_in_no_sum_while_others_are_heard(silent_s: int) -> None:
    cluster = Cluster()
    cluster.worker("hung", port=1, at_s=AT_S - silent_s, busy=1, latency=3)
    cluster.worker("heard", port=2, busy=2, latency=1)
    cluster.worker("here", "node-02", port=3)
    frame = workers_frame(cluster.snapshot(), Session(), NOW)
    is_silent = silent_s > 10
    states = {row.name: row.state for row in frame.rows if row.kind is WorkerRowKind.WORKER}
    assert states == {
        "heard": "running",
        "hung": "silent" if is_silent else "running",
        "here": "running",
    }
    total, host, hung = (
        frame.rows[0],
        frame.rows[1],
        next(r for r in frame.rows if r.name == "hung"),
    )
    assert total.caption == f"{2 if is_silent else 3}\u2009workers"
    assert hung.cpu == 0.5
    assert host.cpu == (1.0 if is_silent else 0.75)
    assert cell(host, "latency") == ("1.00 s" if is_silent else "2.00 s")
    assert frame.summary == ("2 running, 1 silent" if is_silent else "3 running")


def test_a_worker_leaves_when_its_scheduler_would_have_given_it_up() -> None:
    cluster = Cluster()
    cluster.worker("gone", port=1, at_s=AT_S - 301, busy=1)
    cluster.worker("heard", port=2, busy=1)
    frame = workers_frame(cluster.snapshot(), Session(), NOW)
    assert [row.name for row in frame.rows] == ["Total", "node-01", "heard"]
    assert frame.summary == "1 running"


def test_what_was_removed_and_is_silent_is_not_there_any_more() -> None:
    cluster = Cluster()
    cluster.worker("first", port=1, at_s=AT_S - 11, managed=GIB)
    cluster.worker("last", port=2, managed=GIB)
    gone = [
        *removed(cluster.source, "tcp://10.0.4.11:1", AT_S - 11),
        *removed(cluster.source, "tcp://10.0.4.11:2", AT_S),
    ]
    frame = workers_frame(cluster.snapshot(*gone), Session(), NOW)
    assert [row.name for row in frame.rows] == ["Total", "node-01", "last"]
    assert frame.summary.startswith("0 running, last removed")


def test_when_the_scheduler_alone_is_heard_the_summary_still_tells_of_the_last_worker() -> None:
    cluster = Cluster()
    cluster.worker("w0", port=1, at_s=0, managed=GIB)
    cluster.point(names.CPU_USAGE, cluster.scheduler, AT_S + 1, 0.1, {})
    gone = removed(cluster.source, "tcp://10.0.4.11:1", 0)
    frame = workers_frame(cluster.snapshot(*gone), Session(), NOW + SECOND)
    assert (len(frame.rows), frame.summary) == (0, "0 running, w0 removed at 0:00")


def test_a_whole_silent_cluster_stays() -> None:
    cluster = two_hosts()
    frame = workers_frame(cluster.snapshot(), Session(), T0 + 3_600 * SECOND)
    assert len(frame.rows) == 6


def test_while_nothing_is_heard_workers_are_silent_and_nothing_else() -> None:
    cluster = two_hosts()
    cluster.worker("w2", "node-02", 4, managed=GIB, paused=1)
    frame = workers_frame(cluster.snapshot(), Session(), NOW, is_heard=False)
    assert [row.state for row in frame.rows] == ["", "", "silent", "silent", "", "silent", "silent"]
    assert frame.summary == "0 running, 4 silent"


def test_no_worker_is_an_empty_table() -> None:
    frame = workers_frame(Cluster().snapshot(), Session(), NOW)
    assert (frame.rows, frame.summary) == ((), "")


def test_a_paused_worker_says_so_until_it_runs_again() -> None:
    cluster = Cluster()
    cluster.worker("w0", "node-01", 1, managed=GIB, paused=1)
    cluster.worker("w1", "node-01", 2, managed=GIB, paused=0)
    rows = table(cluster)[2:]

    assert [(row.name, row.state, row.alarm) for row in rows] == [
        ("w0", "paused", 2),
        ("w1", "running", 0),
    ]


def test_workers_of_one_process_share_what_it_uses() -> None:
    cluster = Cluster()
    for port in (1, 2):
        resource = cluster.worker(f"w{port}", "node-01", port, busy=3)
        cluster.source.resources[resource] = {
            **cluster.source.resources[resource],
            names.PROCESS_PID: 77,
        }
    cluster.worker("w3", "node-01", 3, busy=1)
    total = table(cluster)[0]

    assert total.cpu == pytest.approx((3 + 1) / 6)
