"""Log records in order of arrival, at most `MOST_EVENTS` of them, and which workers are gone.

Beyond that, or beyond `MOST_CHARACTERS` of texts, the oldest of the commonest kind go, so that a
flood drowns itself and nothing else.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np

from dask_otel import conventions
from daskscope.store.listing import Listing
from daskscope.store.schema import EVENT_COLUMNS, Array, EventBatch
from daskscope.store.snapshot import Events

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from daskscope.store.workers import WorkerTable

MOST_EVENTS: Final = 50_000
#: Of bodies and attributes together: a traceback has kilobytes.
MOST_CHARACTERS: Final = 1 << 26


class EventLog:
    """Holds events.

    Parameters
    ----------
    workers
        Who is who.

    Attributes
    ----------
    removed_ns
        By number of the worker: when its scheduler removed it; replaced, never changed.
    added_ns
        The same of when its scheduler added it, the last time.
    n_evicted
        Oldest records that were dropped.
    """

    def __init__(self, workers: WorkerTable) -> None:
        self._workers = workers
        self.removed_ns: dict[int, int] = {}
        self.added_ns: dict[int, int] = {}
        self.n_evicted = 0
        self._n_characters = 0
        self._columns: dict[str, Array] = {
            name: np.empty(0, dtype) for name, dtype in EVENT_COLUMNS.items()
        }
        self._bodies: list[str] = []
        self._attributes: list[str] = []
        self._known_ns: dict[int, int] = {}
        self._frozen: Events | None = None

    def add(self, batch: EventBatch, strings: Sequence[str]) -> tuple[tuple[int, int], ...]:
        """Add records.

        Returns
        -------
        tuple[tuple[int, int], ...]
            Number and time of each worker that they say was removed.
        """
        self._frozen = None
        for name, column in batch.columns.items():
            self._columns[name] = np.concatenate([self._columns[name], column])
        self._bodies.extend(batch.bodies[i] for i in range(len(batch)))
        self._attributes.extend(batch.attributes[i] for i in range(len(batch)))
        self._n_characters += len(batch.bodies.data) + len(batch.attributes.data)
        removed = tuple(self._moves(batch, strings))
        while len(self._bodies) > MOST_EVENTS:
            self._evict(len(self._bodies) - MOST_EVENTS * 3 // 4)
        while self._n_characters > MOST_CHARACTERS and len(self._bodies) > 1:
            self._evict(-(-len(self._bodies) // 4))
        return removed

    def frozen(self) -> Events:
        """What is held now."""
        if self._frozen is None:
            columns = dict(self._columns)
            texts = Listing(self._bodies), Listing(self._attributes)
            self._frozen = Events(columns, *texts, self.n_evicted)
        return self._frozen

    def _evict(self, n_most: int) -> None:
        """Drop the oldest records of the commonest name, `n_most` at most."""
        name = self._columns["name"]
        _, kind = np.unique(name, return_inverse=True)
        gone = np.flatnonzero(kind == np.bincount(kind).argmax())[:n_most]
        self.n_evicted += len(gone)
        is_kept = np.ones(len(name), np.bool_)
        is_kept[gone] = False
        self._columns = {name: column[is_kept] for name, column in self._columns.items()}
        kept = np.flatnonzero(is_kept).tolist()
        self._bodies = [self._bodies[i] for i in kept]
        self._attributes = [self._attributes[i] for i in kept]
        self._n_characters = sum(map(len, chain(self._bodies, self._attributes)))

    def _moves(self, batch: EventBatch, strings: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Follow workers that come and go; records may be late, the newest counts."""
        times, senders = (batch.columns[name].tolist() for name in ("time_ns", "resource"))
        added_ns: dict[int, int] = {}
        for i, string_id in enumerate(batch.columns["name"].tolist()):
            name = strings[string_id]
            if name not in (conventions.EVENT_WORKER_ADDED, conventions.EVENT_WORKER_REMOVED):
                continue
            address = _address(batch.attributes[i])
            if not address:
                continue
            worker = self._workers.at(address, senders[i])
            if times[i] < self._known_ns.get(worker, 0):
                continue
            self._known_ns[worker] = times[i]
            if name == conventions.EVENT_WORKER_REMOVED:
                self.removed_ns = self.removed_ns | {worker: times[i]}
                yield worker, times[i]
            else:
                added_ns[worker] = times[i]
                self.removed_ns = {
                    other: time for other, time in self.removed_ns.items() if other != worker
                }
        if added_ns:  # once for all, as there may be thousands
            self.added_ns = self.added_ns | added_ns


def _address(attributes: str) -> str:
    """The worker's address in a record's attributes, "" if there is none."""
    try:
        found = json.loads(attributes)
    except ValueError:
        return ""
    address = found.get(conventions.WORKER_ADDRESS) if isinstance(found, dict) else None
    return address if isinstance(address, str) else ""
