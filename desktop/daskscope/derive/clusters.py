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
    """Clusters of one store, in order of first appearance.

    Attributes
    ----------
    n_changes
        How often what tells them apart has changed.
    """

    def __init__(self) -> None:
        self.n_changes = 0
        self._names: dict[str, str] = {}
        self._workers: defaultdict[str, list[int]] = defaultdict(list)
        self._first_on: dict[str, str] = {}
        #: Which clusters have workers of a name, and of a name and port.
        self._called: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)

    def placed(self, where: Place, worker: int) -> Place:
        """Where a worker runs, with a host of its own for each but the first cluster on a host.

        `worker` is its number, as in the snapshot.
        """
        if not where.cluster:
            return where
        self.n_changes += where.cluster not in self._names
        self._names.setdefault(where.cluster, where.cluster_name)
        self._workers[where.cluster].append(worker)
        for words in ((where.name,), (where.name, where.port)):
            clusters = self._called[words]
            self.n_changes += bool(clusters) and where.cluster not in clusters
            clusters.add(where.cluster)
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

    def told(self, where: Place, labels: Mapping[str, str]) -> str:
        """Name of a worker or service, and what tells it from those of other clusters.

        That is a worker's port, where workers of others have its name. Where they have its port,
        too, and for the other services of several clusters, it is the cluster: its name, or its
        label of `labels` where others have the same.
        """
        if len(self._names) < 2 or (where.is_worker and not self._are_several(where.name)):
            return where.name
        if where.is_worker and not self._are_several(where.name, where.port):
            return f"{where.name} {where.port}".rstrip()
        # A scheduler may know its own address by another name than its workers do.
        cluster_name = self._names.get(where.cluster, where.cluster_name)
        n_alike = list(self._names.values()).count(cluster_name)
        label = cluster_name if n_alike == 1 else labels.get(where.cluster, "")
        return f"{where.name}{quantity.DOT}{label}" if label else where.name

    def _are_several(self, *words: str) -> bool:
        return len(self._called.get(words, ())) > 1
