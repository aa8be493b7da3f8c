"""Who is still heard of, whatever it is that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dask_otel import conventions as names
from daskscope.store.hearing import MOST_PAUSE_NS
from daskscope.store.snapshot import STILL
from daskscope.store.writer import Store
from tests.builders import SECOND, T0, Source, Span, points

if TYPE_CHECKING:
    from collections.abc import Callable

    from daskscope.store.schema import Message

SINCE = 10


class Heard:
    """A store with two workers of which one said something at second 2."""

    def __init__(self) -> None:
        self.source, self.store = Source(), Store()
        self.worker, self.other = self.source.worker("w0"), self.source.worker("w1", port=40102)
        self.status, self.threads = (
            self.source.metric(metric, self.worker)
            for metric in (names.CPU_USAGE, names.WORKER_THREADS)
        )
        self.apply(self.point(2))

    def apply(self, message: Message) -> None:
        self.store.apply(self.source.definitions())
        self.store.apply(message)

    def point(self, at_s: int) -> Message:
        return points([(self.threads, at_s * SECOND, 1.0)])

    def silent_at(self, at_s: int) -> list[bool]:
        """Who is silent when nothing has come for `SINCE` seconds."""
        self.store.judge(T0 + (at_s - SINCE) * SECOND)
        until_ns = self.store.snapshot().heard_until_ns
        return [ns != STILL for ns in until_ns.tolist()]

    def until_ns(self) -> list[int]:
        self.store.judge(T0 + SINCE * SECOND)
        found: list[int] = self.store.snapshot().heard_until_ns.tolist()
        return found


SAYINGS: dict[str, Callable[[Heard, int], Message]] = {
    "a point of any series": lambda heard, at_s: points([(heard.status, at_s * SECOND, 1.0)]),
    "a span": lambda heard, at_s: heard.source.spans(
        [Span(SECOND, at_s * SECOND, resource=heard.worker)]
    ),
    "an event": lambda heard, at_s: heard.source.event(names.EVENT_SPILL, at_s * SECOND),
    "that nothing runs": lambda heard, at_s: heard.source.running(heard.worker, at_s * SECOND, []),
}


def test_who_has_said_nothing_for_long_is_silent_and_who_never_did_is_not() -> None:
    heard = Heard()
    assert heard.store.snapshot().heard_until_ns.tolist() == [STILL, STILL]
    generation = heard.store.snapshot().generation
    assert heard.until_ns() == [T0 + 2 * SECOND, STILL]
    assert heard.store.snapshot().generation > generation


@pytest.mark.parametrize("say", SAYINGS.values(), ids=SAYINGS)
def test_any_word_is_heard(say: Callable[[Heard, int], Message]) -> None:
    heard = Heard()
    heard.apply(say(heard, 8))
    assert heard.until_ns() == [T0 + 8 * SECOND, STILL]
    heard.apply(say(heard, SINCE))
    assert heard.until_ns() == [STILL, STILL]
    heard.apply(say(heard, 3))  # it is late
    assert heard.until_ns() == [STILL, STILL]


def test_while_it_is_the_same_who_is_silent_so_is_the_snapshot() -> None:
    heard = Heard()
    heard.until_ns()
    snapshot = heard.store.snapshot()
    heard.store.judge(T0 + 11 * SECOND)
    assert heard.store.snapshot() is snapshot


def test_many_series_and_resources_are_told_apart() -> None:
    source, store = Source(), Store()
    workers = [source.worker(f"w{n}", port=n) for n in range(50)]
    for worker in workers:
        series = [source.metric(names.CPU_USAGE, worker), source.metric(names.WORKER_LIMIT, worker)]
        store.apply(source.definitions())
        store.apply(points([(one, (1 + worker) * SECOND, 1.0) for one in series]))
    store.judge(T0 + 26 * SECOND)
    until_ns = store.snapshot().heard_until_ns.tolist()
    assert until_ns == [T0 + (1 + n) * SECOND if n < 25 else STILL for n in range(50)]


def test_who_was_silent_and_is_heard_again_may_be_silent_for_as_long_again() -> None:
    """As one whose exporter sends once a minute: between two exports it is not taken for lost."""
    heard = Heard()
    assert heard.silent_at(13) == [True, False]
    heard.apply(heard.point(62))
    assert heard.silent_at(62) == [False, False]
    for at_s in (122, 182):
        assert not any(heard.silent_at(at_s))
        heard.apply(heard.point(at_s))
    assert heard.silent_at(182 + SINCE + 2 * 60) == [False, False]
    assert heard.silent_at(182 + SINCE + 2 * 60 + 1) == [True, False]


def test_one_long_pause_as_of_a_machine_that_slept_is_not_waited_for_again() -> None:
    heard = Heard()
    assert heard.silent_at(13) == [True, False]
    heard.apply(heard.point(3_600))
    limit_s = 3_600 + SINCE + 2 * MOST_PAUSE_NS // SECOND
    assert heard.silent_at(limit_s) == [False, False]
    assert heard.silent_at(limit_s + 1) == [True, False]
