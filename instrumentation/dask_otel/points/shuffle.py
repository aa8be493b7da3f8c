"""What P2P shuffles and rechunks move and hold, of all that a worker takes part in."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from dask_otel import conventions as names
from dask_otel.compat import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distributed import Worker

    from dask_otel.compat.override import Override
    from dask_otel.points.values import Points

#: Metric, direction, and where a shuffle's heartbeat has its total.
_TOTALS: Final = (
    (names.SHUFFLE_NETWORK_IO, (names.NETWORK_IO_DIRECTION, names.RECEIVE), "comm", "read"),
    (names.SHUFFLE_NETWORK_IO, (names.NETWORK_IO_DIRECTION, names.TRANSMIT), "comm", "written"),
    (names.SHUFFLE_DISK_IO, (names.DISK_IO_DIRECTION, names.READ), "disk", "read"),
    (names.SHUFFLE_DISK_IO, (names.DISK_IO_DIRECTION, names.WRITE), "disk", "written"),
)


class Shuffles:
    """Sums over the shuffles of one worker; those that are over stay in the totals."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._totals: defaultdict[tuple[str, str], float] = defaultdict(float)
        self._before: dict[str, Mapping[str, Any]] = {}
        self._override: Override | None = None

    def begin(self) -> None:
        """See how shuffles end, if Dask's extension is there; else the next reading tries again."""
        if self._override is None:
            self._override = metrics.watch_shuffle_ends(self._worker, self._ended)

    def end(self) -> None:
        """Leave the worker as it was."""
        if self._override is not None:
            self._override.undo()

    def points(self) -> Points:
        """Everything, once there was a shuffle."""
        self.begin()
        extension = metrics.shuffles(self._worker)
        shuffles = (
            {str(found): shuffle for found, shuffle in extension.heartbeat().items()}
            if extension
            else {}
        )
        if not shuffles and not self._totals:
            return {}
        for shuffle_id, shuffle in shuffles.items():
            self._add(shuffle, self._before.get(shuffle_id))
            self._before[shuffle_id] = shuffle
        points: Points = {(names.SHUFFLES, ()): len(shuffles)}
        for medium in (names.SHUFFLE_COMM, names.SHUFFLE_DISK):
            buffers = [shuffle[medium] for shuffle in shuffles.values()]
            attributes = ((names.SHUFFLE_MEDIUM, medium),)
            points[names.SHUFFLE_BUFFER, attributes] = _sum(buffers, "memory")
            points[names.SHUFFLE_BUFFER_LIMIT, attributes] = _sum(buffers, "memory_limit")
        for metric, direction, medium, total in _TOTALS:
            points[metric, (direction,)] = self._totals[medium, total]
        return points

    def _ended(self, shuffle_id: str, shuffle: Mapping[str, Any]) -> None:
        before = self._before.get(shuffle_id)
        self._add(shuffle, before)
        if before is not None and before["start"] == shuffle["start"]:
            del self._before[shuffle_id]

    def _add(self, shuffle: Mapping[str, Any], before: Mapping[str, Any] | None) -> None:
        """Add what a shuffle has moved since it was last seen; a new run of it starts anew."""
        if before is not None and before["start"] != shuffle["start"]:
            before = None
        for _, _, medium, total in _TOTALS:
            grown = shuffle[medium][total] - (before[medium][total] if before else 0)
            self._totals[medium, total] += max(0, grown)


def _sum(buffers: list[Mapping[str, Any]], entry: str) -> float:
    """Of an entry; a buffer that holds nothing back has no limit."""
    return sum(buffer.get(entry) or 0 for buffer in buffers)
