"""Several clusters in one window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dask_otel import conventions as names
from daskscope.derive.lanelabels import beside
from daskscope.derive.lanelayout import RowKind
from daskscope.derive.lanes import lane_layout
from daskscope.derive.panels import WorkerRowKind
from daskscope.derive.progress import progress_frame
from daskscope.derive.quantity import clock
from daskscope.derive.resources import resources_frame
from daskscope.derive.roster import RosterKeeper
from daskscope.derive.statistics.crew import crew
from daskscope.derive.status import cluster_field
from daskscope.derive.workers import workers_frame
from daskscope.session import Session, Viewport
from daskscope.store.schema import SourceStatus
from daskscope.store.writer import Store
from tests.builders import SECOND, T0, Source
from tests.layouts import HEIGHT, plain
from tests.readings import NOW, Cluster, removed

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot

ONE = "Scheduler-6b8b4567-327b-23c6-643c-98696633487a"
OTHER = "Scheduler-74b0dc51-1949-5cff-2ae8-944a625558ec"


def snapshot_of(
    *clusters: tuple[str, str], n_gone: int = 0, has_same_addresses: bool = False
) -> Snapshot:
    """Two workers on one host of each cluster, by namespace and port of the scheduler.

    The first cluster is there after one second, the next one after two, and so on; the first
    `n_gone` of them have gone again.
    """
    made = Cluster()
    moves: list[object] = []
    for at, (namespace, port) in enumerate(clusters):
        for number in range(2):
            before = 0 if has_same_addresses else 2 * at
            address = f"tcp://10.0.4.11:{40_000 + before + number}"
            worker = made.source.resource(
                {
                    names.SERVICE_NAME: names.SERVICE_WORKER,
                    names.SERVICE_NAMESPACE: namespace,
                    names.SCHEDULER_ADDRESS: f"tcp://10.0.4.9:{port}",
                    names.HOST_NAME: "node-01",
                    names.WORKER_NAME: f"{number}",
                    names.WORKER_ADDRESS: address,
                    names.WORKER_NTHREADS: 2,
                }
            )
            made.read(worker, at_s=10 - at, threads=2)  # who is heard of first stands nowhere else
            joined_ns = (1 + at + number) * SECOND
            moves.append(
                made.source.event(
                    names.EVENT_WORKER_ADDED,
                    joined_ns,
                    resource=worker,
                    dask_worker_address=address,
                )
            )
            if at < n_gone:
                moves += removed(made.source, address, at_s=9, resource=worker)
    return made.snapshot(*moves, status=SourceStatus(True, ("a:1",), requests=1))


def headers(snapshot: Snapshot) -> list[tuple[str, str]]:
    rows = lane_layout(snapshot, Session(), HEIGHT).rows
    return [(row.title, plain(row.caption)) for row in rows if row.kind is RowKind.HOST]


def since(at_s: int) -> str:
    return clock(T0 + at_s * SECOND)


@pytest.mark.parametrize(
    ("clusters", "named"),
    [
        (((ONE, "8786"), (OTHER, "8790")), ("10.0.4.9:8786", "10.0.4.9:8790")),
        (((ONE, "8786"), (OTHER, "8786")), ("10.0.4.9:8786", "10.0.4.9:8786")),  # started anew
        ((("prod", "8786"), ("prod", "8790")), ("prod", "prod")),
    ],
)
def test_clusters_on_one_host_stand_apart_with_name_and_start(
    clusters: tuple[tuple[str, str], ...], named: tuple[str, str]
) -> None:
    snapshot = snapshot_of(*clusters)
    labels = [f"{name}, since {since(at_s)}" for name, at_s in zip(named, (1, 2), strict=True)]

    assert headers(snapshot) == [("node-01", f"10.0.4.11 · {label}") for label in labels]
    blocks = lane_layout(snapshot, Session(), HEIGHT).workers
    assert [f"Cluster {labels[at // 2]}" in block.tip for at, block in enumerate(blocks)] == [
        True
    ] * 4
    rows = workers_frame(snapshot, Session(), NOW).rows
    hosts = [row for row in rows if row.kind is WorkerRowKind.HOST]
    assert [(row.name, row.caption) for row in hosts] == [("node-01", label) for label in labels]
    assert [row.kind for row in rows].count(WorkerRowKind.WORKER) == 4
    assert plain(cluster_field(snapshot, NOW).label) == "2 clusters"
    roster = RosterKeeper()
    found = crew(snapshot, roster.of(snapshot), None, roster.clusters.labels(snapshot.added_ns))
    assert found.clusters == (labels[0],) * 2 + (labels[1],) * 2
    ports = (40_000, 40_001, 40_002, 40_003)
    assert found.names == tuple(f"worker {port % 2} :{port}" for port in ports)


@pytest.mark.parametrize(
    ("before", "now", "label"),
    [
        ("etl", "training", "training"),
        ("etl", ONE, "Dask cluster"),
        (ONE, "training", "training"),
        ("etl", "etl", "etl"),
    ],
)
def test_after_a_cluster_that_has_gone_the_next_one_is_named(
    before: str, now: str, label: str
) -> None:
    snapshot = snapshot_of((before, "8786"), (now, "8790"), n_gone=1)
    field = cluster_field(snapshot, NOW)
    assert (plain(field.label), plain(field.value)) == (label, "2 workers, 4 threads")


@pytest.mark.parametrize("n_gone", [0, 1])
def test_workers_of_two_clusters_at_the_same_addresses_are_apart(n_gone: int) -> None:
    snapshot = snapshot_of((ONE, "1"), (OTHER, "2"), n_gone=n_gone, has_same_addresses=True)
    labels = [f"10.0.4.9:{at_s}, since {since(at_s)}" for at_s in (1, 2)][n_gone:]

    assert headers(snapshot) == [("node-01", f"10.0.4.11 · {label}") for label in labels]
    blocks = lane_layout(snapshot, Session(), HEIGHT).workers
    assert [(block.name, block.address, block.gone_ns) for block in blocks] == [
        ("worker 0", ":40000", 0),
        ("worker 1", ":40001", 0),
    ] * (2 - n_gone)
    frame = workers_frame(snapshot, Session(), NOW)
    n_there = 4 - 2 * n_gone
    assert [row.state for row in frame.rows if row.kind is WorkerRowKind.WORKER] == (
        ["running"] * n_there
    )
    gone = ", worker 0 · 10.0.4.9:1 removed at" if n_gone else ""
    assert plain(frame.summary).startswith(f"{n_there} running{gone}")
    assert plain(cluster_field(snapshot, NOW).value) == f"{n_there} workers, {2 * n_there} threads"


def test_who_is_removed_from_one_cluster_goes_on_in_the_other() -> None:
    source, store = Source(), Store()
    one, other = (source.worker("0", nthreads=1, namespace=name) for name in (ONE, OTHER))
    words = [source.running(worker, SECOND, [("inc", 0, 7, 11)]) for worker in (one, other)]
    (gone,) = removed(source, "tcp://10.0.4.11:40101", at_s=2, resource=one)
    store.apply(source.definitions())
    for word in words:
        store.apply(word)
    store.apply(gone)
    snapshot = store.snapshot()

    assert list(snapshot.running) == [other]
    gone_ns = [block.gone_ns for block in lane_layout(snapshot, Session(), HEIGHT).workers]
    assert gone_ns == [T0 + 2 * SECOND, 0]


def test_one_that_is_silent_from_the_start_is_not_who_speaks_at_its_address_elsewhere() -> None:
    made = Cluster()
    scheduler = made.source.resource({names.SERVICE_NAMESPACE: OTHER})
    made.read(made.source.worker("0", namespace=ONE), at_s=20, threads=2)
    joined = made.source.event(
        names.EVENT_WORKER_ADDED,
        SECOND,
        resource=scheduler,
        dask_worker_address="tcp://10.0.4.11:40101",
    )
    rows = workers_frame(made.snapshot(joined), Session(), T0 + 20 * SECOND).rows

    states = [(row.name, row.state) for row in rows if row.kind is WorkerRowKind.WORKER]
    assert states == [("worker 0", "running"), ("10.0.4.11:40101", "silent")]


def test_who_hears_their_headers_hears_which_is_which() -> None:
    snapshot = snapshot_of(("etl", "8786"), ("train", "8790"))
    session = Session(collapsed_hosts=frozenset({"node-01"}))
    found = lane_layout(snapshot, session, HEIGHT)
    label, said = None, []
    for _ in range(3):
        label = beside(found, label, 0, 1)
        assert label is not None
        said.append(plain(label.said))
    assert said == [
        f"node-01, 10.0.4.11, etl, since {since(1)}, 2 workers, 4 threads, 0 % busy, folded",
        f"node-01, 10.0.4.11, train, since {since(2)}, 2 workers, 4 threads, 0 % busy",
        "worker 0, :40002",
    ]


def test_each_folds_by_itself_in_lanes_and_table() -> None:
    snapshot = snapshot_of((ONE, "8786"), (OTHER, "8790"))
    other = lane_layout(snapshot, Session(), HEIGHT).rows[-1].host
    session = Session(collapsed_hosts=frozenset({other}))

    assert len(lane_layout(snapshot, session, HEIGHT).workers) == 2
    rows = workers_frame(snapshot, session, NOW).rows
    assert [row.kind for row in rows].count(WorkerRowKind.WORKER) == 2


@pytest.mark.parametrize(("n_gone", "what"), [(0, "2 clusters"), (1, "whole cluster")])
def test_charts_say_that_they_add_up_clusters(n_gone: int, what: str) -> None:
    snapshot = snapshot_of((ONE, "8786"), (OTHER, "8790"), n_gone=n_gone)
    frame = resources_frame(snapshot, Viewport(T0, 20 * SECOND / 300, 300), NOW)

    assert plain(frame.summary) == f"{what}, same time axis"


@pytest.mark.parametrize(
    ("clusters", "of"),
    [
        (((ONE, "8786"), (OTHER, "8786")), " of 2 clusters"),
        ((("prod", "8786"), ("prod", "8790")), " of 2 clusters"),
        (((ONE, "8786"), (ONE, "8786")), ""),  # instrumented twice
        (((ONE, "8786"),), ""),
    ],
)
def test_progress_says_that_it_adds_up_clusters(
    clusters: tuple[tuple[str, str], ...], of: str
) -> None:
    made = Cluster()
    for namespace, port in (*clusters, ("idle", "1")):
        scheduler = made.source.resource(
            {
                names.SERVICE_NAME: names.SERVICE_SCHEDULER,
                names.SERVICE_NAMESPACE: namespace,
                names.SCHEDULER_ADDRESS: f"tcp://10.0.4.9:{port}",
            }
        )
        kinds = {names.TASK_PREFIX: "inc", names.TASK_STATE: "memory"}
        made.point(names.TASKS, scheduler, 1, 0 if namespace == "idle" else 3, kinds)
    n = 3 * len(clusters)

    assert plain(progress_frame(made.snapshot(), NOW).summary) == f"{n} / {n} tasks{of}"


@pytest.mark.parametrize("namespace", [ONE, "prod", ""])
def test_of_one_cluster_nothing_is_said(namespace: str) -> None:
    snapshot = snapshot_of((namespace, "8786"))

    assert headers(snapshot) == [("node-01", "10.0.4.11")]
    assert "Cluster" not in lane_layout(snapshot, Session(), HEIGHT).workers[0].tip


def test_a_worker_whose_cluster_nobody_knows_makes_no_other_cluster() -> None:
    """Its scheduler did not answer in time: the address stands for its id."""
    snapshot = snapshot_of((ONE, "8786"), ("tcp://10.0.4.9:8786", "8786"))

    assert headers(snapshot) == [("node-01", "10.0.4.11")]
    assert cluster_field(snapshot, NOW).label == "Dask cluster"
