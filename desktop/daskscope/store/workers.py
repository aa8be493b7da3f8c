"""Which resources are of one worker: those with the same address in the same cluster.

Clusters may have workers at the same addresses: on networks of their own, or one after the other.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from dask_otel import conventions
from daskscope.store.schema import SCHEDULER_ID

if TYPE_CHECKING:
    import numpy.typing as npt

    from daskscope.store.schema import Attributes


class _Cluster(NamedTuple):
    """What a resource says of its cluster.

    Attributes
    ----------
    namespace
        The scheduler's id, or a name that somebody has given; "" where it is not known, as of who
        says the scheduler's address in its place.
    scheduler
        The scheduler's address, as the resource knows it.
    """

    namespace: str
    scheduler: str

    @classmethod
    def of(cls, attributes: Attributes) -> _Cluster:
        """That of a resource with these attributes."""
        namespace = str(attributes.get(conventions.SERVICE_NAMESPACE) or "")
        scheduler = str(attributes.get(conventions.SCHEDULER_ADDRESS) or "")
        return cls("" if namespace == scheduler else namespace, scheduler)

    def may_be(self, other: _Cluster) -> bool:
        """Whether nothing says that both are not the same."""
        one, two = self.namespace, other.namespace
        if not one or not two or one == two:
            return True
        # A name may have been given to the workers alone.
        is_named_once = bool(SCHEDULER_ID.fullmatch(one)) != bool(SCHEDULER_ID.fullmatch(two))
        return is_named_once and self.scheduler == other.scheduler != ""


_NOWHERE: Final = _Cluster("", "")


class WorkerTable:
    """Numbers of workers, given once for good, also to those that others speak of.

    A resource without an address has a number to itself. One that does not know its cluster is of
    the newest worker at its address, whatever the cluster.

    Attributes
    ----------
    addresses
        By number; "" of what is no worker.
    """

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self._cluster_of: list[_Cluster] = []
        self._at: defaultdict[str, list[int]] = defaultdict(list)
        self._said: list[_Cluster] = []
        self._numbers = np.zeros(64, np.int64)

    def know(self, attributes: Attributes) -> int:
        """Number of the worker that the next resource is of."""
        resource, said = len(self._said), _Cluster.of(attributes)
        self._said.append(said)
        if resource == len(self._numbers):
            self._numbers = np.concatenate([self._numbers, np.zeros_like(self._numbers)])
        address = attributes.get(conventions.WORKER_ADDRESS)
        is_worker = isinstance(address, str) and bool(address)
        number = self._number(said, str(address)) if is_worker else self._new(said, "")
        self._numbers[resource] = number
        return number

    def at(self, address: str, resource: int) -> int:
        """Number of the worker at an address that a resource speaks of."""
        said = self._said[resource] if resource < len(self._said) else _NOWHERE
        return self._number(said, address)

    def of_resources(self) -> npt.NDArray[np.int64]:
        """int64: number by resource id; later calls return longer ones that begin alike."""
        return self._numbers[: len(self._said)]

    def _number(self, said: _Cluster, address: str) -> int:
        here, cluster_of = self._at[address], self._cluster_of
        same = [one for one in here if cluster_of[one].namespace == said.namespace]
        meant = same or [one for one in here if cluster_of[one].may_be(said)]
        if not meant:
            here.append(self._new(said, address))
            return here[-1]
        number = meant[-1]
        if not cluster_of[number].namespace:
            cluster_of[number] = said
        return number

    def _new(self, said: _Cluster, address: str) -> int:
        self.addresses.append(address)
        self._cluster_of.append(said)
        return len(self.addresses) - 1
