"""Words of workers that wait until they matter: those of thousands are taken in together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from daskscope.store.schema import RUNNING_COLUMNS, WORD_COLUMNS

if TYPE_CHECKING:
    from daskscope.store.schema import Array, RunningWords

#: So many do not wait for more: some milliseconds' work.
MOST_WORDS: Final = 1_024


@dataclass(frozen=True, slots=True)
class Said:
    """The last word of each of some workers, and the attempts that they name.

    Attributes
    ----------
    worker, time_ns
        uint32 and int64, by word: id of the resource, and when it said so.
    resource, word_ns
        The same by attempt.
    start_ns, name, run_id, thread
        By attempt, as in `schema.RUNNING_COLUMNS`.
    keys, at
        By attempt: keys of a message (objects), and int64: which of them is its own.
    """

    worker: npt.NDArray[np.uint32]
    time_ns: npt.NDArray[np.int64]
    resource: npt.NDArray[np.uint32]
    word_ns: npt.NDArray[np.int64]
    start_ns: npt.NDArray[np.int64]
    name: npt.NDArray[np.uint32]
    run_id: npt.NDArray[np.int32]
    thread: npt.NDArray[np.int64]
    keys: npt.NDArray[np.object_]
    at: npt.NDArray[np.int64]


class WaitingWords:
    """Words that have not been taken in."""

    def __init__(self) -> None:
        self._messages: list[RunningWords] = []
        self._n = 0

    @property
    def are_many(self) -> bool:
        """Whether it is time to take them in."""
        return self._n >= MOST_WORDS

    def add(self, message: RunningWords) -> None:
        """Let more words wait."""
        if len(message.words["n"]):
            self._messages.append(message)
            self._n += len(message.words["n"])

    def take(self, newest_ns: npt.NDArray[np.int64]) -> Said | None:
        """All that is news after words of `newest_ns` (by resource id), None where nothing is."""
        messages, self._messages, self._n = self._messages, [], 0
        if not messages:
            return None
        words = {
            name: np.concatenate([one.words[name] for one in messages]) for name in WORD_COLUMNS
        }
        worker, time_ns = words["resource"].view(np.uint32), words["time_ns"].view(np.int64)
        is_last = _last(worker, time_ns)
        is_last &= time_ns >= newest_ns[worker]
        if not is_last.any():
            return None
        n_each = words["n"].view(np.uint32)
        is_meant = np.repeat(is_last, n_each)
        columns: dict[str, Array] = {
            name: np.concatenate([one.columns[name] for one in messages])[is_meant]
            for name in RUNNING_COLUMNS
        }
        keys = np.empty(len(messages), np.object_)
        keys[:] = [one.keys for one in messages]
        n_rows = [len(one) for one in messages]
        return Said(
            worker[is_last],
            time_ns[is_last],
            np.repeat(worker, n_each)[is_meant],
            np.repeat(time_ns, n_each)[is_meant],
            columns["start_ns"].view(np.int64),
            columns["name"].view(np.uint32),
            columns["run_id"].view(np.int32),
            columns["thread"].view(np.int64),
            np.repeat(keys, n_rows)[is_meant],
            np.concatenate([np.arange(n) for n in n_rows])[is_meant],
        )


def _last(worker: npt.NDArray[np.uint32], time_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which is the newest word of its worker; of two of one time the one that came last."""
    order = np.lexsort((time_ns, worker))
    is_last = np.zeros(len(worker), np.bool_)
    is_last[order[np.append(np.flatnonzero(np.diff(worker[order])), len(order) - 1)]] = True
    return is_last
