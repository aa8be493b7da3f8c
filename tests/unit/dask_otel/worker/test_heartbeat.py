"""What a heartbeat says of attempts that were given up, how much of it, and when."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgpack
import pytest
from distributed.core import Status

from dask_otel import conventions as names
from dask_otel import events
from dask_otel.compat import clock
from dask_otel.events import Attempt, GivenUp
from dask_otel.worker import heartbeat
from dask_otel.worker.attempts import Attempts
from dask_otel.worker.heartbeat import HeartbeatProbe, named
from dask_otel.worker.pending import Pending
from dask_otel.worker.starts import Starts


def given_up(key: Any = "x", stop_s: float | None = None) -> GivenUp:
    return GivenUp(key, "x", 4, "00-origin", 1.5, stop_s, 7, (0, 1))


def attempt(key: str, stop_s: float = 2.5) -> Attempt:
    said = {"traceparent": "00-origin"}
    outcome = names.OUTCOME_CANCELLED
    return Attempt(key, "x", 4, "other", said, 1.5, stop_s, 7, None, None, (0, 1), outcome)


class Loop:
    """Keeps what is to be called, and when."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, Any]] = []

    def call_later(self, wait_s: float, call: Any) -> Any:
        self.calls.append((wait_s, call))
        return call

    def remove_timeout(self, call: Any) -> None:
        self.calls = [found for found in self.calls if found[1] != call]


class Watched:
    """A worker, its attempts, and a probe that has begun."""

    def __init__(self, interval_s: float = 0.5) -> None:
        self.loop = Loop()
        self.attempts: list[Attempt] = []
        self.n_beats = 0
        worker: Any = SimpleNamespace(
            metrics={},
            loop=self.loop,
            scheduler_delay=2.0,
            status=Status.running,
            periodic_callbacks={"heartbeat": SimpleNamespace(callback_time=interval_s * 1e3)},
            heartbeat=self.beat,
            state=SimpleNamespace(tasks={}),
        )
        emitter: Any = SimpleNamespace(acknowledged_s=1.0, record=None)
        watched: Any = Attempts(worker, emitter, Starts(worker), Pending(worker, emitter))
        watched.given_up = lambda: iter(self.attempts)
        self.watched: Attempts = watched
        self.emitter = emitter
        self.worker = worker
        self.probe = HeartbeatProbe(worker, emitter, watched)
        self.probe.begin()

    async def beat(self) -> None:
        self.n_beats += 1
        self.metric()

    def metric(self) -> dict[str, Any]:
        found: dict[str, Any] = self.worker.metrics[events.HEARTBEAT](self.worker)
        return found

    async def run_next(self) -> None:
        ((_, call),) = self.loop.calls
        self.loop.calls.clear()
        await call()


def test_nothing_is_added_where_nothing_was_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now_s", lambda: 7.0)
    watched = Watched()
    expected: dict[str, Any] = {events.SAID: 9.0, events.ACKNOWLEDGED: 3.0}
    assert watched.metric() == expected
    watched.attempts.append(attempt("x"))
    assert watched.metric() == {**expected, events.GIVEN_UP: [given_up()]}
    watched.probe.end()
    assert watched.worker.metrics == {}


@pytest.mark.parametrize("key", ["x", ("x", 1, ("y", 2.5)), 1 << 63, -5, b"\xff", True, None])
def test_what_is_named_comes_out_as_it_was(key: Any) -> None:
    assert named([given_up(key)]) == [given_up(key)]
    packed = msgpack.packb(named([given_up(key)]))
    ((said, *_),) = msgpack.unpackb(packed, use_list=False)
    assert ascii(said) == ascii(key)


@pytest.mark.parametrize("key", [object(), ("x", object()), 1 << 64, "\ud800", ["x"], 1j])
def test_what_cannot_be_sent_is_left_out(key: Any) -> None:
    assert named([given_up(key), given_up("x")]) == [given_up("x")]


def test_a_heartbeat_stays_small() -> None:
    many = [given_up(f"{i}") for i in range(heartbeat.MAX_GIVEN_UP + 1)]
    assert len(named(many)) == heartbeat.MAX_GIVEN_UP
    large = [given_up("x" * (heartbeat.MAX_BYTES // 3)) for _ in range(5)]
    assert named([*large, given_up()]) == [*large[:2], given_up()]


def test_one_that_has_ended_is_said_until_it_is_sent() -> None:
    watched = Watched()
    watched.watched.on_given_up(attempt("x"))
    watched.attempts.append(attempt("y"))
    said = [given_up("x", stop_s=2.5), given_up("y")]
    assert watched.metric()[events.GIVEN_UP] == said
    assert watched.metric()[events.GIVEN_UP] == said
    watched.emitter.acknowledged_s = clock.now_s() + 1.0
    assert watched.metric()[events.GIVEN_UP] == said[1:]


def test_no_more_than_the_newest_that_have_ended_are_said() -> None:
    watched = Watched()
    for i in range(heartbeat.MAX_ENDED + 1):
        watched.watched.on_given_up(attempt(f"{i}"))
    said = watched.metric()[events.GIVEN_UP]
    assert [found.key for found in said] == [f"{i + 1}" for i in range(heartbeat.MAX_ENDED)]


async def test_the_first_comes_when_the_worker_has_joined() -> None:
    watched = Watched()
    watched.worker.status = Status.init
    for _ in range(2):
        await watched.run_next()
        ((wait_s, _),) = watched.loop.calls
        assert 0.0 < wait_s <= heartbeat.APART_S
    assert watched.n_beats == 0
    watched.worker.status = Status.running
    await watched.run_next()
    assert watched.n_beats == 1
    assert watched.loop.calls == []


async def test_what_was_given_up_is_said_at_once_and_together() -> None:
    watched = Watched()
    for _ in range(3):
        watched.watched.on_given_up(None)
    assert [wait_s for wait_s, _ in watched.loop.calls] == [0.0]
    await watched.run_next()
    assert watched.n_beats == 1
    watched.watched.on_given_up(None)  # again, in the same moment
    ((wait_s, _),) = watched.loop.calls
    assert 0.0 < wait_s <= heartbeat.APART_S


def test_many_workers_do_not_say_it_in_the_same_moment() -> None:
    interval_s = 5.0  # Dask's for a thousand
    waits_s = []
    for _ in range(50):
        watched = Watched(interval_s)
        watched.watched.on_given_up(None)
        waits_s += [wait_s for wait_s, _ in watched.loop.calls]
    most_s = heartbeat.SPREAD * (interval_s - heartbeat.LEAST_S)
    assert max(waits_s) <= most_s
    assert max(waits_s) - min(waits_s) > most_s / 2


async def test_a_heartbeat_that_fails_is_dasks_own_business() -> None:
    async def fail() -> None:
        raise KeyError("spans")

    watched = Watched()
    watched.worker.heartbeat = fail
    watched.watched.on_given_up(None)
    await watched.run_next()


async def test_a_worker_that_closes_sends_no_heartbeat() -> None:
    watched = Watched()
    watched.watched.on_given_up(None)
    watched.worker.status = Status.closing
    await watched.run_next()
    assert watched.n_beats == 0
    watched.watched.on_given_up(None)
    watched.probe.end()
    assert watched.loop.calls == []
