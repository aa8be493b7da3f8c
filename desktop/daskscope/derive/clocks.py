"""Whose clock is wrong: workers that say they sent what had arrived before, or had not been asked.

Both ends of a batch of values tell when it was on its way. Whoever begins it, the two stretches of
time have a moment in common; where they have none, one of the clocks is ahead of the other by the
gap at least. Batches are known from each other by sender, receiver and size: only such are used of
which there is one at a time, and a clock is called wrong when several batches agree on how much.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from dask_otel import conventions
from daskscope.store.schema import Kind, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from daskscope.store.chunk import Chunk
    from daskscope.store.snapshot import Snapshot

    Int64s = npt.NDArray[np.int64]
    Ends = npt.NDArray[np.void]
    Pair = tuple[int, int]

#: Less is what one clock differs from itself, and what readings of it are off.
LEAST_SKEW_NS: Final = 1_000_000
#: Batches that must prove the same.
LEAST_PROOFS: Final = 3
#: Share of all batches between two workers that must agree.
AGREEING_SHARE: Final = 0.8
#: After so much time both ends of a batch have come.
SETTLED_NS: Final = 3_000_000_000
#: Ends that wait for the other, and batches that are remembered of two workers.
MOST_WAITING: Final = 100_000
MOST_BATCHES: Final = 64
#: Spans that are looked at in one go, and how many while others come: some milliseconds' work.
MOST_ROWS: Final = 1 << 18
SOME_ROWS: Final = 1 << 13
#: So many may wait until somebody asks, more than come from one time to the next.
LEAST_ROWS: Final = 1 << 15
_END: Final = np.dtype(
    [("batch", "u8"), ("start_ns", "i8"), ("end_ns", "i8"), ("pair", "i8"), ("is_sent", "?")]
)
_PRIME: Final = np.uint64(0x9E3779B97F4A7C15)
#: Numbers of ends are less.
_SHIFT: Final = 24


@dataclass(frozen=True, slots=True)
class Skew:
    """How wrong a worker's clock is.

    Attributes
    ----------
    ahead_ns
        How far it is ahead; negative for behind.
    n_batches
        Batches that prove it.
    others
        Addresses of the workers at the other ends.
    """

    ahead_ns: int
    n_batches: int
    others: tuple[str, ...]


class Clocks:
    """Watches the clocks of one store's workers."""

    def __init__(self) -> None:
        self._taken: dict[int, int] = {}
        self._number_of: dict[tuple[int, str], int] = {}
        self._addresses = [""]
        self._workers = [-1]
        self._namespaces: dict[object, int] = {}
        self._of_lane = np.zeros(0, np.int64)
        self._of_resource = np.zeros((2, 0), np.int64)
        self._of_string: list[Int64s] = []
        self._waiting = np.empty(0, _END)
        # Of pairs that had a batch that proves anything, and from then on: of all others nothing
        # need be known, and thousands of workers make millions of pairs.
        self._bounds: defaultdict[Pair, deque[tuple[int, int]]] = defaultdict(
            lambda: deque(maxlen=MOST_BATCHES)
        )
        self._proven: dict[Pair, tuple[int, int]] = {}
        self._skews: Mapping[int, Skew] = {}

    def of(self, snapshot: Snapshot) -> Mapping[int, Skew]:
        """Wrong clocks by number of the worker; the same object while nothing new is known."""
        self._take(snapshot, MOST_ROWS)
        return self._skews

    def keep_up(self, snapshot: Snapshot) -> None:
        """Look at some spans, if many wait for that."""
        taken = self._taken
        waiting = (len(chunk) - taken.get(chunk.number, 0) for chunk in snapshot.chunks)
        if sum(waiting) >= LEAST_ROWS:
            self._take(snapshot, SOME_ROWS)

    def _take(self, snapshot: Snapshot, most_rows: int) -> None:
        waiting = np.concatenate([self._waiting, *self._fresh(snapshot, most_rows)])
        is_settled = waiting["end_ns"] < self._settled_ns(snapshot, waiting)
        self._waiting = waiting[~is_settled][-MOST_WAITING:]
        touched = self._match(waiting, is_settled) if is_settled.any() else ()
        for pair in touched:
            self._judge(pair)
        if touched:
            found = _attributed(self._proven, self._addresses)
            self._skews = {self._workers[number]: skew for number, skew in found.items()}

    def _settled_ns(self, snapshot: Snapshot, waiting: Ends) -> int:
        """Of batches that ended before, both ends have come, if ever they do."""
        newest_ns = int(waiting["end_ns"].max(initial=0))
        if all(self._taken.get(chunk.number) == len(chunk) for chunk in snapshot.chunks):
            if not snapshot.status.is_live and snapshot.status.progress >= 1.0:
                return int(np.iinfo(np.int64).max)
            newest_ns = max(newest_ns, snapshot.last_ns)
        return newest_ns - SETTLED_NS

    # What is new ----------------------------------------------------------------------------

    def _fresh(self, snapshot: Snapshot, most_rows: int) -> Sequence[Ends]:
        found: list[Ends] = []
        first = snapshot.chunks[0].number if snapshot.chunks else 0
        for chunk in snapshot.chunks:
            n_taken = self._taken.get(chunk.number, 0)
            until = min(n_taken + most_rows, len(chunk))
            if n_taken == until:
                continue
            found.append(self._ends(snapshot, chunk, slice(n_taken, until)))
            self._taken[chunk.number] = until
            most_rows -= until - n_taken
        self._taken = {number: n for number, n in self._taken.items() if number >= first}
        return found

    def _ends(self, snapshot: Snapshot, chunk: Chunk, rows: slice) -> Ends:
        columns = {name: column[rows] for name, column in chunk.columns.items()}
        kind = columns["kind"].view(np.uint8)
        is_end = (kind == Kind.SEND.value) | (kind == Kind.TRANSFER.value)
        is_end &= columns["status"] != Status.ERROR.value
        at = np.flatnonzero(is_end & (columns["nbytes"].view(np.int64) > 0))
        resource = self._lanes(snapshot)[columns["lane"][at]]
        own, namespace = self._resources(snapshot)[:, resource]
        other = self._strings(snapshot, columns["peer"][at].astype(np.int64), namespace)
        is_sent = kind[at] == Kind.SEND.value
        sender, receiver = np.where(is_sent, own, other), np.where(is_sent, other, own)
        ends = np.empty(len(at), _END)
        ends["pair"] = (sender << _SHIFT) + receiver
        size = columns["nbytes"].view(np.uint64)[at]
        ends["batch"] = ends["pair"].view(np.uint64) * _PRIME ^ size * (_PRIME >> np.uint64(7))
        ends["start_ns"], ends["end_ns"] = columns["start_ns"][at], columns["end_ns"][at]
        ends["is_sent"] = is_sent
        known: Ends = ends[(own > 0) & (other > 0) & (own != other)]
        return known

    def _number(self, namespace: int, address: str) -> int:
        """Number of what has an address in a cluster; 0 of what has none."""
        if not address:
            return 0
        number = self._number_of.setdefault((namespace, address), len(self._addresses))
        if number == len(self._addresses):
            self._addresses.append(address)
            self._workers.append(-1)
        return number

    def _lanes(self, snapshot: Snapshot) -> Int64s:
        """Resource of each lane, which it has for good."""
        known = len(self._of_lane)
        if known < len(snapshot.lanes):
            more = [lane.resource for lane in snapshot.lanes[known:]]
            self._of_lane = np.concatenate([self._of_lane, np.array(more, np.int64)])
        return self._of_lane

    def _resources(self, snapshot: Snapshot) -> Int64s:
        """Number of the address of each resource, 0 where it has none, and of its cluster."""
        known = self._of_resource.shape[1]
        if known < len(snapshot.resources):
            more = []
            for resource, attributes in enumerate(snapshot.resources[known:], known):
                said = attributes.get(conventions.SERVICE_NAMESPACE)
                namespace = self._namespaces.setdefault(said, len(self._namespaces))
                address = str(attributes.get(conventions.WORKER_ADDRESS) or "")
                number = self._number(namespace, address)
                self._workers[number] = int(snapshot.worker_of[resource])
                more.append((number, namespace))
            fresh = np.array(more, np.int64).T
            self._of_resource = np.concatenate([self._of_resource, fresh], axis=1)
        return self._of_resource

    def _strings(self, snapshot: Snapshot, ids: Int64s, namespace: Int64s) -> Int64s:
        """Number of the address that each string is, in the cluster of who says it."""
        found = np.zeros(len(ids), np.int64)
        for one in range(len(self._namespaces)):
            said = np.flatnonzero(namespace == one)
            if len(said):
                found[said] = self._of_cluster(snapshot, ids[said], one)
        return found

    def _of_cluster(self, snapshot: Snapshot, ids: Int64s, namespace: int) -> Int64s:
        while len(self._of_string) <= namespace:
            self._of_string.append(np.zeros(0, np.int64))
        known = self._of_string[namespace]
        most = int(ids.max(initial=0)) + 1
        if most > len(known):
            more = np.full(max(most, 2 * len(known)) - len(known), -1)
            known = self._of_string[namespace] = np.concatenate([known, more])
        for number in np.unique(ids[known[ids] < 0]).tolist():
            known[number] = self._number(namespace, snapshot.strings[number])
        return known[ids]

    # What it proves -------------------------------------------------------------------------

    def _match(self, waiting: Ends, is_settled: npt.NDArray[np.bool_]) -> set[Pair]:
        """Pair both ends of settled batches; of whom they may prove something."""
        sent, received = waiting[waiting["is_sent"]], waiting[~waiting["is_sent"]]
        sent, received = _single(sent), _single(received)
        _, i, j = np.intersect1d(sent["batch"], received["batch"], True, True)
        sent, received = sent[i], received[j]
        settled = waiting["batch"][is_settled]
        is_meant = np.isin(sent["batch"], settled)
        touched = set()
        for give, take in zip(sent[is_meant].tolist(), received[is_meant].tolist(), strict=True):
            number = give[3]
            pair = number >> _SHIFT, number & (1 << _SHIFT) - 1
            # How far the sender's clock can be ahead of the receiver's, at least and at most.
            lower_ns, upper_ns = give[1] - take[2], give[2] - take[1]
            if lower_ns > 0 or upper_ns < 0 or pair in self._bounds:
                self._bounds[pair].append((lower_ns, upper_ns))
                touched.add(pair)
        return touched

    def _judge(self, pair: Pair) -> None:
        """What batches from one worker to another prove."""
        bounds = np.array(self._bounds[pair], np.int64)
        lower_ns, upper_ns = bounds.T
        is_proof = (lower_ns > 0) | (upper_ns < 0)
        self._proven.pop(pair, None)
        n_proofs = int(np.count_nonzero(is_proof))
        if n_proofs < LEAST_PROOFS:
            return
        ahead_ns = int(np.median((lower_ns + upper_ns)[is_proof] // 2))
        agrees = (lower_ns - LEAST_SKEW_NS <= ahead_ns) & (ahead_ns <= upper_ns + LEAST_SKEW_NS)
        if abs(ahead_ns) >= LEAST_SKEW_NS and agrees.mean() >= AGREEING_SHARE:
            self._proven[pair] = ahead_ns, n_proofs


def _single(ends: Ends) -> Ends:
    """Ends of batches of which there is one."""
    _, first, n = np.unique(ends["batch"], return_index=True, return_counts=True)
    single: Ends = ends[first[n == 1]]
    return single


def _attributed(
    proven: Mapping[Pair, tuple[int, int]], addresses: Sequence[str]
) -> Mapping[int, Skew]:
    """Whose clocks explain what is proven: those that differ from the most others."""
    left = dict(proven)
    skews = {}
    while left:
        n_of = Counter(number for pair in left for number in pair)
        # Of two that only differ from each other it is the sender.
        most = max(n_of.values())
        worst = next(number for pair in left for number in pair if n_of[number] == most)
        meant = {pair: proof for pair, proof in left.items() if worst in pair}
        ahead = [ns if pair[0] == worst else -ns for pair, (ns, _) in meant.items()]
        others = {number for pair in meant for number in pair} - {worst}
        skews[worst] = Skew(
            int(np.median(ahead)),
            sum(n for _, n in meant.values()),
            tuple(addresses[number] for number in sorted(others)),
        )
        left = {pair: proof for pair, proof in left.items() if worst not in pair}
    return skews
