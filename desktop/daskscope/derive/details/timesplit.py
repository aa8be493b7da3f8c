"""Where the time of an attempt went, from its submission to its end.

Every moment counts once. On the worker, before the attempt has a thread, what was read or fetched
for it counts before waiting; while it runs, reading from disk and unpickling before computing.
"""

from __future__ import annotations

import math
from enum import IntEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from daskscope.store.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from daskscope.derive.details.subject import Subject


class Stage(IntEnum):
    """What time goes to, in the order in which an attempt goes through it."""

    #: The scheduler waits for what the task depends on, or for a worker.
    DEPENDENCIES = 0
    #: Other attempts to run the task that came to nothing.
    EARLIER = 1
    #: On the worker, until its data are there.
    DATA = 2
    #: On the worker, until it has a thread.
    QUEUED = 3
    TRANSFER = 4
    DISK = 5
    DESERIALIZE = 6
    COMPUTE = 7


class Split(NamedTuple):
    """Nanoseconds of each stage, by its number, and whether they begin at the submission."""

    time_ns: tuple[int, ...]
    is_since_submission: bool

    @property
    def total_ns(self) -> int:
        """The whole time."""
        return sum(self.time_ns)


_STAGE_OF: Final = {
    Kind.COMPUTE: Stage.EARLIER,
    Kind.TRANSFER: Stage.TRANSFER,
    Kind.DISK_READ: Stage.DISK,
    Kind.DISK_WRITE: Stage.DISK,
    Kind.DESERIALIZE: Stage.DESERIALIZE,
}


#: No attempt waits for longer, but an attribute may say any number.
_MOST_WAIT_S: Final = 1e9


def split(
    subject: Subject,
    beside: Sequence[Subject],
    submitted_ns: int,
    waits_s: tuple[float, float],
) -> Split:
    """Where the time of an attempt that has ended went.

    Parameters
    ----------
    subject
        The attempt.
    beside
        What was fetched, read and unpickled for it, and all attempts to run its task.
    submitted_ns
        When its graph was submitted, 0 where that is not known.
    waits_s
        Seconds that it waited on the worker for its data, and from there for a thread; NaN where
        they are not known.
    """
    start_ns, end_ns = subject.start_ns, subject.end_ns
    data_ns, thread_ns = map(_wait_ns, waits_s)
    there_ns = start_ns - thread_ns
    assigned_ns = there_ns - data_ns
    begin_ns = submitted_ns if 0 < submitted_ns <= assigned_ns else assigned_ns
    bounds = [begin_ns, assigned_ns, there_ns, start_ns, end_ns]
    spans = [
        (
            max(one.start_ns, begin_ns if one.is_attempt else assigned_ns),
            min(one.end_ns, assigned_ns if one.is_attempt else _last_ns(one, subject)),
            _STAGE_OF[one.kind],
        )
        for one in beside
        if one.kind in _STAGE_OF
    ]
    points = np.unique([*bounds, *(t for a, b, _ in spans if a < b for t in (a, b))])
    stage = np.zeros(len(points) - 1, np.int8)
    for base, (first, last) in zip(
        (Stage.DEPENDENCIES, Stage.DATA, Stage.QUEUED, Stage.COMPUTE),
        pairwise(bounds),
        strict=True,
    ):
        stage[_between(points, first, last)] = base
    # Of what overlaps, what comes first in the order of stages counts.
    for first, last, over in sorted(spans, key=lambda span: -span[2]):
        if first < last:
            stage[_between(points, first, last)] = over
    lengths = np.diff(points)
    times = np.zeros(len(Stage), np.int64)
    np.add.at(times, stage, lengths)
    return Split(tuple(times.tolist()), begin_ns == submitted_ns)


def _wait_ns(wait_s: float) -> int:
    return 0 if math.isnan(wait_s) else round(min(max(wait_s, 0.0), _MOST_WAIT_S) * 1e9)


def _last_ns(child: Subject, subject: Subject) -> int:
    """What is fetched beside a task that runs, as by a shuffle, takes nothing from its time."""
    return subject.start_ns if child.kind is Kind.TRANSFER else subject.end_ns


def _between(points: npt.NDArray[np.int64], first: int, last: int) -> slice:
    return slice(int(np.searchsorted(points, first)), int(np.searchsorted(points, last)))
