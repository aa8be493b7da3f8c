"""Who is the same worker, whatever came first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dask_otel import conventions
from daskscope.store.workers import WorkerTable

if TYPE_CHECKING:
    from daskscope.store.schema import Attributes

ONE = "Scheduler-6b8b4567-327b-23c6-643c-98696633487a"
OTHER = "Scheduler-74b0dc51-1949-5cff-2ae8-944a625558ec"
S1, S2 = "tcp://10.0.0.1:8786", "tcp://10.0.0.2:8786"
ADDRESS = "tcp://10.0.4.11:40101"


def said(namespace: str, scheduler: str = "", address: str = ADDRESS) -> Attributes:
    told = {
        conventions.SERVICE_NAMESPACE: namespace,
        conventions.SCHEDULER_ADDRESS: scheduler,
        conventions.WORKER_ADDRESS: address,
    }
    return {name: text for name, text in told.items() if text}


def numbers(*resources: Attributes) -> list[int]:
    table = WorkerTable()
    found = [table.know(attributes) for attributes in resources]
    assert table.of_resources().tolist() == found
    return found


def test_an_address_is_a_worker_of_each_cluster() -> None:
    assert numbers(said(ONE), said(OTHER), said(ONE), said(OTHER)) == [0, 1, 0, 1]
    assert numbers(said("etl", S1), said("train", S1)) == [0, 1]
    assert numbers(said(ONE, S1), said(OTHER, S1)) == [0, 1]  # started anew


def test_services_are_by_themselves() -> None:
    assert numbers(said(ONE, address=""), said(ONE), said(ONE, address="")) == [0, 1, 2]


def test_who_does_not_know_the_cluster_is_the_newest_at_the_address() -> None:
    assert numbers(said(""), said("")) == [0, 0]
    assert numbers(said(ONE), said(OTHER), said(""), said(S1, S1)) == [0, 1, 1, 1]
    assert numbers(said("", address="tcp://10.0.4.11:1"), said(ONE)) == [0, 1]


def test_whoever_names_the_cluster_first_takes_who_does_not_know_it() -> None:
    assert numbers(said(S1, S1), said(ONE, S1), said(OTHER, S2), said(ONE, S1)) == [0, 0, 1, 0]


def test_a_name_given_to_workers_alone_is_that_of_their_scheduler() -> None:
    assert numbers(said("etl", S1), said(ONE, S1)) == [0, 0]
    assert numbers(said(ONE, S1), said("etl", S2)) == [0, 1]
    assert numbers(said(ONE), said("etl")) == [0, 1]


def test_others_speak_of_workers_of_their_own_cluster() -> None:
    table = WorkerTable()
    schedulers = [said(ONE, S1, ""), said(OTHER, S2, "")]
    for attributes in schedulers:
        table.know(attributes)
    first = table.at(ADDRESS, 0)
    worker = table.know(said(OTHER, S2))

    assert first != worker == table.at(ADDRESS, 1)
    assert table.know(said(ONE, S1)) == first
    assert table.addresses == ["", "", ADDRESS, ADDRESS]
    assert table.at(ADDRESS, 9) == worker  # nobody knows who says it


def test_numbers_that_were_handed_out_stay() -> None:
    table = WorkerTable()
    table.know(said(ONE))
    before = table.of_resources()
    for port in range(200):
        table.know(said(ONE, address=f"tcp://10.0.4.12:{port}"))

    assert before.tolist() == [0]
    assert table.of_resources().tolist() == list(range(201))
