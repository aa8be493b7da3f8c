"""Encoded spans that wait for an endpoint, the newest of them within bounds.

The spans of one worker say the same again and again: packed they take a twelfth of their size, for
3 us each. So what one request or two can take is kept as it is, and what comes beyond that, as it
does while nobody listens, is packed.
"""

from __future__ import annotations

import marshal
import zlib
from collections import deque
from itertools import islice
from typing import Final

#: Spans in one request. gRPC servers refuse more than 4 MiB by default.
MAX_BATCH_SPANS: Final = 4_096
MAX_BATCH_BYTES: Final = 3 << 20
#: What waits takes no more than this, however many spans it is.
MAX_HELD_BYTES: Final = 64 << 20
#: Spans that are packed together, and bytes of them after which they are fewer.
N_TOGETHER: Final = 128
MAX_TOGETHER_BYTES: Final = 1 << 20


class Spool:
    """Encoded spans that wait to be sent; drops the oldest when it is full.

    Parameters
    ----------
    n_max, max_bytes
        Spans that it holds, and bytes that they take in it.

    Attributes
    ----------
    n_in, n_dropped
        Spans that came in, and those that fell out.
    """

    def __init__(self, n_max: int, max_bytes: int = MAX_HELD_BYTES) -> None:
        self.n_in = self.n_dropped = 0
        self._n_max = n_max
        self._max_bytes = max_bytes
        #: From old to new. As long as nothing is packed, all are among the first.
        self._oldest: deque[bytes] = deque()
        self._packed: deque[bytes] = deque()
        self._newest: list[bytes] = []
        self._n_spans = self._n_bytes = self._n_newest_bytes = 0

    def __len__(self) -> int:
        return self._n_spans

    def append(self, span: bytes) -> None:
        """Add the newest span."""
        self.n_in += 1
        self._n_spans += 1
        self._n_bytes += len(span)
        if len(self._oldest) < MAX_BATCH_SPANS and not self._newest and not self._packed:
            self._oldest.append(span)
        else:
            self._newest.append(span)
            self._n_newest_bytes += len(span)
            if len(self._newest) >= N_TOGETHER or self._n_newest_bytes >= MAX_TOGETHER_BYTES:
                self._pack()
        while self._n_spans > self._n_max or self._n_bytes > self._max_bytes:
            self.remove(1)
            self.n_dropped += 1

    def oldest(self, n_most: int = MAX_BATCH_SPANS) -> list[bytes]:
        """The spans of the next request, `n_most` at most; they stay until they are removed."""
        while len(self._oldest) < min(n_most, self._n_spans):
            self._unpack()
        batch = list(islice(self._oldest, n_most))
        n_bytes = sum(map(len, batch))
        while n_bytes > MAX_BATCH_BYTES and len(batch) > 1:
            n_bytes -= len(batch.pop())
        return batch

    def remove(self, n_spans: int) -> None:
        """Take the oldest `n_spans` out."""
        for _ in range(n_spans):
            if not self._oldest:
                self._unpack()
            self._n_bytes -= len(self._oldest.popleft())
        self._n_spans -= n_spans

    def _pack(self) -> None:
        """Pack the newest."""
        data = zlib.compress(marshal.dumps(self._newest), 1)
        self._packed.append(data)
        self._n_bytes += len(data) - self._n_newest_bytes
        self._newest, self._n_newest_bytes = [], 0

    def _unpack(self) -> None:
        """Add the next ones to the oldest."""
        if self._packed:
            data = self._packed.popleft()
            spans = marshal.loads(zlib.decompress(data))  # noqa: S302 - our own
            self._n_bytes += sum(map(len, spans)) - len(data)
        else:
            spans, self._newest, self._n_newest_bytes = self._newest, [], 0
        self._oldest += spans
