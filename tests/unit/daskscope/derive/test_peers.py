"""Names of other ends of transfers."""

from __future__ import annotations

from daskscope.derive.peers import peer
from tests.builders import Source, snapshot_of

ADDRESS = "tcp://10.0.4.11:40101"


def names_of(source: Source, address: str, *resources: int) -> list[str | None]:
    snapshot = snapshot_of(source)
    found = (peer(snapshot, address, resource) for resource in resources)
    return [where.name if where is not None else None for where in found]


def test_who_is_at_an_address_is_of_the_cluster_of_who_says_it() -> None:
    source = Source()
    for name in ("one", "other"):
        source.worker(f"{name}-0", namespace=name)
        source.worker(f"{name}-1", port=40_102, namespace=name)

    assert names_of(source, ADDRESS, 1, 3) == ["one-0", "other-0"]


def test_who_is_there_in_another_cluster_is_better_than_nobody() -> None:
    source = Source()
    source.worker("w0", namespace="one")
    asking = source.worker("w1", port=40_102)
    source.worker("w2", port=40_103)

    assert names_of(source, ADDRESS, asking) == ["w0"]


def test_a_name_is_better_than_an_address() -> None:
    source = Source()
    source.resource({"dask.worker.address": ADDRESS})
    source.worker("w0")

    assert names_of(source, ADDRESS, 1) == ["w0"]
    source = Source()
    source.worker("w0")
    assert names_of(source, "tcp://10.0.4.11:1", 0) == [None]
