"""Whose clock is wrong: workers that say they sent what had arrived before, or had not been asked.

Both ends of a batch of values tell when it was on its way. Whoever begins it, the two stretches of
time have a moment in common; where they have none, one of the clocks is ahead of the other by the
gap at least. Batches are known from each other by sender, receiver and size: only such are used of
which there is one at a time, and a clock is called wrong when several batches agree on how much.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import TYPE_CHECKING, Final

import numpy as np

from dask_otel import conventions
from daskscope.store.schema import Kind, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from daskscope.store.chunk import Chunk
    from daskscope.store.snapshot import Snapshot

    Int64s = npt.NDArray[np.int64]
    Ends = npt.NDArray[np.void]
    #: Numbers of a sender and of a receiver in one.
    Pair = int
    Proof = tuple[int, int]

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
#: What a step does: spans that are looked at, pairs of workers that are judged, and wrong clocks
#: that are found. Each takes less than a millisecond.
MOST_ROWS: Final = 1 << 13
MOST_JUDGED: Final = 1 << 6
MOST_FOUND: Final = 1 << 2
_END: Final = np.dtype(
    [("batch", "u8"), ("start_ns", "i8"), ("end_ns", "i8"), ("pair", "i8"), ("is_sent", "?")],
    align=True,
)
_PRIME: Final = np.uint64(0x9E3779B97F4A7C15)
#: Numbers of ends are less.
_SHIFT: Final = 24
#: All but so many bits of what batches are known by: few have the others in common.
_PLACE_SHIFT: Final = np.uint64(48)


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
    """Watches the clocks of one store's workers.

    Attributes
    ----------
    skews
        Wrong clocks by number of the worker, as far as has been found; never written again, and
        the same object while nothing new is known.
    """

    def __init__(self) -> None:
        self.skews: Mapping[int, Skew] = {}
        self._taken: dict[int, int] = {}
        self._number_of: dict[tuple[int, str], int] = {}
        self._addresses = [""]
        self._workers = [-1]
        self._namespaces: dict[object, int] = {}
        self._of_lane = np.zeros(0, np.int64)
        self._of_resource = np.zeros((2, 0), np.int64)
        self._of_string: list[Int64s] = []
        self._waiting = np.empty(0, _END)
        self._settled_ns = 0
        # Of pairs that had a batch that proves anything, and from then on: of all others nothing
        # need be known, and thousands of workers make millions of pairs.
        self._bounds: defaultdict[Pair, deque[tuple[int, int]]] = defaultdict(
            lambda: deque(maxlen=MOST_BATCHES)
        )
        #: Pairs of whom there is news, in order of time.
        self._touched: dict[Pair, None] = {}
        #: By number of the sender, and of the receiver.
        self._proven: defaultdict[int, dict[Pair, Proof]] = defaultdict(dict)
        self._has_news = False
        #: Who is found wrong, while that goes on.
        self._finding: Iterator[tuple[int, Skew]] | None = None
        self._found: dict[int, Skew] = {}

    def learn(self, snapshot: Snapshot) -> None:
        """Look at all there is."""
        while not self.step(snapshot):
            pass

    def step(self, snapshot: Snapshot) -> bool:
        """Do some of what there is to do, a millisecond's work; whether nothing is left."""
        has_all = self._take(snapshot)
        for pair in tuple(islice(self._touched, MOST_JUDGED)):
            del self._touched[pair]
            self._judge(pair)
        self._find()
        return has_all and not (self._touched or self._has_news or self._finding)

    def _take(self, snapshot: Snapshot) -> bool:
        """Look at some of the spans that are new; whether none is left."""
        fresh = self._fresh(snapshot)
        has_all = all(self._taken.get(chunk.number) == len(chunk) for chunk in snapshot.chunks)
        waiting = self._waiting = _joined([self._waiting, *fresh])
        settled_ns = self._newly_settled_ns(snapshot, waiting, has_all=has_all)
        # Where nothing comes, it is not looked each time at all that waits.
        if fresh or settled_ns > self._settled_ns + SETTLED_NS:
            self._settled_ns = settled_ns
            self._settle(waiting, settled_ns)
        return has_all

    def _settle(self, waiting: Ends, until_ns: int) -> None:
        """Let ends wait no more that were before `until_ns`, and pair them."""
        is_settled = waiting["end_ns"] < until_ns
        if is_settled.any():
            self._match(waiting, is_settled, until_ns)
            waiting = waiting.take(np.flatnonzero(~is_settled))
        self._waiting = waiting[-MOST_WAITING:]

    def _find(self) -> None:
        """Find some of those whose clocks are wrong."""
        if self._finding is None:
            if not self._has_news:
                return
            self._has_news = False
            self._finding, self._found = _attributed(self._proven, self._addresses), {}
        found = dict(islice(self._finding, MOST_FOUND))
        self._found |= {self._workers[number]: skew for number, skew in found.items()}
        if len(found) < MOST_FOUND:
            self.skews, self._finding = self._found, None

    @staticmethod
    def _newly_settled_ns(snapshot: Snapshot, waiting: Ends, *, has_all: bool) -> int:
        """Of batches that ended before, both ends have come, if ever they do."""
        newest_ns = int(waiting["end_ns"].max(initial=0))
        if has_all:
            if snapshot.status.is_over:
                return int(np.iinfo(np.int64).max)
            newest_ns = max(newest_ns, snapshot.last_ns)
        return newest_ns - SETTLED_NS

    # What is new ----------------------------------------------------------------------------

    def _fresh(self, snapshot: Snapshot) -> Sequence[Ends]:
        found: list[Ends] = []
        most_rows = MOST_ROWS
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

    def _match(self, waiting: Ends, is_settled: npt.NDArray[np.bool_], until_ns: int) -> None:
        """Pair both ends of settled batches, and keep what they may prove."""
        # Most wait for longer: to sort all would take ten times as long.
        is_place = np.zeros(1 << 16, np.bool_)
        is_place[waiting["batch"][is_settled] >> _PLACE_SHIFT] = True
        ends = waiting.take(np.flatnonzero(is_place[waiting["batch"] >> _PLACE_SHIFT]))
        sent, received = _single(ends[ends["is_sent"]]), _single(ends[~ends["is_sent"]])
        _, i, j = np.intersect1d(sent["batch"], received["batch"], True, True)
        sent, received = sent[i], received[j]
        # How far the sender's clock can be ahead of the receiver's, at least and at most.
        lower_ns = sent["start_ns"] - received["end_ns"]
        upper_ns = sent["end_ns"] - received["start_ns"]
        is_proof = (lower_ns > 0) | (upper_ns < 0)
        is_meant = (sent["end_ns"] < until_ns) | (received["end_ns"] < until_ns)
        columns = sent["pair"], lower_ns, upper_ns, is_proof
        for pair, lower, upper, proves in zip(
            *(column[is_meant].tolist() for column in columns), strict=True
        ):
            if proves or pair in self._bounds:
                self._bounds[pair].append((lower, upper))
                self._touched[pair] = None

    def _judge(self, pair: Pair) -> None:
        """What batches from one worker to another prove."""
        bounds = self._bounds[pair]
        proofs = [(low + up) // 2 for low, up in bounds if low > 0 or up < 0]
        sender, receiver = _ends(pair)
        before, proof = self._proven[sender].get(pair), None
        if len(proofs) >= LEAST_PROOFS:
            ahead_ns = int(median(proofs))
            low_ns, up_ns = ahead_ns + LEAST_SKEW_NS, ahead_ns - LEAST_SKEW_NS
            n_agreeing = sum(low <= low_ns and up_ns <= up for low, up in bounds)
            if abs(ahead_ns) >= LEAST_SKEW_NS and n_agreeing >= AGREEING_SHARE * len(bounds):
                proof = ahead_ns, len(proofs)
        if proof == before:
            return
        self._has_news = True
        for number in (sender, receiver):
            if proof is None:
                del self._proven[number][pair]
            else:
                self._proven[number][pair] = proof


def _ends(pair: Pair) -> tuple[int, int]:
    """Sender and receiver."""
    return pair >> _SHIFT, pair & (1 << _SHIFT) - 1


def _joined(parts: Sequence[Ends]) -> Ends:
    """Ends one after the other; numpy would copy them field by field, in ten times as long."""
    if len(parts) == 1:
        return parts[0]
    whole = np.concatenate([part.view(f"V{_END.itemsize}") for part in parts])
    return whole.view(_END)


def _single(ends: Ends) -> Ends:
    """Ends of batches of which there is one."""
    _, first, n = np.unique(ends["batch"], return_index=True, return_counts=True)
    single: Ends = ends[first[n == 1]]
    return single


def _attributed(
    proven: Mapping[int, Mapping[Pair, Proof]], addresses: Sequence[str]
) -> Iterator[tuple[int, Skew]]:
    """Whose clocks explain what is proven: those that differ from the most others.

    More may be proven while this goes on.
    """
    n_of = {number: len(proven[number]) for number in sorted(proven)}
    while n_of:
        # Of two that only differ from each other it is the one that was known first.
        worst = max(n_of, key=n_of.__getitem__)
        if not n_of.pop(worst):
            return
        ahead_ns, n_batches, others = [], 0, set()
        for pair, (ns, n) in proven[worst].items():
            sender, receiver = _ends(pair)
            is_sender = sender == worst
            other = receiver if is_sender else sender
            if other in n_of:
                n_of[other] = max(n_of[other] - 1, 0)
                ahead_ns.append(ns if is_sender else -ns)
                n_batches += n
                others.add(other)
        if others:
            named = tuple(addresses[number] for number in sorted(others))
            yield worst, Skew(int(median(ahead_ns)), n_batches, named)
