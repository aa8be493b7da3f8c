"""Which clusters there are, and what tells them apart where there are several."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from daskscope.derive import quantity
from daskscope.derive.place import APART

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daskscope.derive.place import Place
    from daskscope.derive.sampling import Samples


def at_work(samples: Samples) -> frozenset[str]:
    """Which clusters the workers are of that have not been removed, as far as that is known."""
    running = samples.resource[~samples.is_removed].tolist()
    return frozenset(samples.places[resource].cluster for resource in running) - {""}


class Clusters:
    """Clusters of one store, in order of first appearance."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._workers: defaultdict[str, list[int]] = defaultdict(list)
        self._first_on: dict[str, str] = {}

    def placed(self, where: Place, worker: int) -> Place:
        """Where a worker runs, with a host of its own for each but the first cluster on a host.

        `worker` is its number, as in the snapshot.
        """
        if not where.cluster:
            return where
        self._names.setdefault(where.cluster, where.cluster_name)
        self._workers[where.cluster].append(worker)
        if self._first_on.setdefault(where.host, where.cluster) == where.cluster:
            return where
        number = list(self._names).index(where.cluster)
        return replace(where, host=f"{where.host}{APART}{number}")

    def labels(self, added_ns: Mapping[int, int]) -> dict[str, str]:
        """By cluster, how people tell it from others: its name, and since when it is there.

        Nothing where there is but one. `added_ns` is as in the snapshot.
        """
        if len(self._names) < 2:
            return {}
        labels = {}
        for cluster, name in self._names.items():
            joined_ns = [added_ns[one] for one in self._workers[cluster] if one in added_ns]
            since = f", since {quantity.clock(min(joined_ns))}" if joined_ns else ""
            labels[cluster] = f"{name}{since}"
        return labels
