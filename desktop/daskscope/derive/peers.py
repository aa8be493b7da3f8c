"""Who is at the other end of a transfer, of which the span says the address alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dask_otel import conventions
from daskscope.derive.place import place

if TYPE_CHECKING:
    from daskscope.derive.place import Place
    from daskscope.store.schema import Attributes
    from daskscope.store.snapshot import Snapshot


def peer(snapshot: Snapshot, address: str, resource: int) -> Place | None:
    """The worker at an address, of the cluster of a resource that speaks of it if it has one there.

    None where none is known.
    """
    of_cluster = conventions.SERVICE_NAMESPACE
    cluster = snapshot.resources[resource].get(of_cluster)
    there = (one for one in snapshot.resources if one.get(conventions.WORKER_ADDRESS) == address)

    def likeness(one: Attributes) -> tuple[bool, bool]:
        return one.get(of_cluster) == cluster, conventions.WORKER_NAME in one

    found = max(there, key=likeness, default=None)
    return place(found) if found is not None else None
