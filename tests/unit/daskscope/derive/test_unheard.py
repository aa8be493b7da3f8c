"""Workers that have joined and were never heard of, in the table of workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dask_otel import conventions as names
from daskscope.derive.panels import WorkerRowKind
from daskscope.derive.sampling import Sampler
from daskscope.derive.workers import workers_frame
from daskscope.session import Session
from tests.builders import SECOND
from tests.readings import AT_S, NOW, Cluster, removed

if TYPE_CHECKING:
    from daskscope.derive.panels import WorkersFrame
    from daskscope.store.schema import EventBatch


def joined(cluster: Cluster, address: str, at_s: float) -> EventBatch:
    at_ns = round(at_s * SECOND)
    return cluster.source.event(names.EVENT_WORKER_ADDED, at_ns, dask_worker_address=address)


def states(frame: WorkersFrame) -> dict[str, str]:
    return {row.name: row.state for row in frame.rows if row.kind is WorkerRowKind.WORKER}


def heard() -> Cluster:
    cluster = Cluster()
    cluster.worker("w0", port=1, busy=1)
    cluster.worker("w1", "node-02", port=2, busy=1)
    return cluster


@pytest.mark.parametrize(
    ("for_s", "is_listed"), [(9, False), (11, True), (299, True), (301, False)]
)
def test_who_has_joined_and_says_nothing_is_silent_until_its_scheduler_would_give_it_up(
    for_s: int, *, is_listed: bool
) -> None:
    cluster = heard()
    event = joined(cluster, "tcp://10.0.9.9:7", AT_S - for_s)
    frame = workers_frame(cluster.snapshot(event), Session(), NOW)
    mute = {"10.0.9.9:7": "silent"} if is_listed else {}
    assert states(frame) == {"w0": "running", "w1": "running"} | mute
    assert frame.summary == ("2 running, 1 silent" if is_listed else "2 running")
    assert frame.rows[0].caption == "2\u2009workers"
    assert frame.rows[0].cells[1] == "50\u2009%"


def test_it_stands_with_its_host_behind_those_that_have_names() -> None:
    cluster = Cluster()
    cluster.worker("w0", port=1)
    events = [joined(cluster, f"tcp://10.0.4.11:{port}", AT_S - 20) for port in (9, 8, 1)]
    frame = workers_frame(cluster.snapshot(*events), Session(), NOW)
    assert [row.name for row in frame.rows] == [
        *("Total", "node-01", "w0"),
        *("10.0.4.11:8", "10.0.4.11:9"),
    ]


def test_who_was_removed_or_is_known_is_not_told_of_again() -> None:
    cluster = heard()
    gone = "tcp://10.0.9.9:7"
    events = [
        joined(cluster, gone, AT_S - 30),
        *removed(cluster.source, gone, AT_S - 20),
        joined(cluster, "tcp://10.0.4.11:1", AT_S - 20),
    ]
    assert set(states(workers_frame(cluster.snapshot(*events), Session(), NOW))) == {"w0", "w1"}


def test_nobody_is_unheard_before_all_were_looked_at_or_where_nothing_is_measured() -> None:
    cluster = heard()
    snapshot = cluster.snapshot(joined(cluster, "tcp://10.0.9.9:7", AT_S - 20))
    sampler = Sampler(is_patient=True)
    assert states(workers_frame(snapshot, Session(), NOW, sampler)) == {}
    sampler.learn(snapshot)
    assert len(states(workers_frame(snapshot, Session(), NOW, sampler))) == 3

    alone = Cluster()
    alone.point(names.CLIENTS, alone.scheduler, AT_S, 1, {})
    unmeasured = alone.snapshot(joined(alone, "tcp://10.0.9.9:7", AT_S - 20))
    assert states(workers_frame(unmeasured, Session(), NOW)) == {}
