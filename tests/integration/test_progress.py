"""Progress of a simulated cluster, live and recorded, from its requests to the panel's rows.

It sends most readings once: no single series says that it is still there.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from dask_otel import conventions as names
from daskscope.app.feed import Feed
from daskscope.derive.progress import progress_frame
from daskscope.derive.reading import SILENCE_NS
from daskscope.ingest.decoder import Decoder, Numbered
from daskscope.ingest.definitions import Mark
from daskscope.ingest.envelope import Encoding, Signal
from daskscope.ingest.otlp import parse
from daskscope.simulate.cluster import Cluster
from daskscope.simulate.session import Session
from daskscope.store.schema import SourceStatus
from daskscope.store.writer import Store
from tests.sinks import Sink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daskscope.simulate.requests import Request
    from daskscope.store.inquiry import Answer
    from daskscope.store.schema import Message

ORIGIN_NS = 1_700_000_000 * 10**9
SECOND = 10**9
#: Three times as long as a scheduler may be silent.
SECONDS = 3 * SILENCE_NS // SECOND


@cache
def requests() -> list[Request]:
    return list(Session(Cluster(3, 4, 2), 60.0, ORIGIN_NS).requests(SECONDS))


@cache
def counted() -> dict[str, dict[str, int]]:
    """What the scheduler said last of each prefix, by state."""
    sink = Sink()
    for request in requests():
        sink.take(request.signal, request.body)
    found: dict[str, dict[str, int]] = {}
    for point in sorted(sink.points(), key=lambda one: one.time_ns):
        if point.metric == names.TASKS.name:
            prefix, state = (str(point.attributes[name]) for name in names.TASKS.attributes)
            found.setdefault(prefix, {})[state] = int(point.value)
    return found


class Link:
    """Where requests arrive when they are due."""

    is_closed = False

    def __init__(self, *, is_live: bool) -> None:
        self._decoder, self._known, self._n = Decoder(), Mark(), 0
        self.messages: list[Message | Answer] = [SourceStatus(is_live=is_live)]

    def take(self, request: Request) -> None:
        self._n += 1
        parsed = parse(Signal(request.signal), Encoding.PROTOBUF, request.body)
        group = self._decoder.decode([Numbered(self._n, 0, parsed)])
        self._decoder.accept(group)
        definitions = self._decoder.tables.since(self._known, group.mark)
        self._known = group.mark
        self.messages += [*([definitions] if definitions else ()), *group.batches]

    def drain(self, budget_s: float) -> Sequence[Message | Answer]:
        messages, self.messages = self.messages, []
        return messages


@pytest.mark.parametrize("is_live", [True, False])
def test_a_simulated_cluster_is_never_silent_and_its_rows_are_true(*, is_live: bool) -> None:
    link = Link(is_live=is_live)
    feed = Feed(link, Store())
    at_ns = ORIGIN_NS
    for request in requests():
        link.take(request)
        if ORIGIN_NS + request.due >= at_ns + SECOND:
            at_ns = ORIGIN_NS + request.due
            snapshot = feed.advance(at_ns)
            rows = progress_frame(snapshot, feed.now_ns(snapshot, at_ns)).rows
            assert "silent" not in {row.left_text for row in rows}
    while feed.is_behind or link.messages:
        snapshot = feed.advance(at_ns)
    rows = progress_frame(snapshot, feed.now_ns(snapshot, at_ns)).rows
    expected = {prefix: counts for prefix, counts in counted().items() if sum(counts.values())}
    assert {row.name: (row.memory, row.erred, row.done, row.total) for row in rows} == {
        prefix: (
            counts["memory"],
            counts["erred"],
            sum(counts[state] for state in ("memory", "released", "erred", "forgotten")),
            sum(counts.values()),
        )
        for prefix, counts in expected.items()
    }
    assert any(row.done < row.total for row in rows)
    assert any(row.left_text not in ("", "done") for row in rows)

    # Then it is killed: of what was done that is still true, of the rest nobody knows.
    if is_live:
        later_ns = at_ns + SILENCE_NS + SECOND
        frame = progress_frame(feed.advance(later_ns), later_ns)
        assert {row.left_text for row in frame.rows if row.done < row.total} == {"silent"}
        assert {row.rate_text for row in frame.rows} == {""}
        assert {row.name for row in frame.rows} == set(expected)
