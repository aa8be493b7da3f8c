from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from dask_otel import conventions as names
from dask_otel import events
from dask_otel.record.text import describe
from dask_otel.scheduler import losses, reading
from dask_otel.scheduler.assignments import Assignment
from dask_otel.scheduler.losses import Ended

COMPUTE = {"action": "compute", "start": 1.0, "stop": 2.0}


@dataclass(frozen=True)
class Task:
    key: str
    prefix: Any = field(default_factory=lambda: SimpleNamespace(name="inc"), hash=False)
    priority: tuple[int, ...] = (0, 1, 2)


def assignment(
    key: str = "a", run_id: int = 7, time_s: float = 0.5, worker: Any = None
) -> Assignment:
    return Assignment(time_s, run_id, "origin", cast("Any", Task(key)), None, worker)


def finished(worker: str = "w", **more: Any) -> dict[str, Any]:
    message = {"worker": worker, "thread": 11, "nbytes": 28, "typename": "int"}
    return {**message, "startstops": (COMPUTE,), **more}


def failed(worker: str = "w", **more: Any) -> dict[str, Any]:
    message = {"exception": pickle.dumps(ValueError("no")), "exception_text": "ValueError('no')"}
    return {"worker": worker, "thread": 11, "startstops": (COMPUTE,), **message, **more}


def test_what_a_worker_may_not_have_sent_is_kept_as_it_was() -> None:
    ended = Ended(10)
    assert ended.finished(assignment(), finished(), 2.5) == 2.0
    (attempt,) = ended.unsent("w", 0.0)
    assert (attempt.key, attempt.run_id, attempt.origin, attempt.prefix) == (
        "a",
        7,
        "origin",
        "inc",
    )
    assert (attempt.start_s, attempt.stop_s, attempt.thread, attempt.n_bytes) == (1.0, 2.0, 11, 28)
    assert (attempt.type, attempt.outcome, attempt.worker) == ("int", names.OUTCOME_FINISHED, "w")
    assert (attempt.failure, attempt.transfers, attempt.executing) == (None, (), None)


def test_failures_are_kept_with_their_cause() -> None:
    ended = Ended(10)
    ended.failed(assignment(), failed(traceback_text="x" * 100_000 + "the end"), 2.5)
    (attempt,) = ended.unsent("w", 0.0)
    assert attempt.outcome == names.OUTCOME_FAILED
    assert attempt.failure is not None
    assert describe(attempt.failure)[:2] == ("ValueError", "no")
    said, _, kept = attempt.failure.traceback.partition("\n")
    assert said == f"... {100_007 - losses.MAX_TRACEBACK} characters cut ..."
    assert len(kept) == losses.MAX_TRACEBACK
    assert attempt.failure.traceback.endswith("the end")


def test_only_what_came_later_and_from_that_worker_is_unsent() -> None:
    ended = Ended(10)
    for i in range(6):
        ended.finished(assignment(f"{i}"), finished("even" if i % 2 == 0 else "odd"), float(i))
    assert [attempt.key for attempt in ended.unsent("even", 2.0)] == ["4", "2"]


def test_what_all_have_sent_is_forgotten() -> None:
    ended = Ended(10)
    for i in range(6):
        ended.finished(assignment(), finished(), float(i))
        ended.failed(assignment(), failed(), float(i))
    ended.forget(4.0)
    assert len(ended) == 4


def test_no_more_than_the_newest_are_held() -> None:
    ended = Ended(3)
    for i in range(10):
        ended.finished(assignment(f"{i}"), finished(), float(i))
    assert [attempt.key for attempt in ended.unsent("w", 0.0)] == ["9", "8", "7"]


def test_an_attempt_that_never_called_its_function_has_no_times() -> None:
    ended = Ended(10)
    assert ended.finished(assignment(), finished(startstops=()), 3.0) == 3.0
    ended.failed(assignment(), failed(startstops=()), 4.0)
    (attempt,) = ended.unsent("w", 0.0)
    assert (attempt.outcome, attempt.start_s, attempt.stop_s) == (names.OUTCOME_FAILED, 4.0, 4.0)


def worker(last_seen_s: float, executing: dict[Any, float], **metrics: Any) -> Any:
    return SimpleNamespace(
        address="tcp://w", last_seen=last_seen_s, executing=executing, metrics=metrics
    )


def test_a_lost_attempt_began_when_its_worker_said_so() -> None:
    lost = assignment(time_s=10.0)
    failure = events.gone("handle-worker-cleanup")
    said = losses.lost(worker(14.0, {lost.task: 3.0}), lost, None, failure, 20.0)
    assert (said.start_s, said.stop_s, said.executing) == (11.0, 20.0, True)
    unsaid = losses.lost(worker(14.0, {}), lost, None, failure, 20.0)
    assert (unsaid.start_s, unsaid.stop_s, unsaid.executing) == (10.0, 20.0, False)
    earlier = losses.lost(worker(9.0, {lost.task: 3.0}), lost, None, failure, 20.0)
    assert earlier.executing is False
    assert (said.outcome, said.worker, said.run_id) == (names.OUTCOME_LOST, "tcp://w", 7)
    assert describe(failure)[:2] == (
        "dask_otel.events.WorkerLost",
        "handle-worker-cleanup",
    )


def test_one_that_asked_to_be_run_elsewhere_is_kept_as_far_as_the_scheduler_knows() -> None:
    ended = Ended(10)
    moved = assignment(time_s=10.0)
    ended.rescheduled(moved, worker(14.0, {moved.task: 3.0}), 20.0)
    ended.rescheduled(assignment("b", time_s=10.0), worker(14.0, {}), 9.0)
    second, first = ended.unsent("tcp://w", 0.0)
    assert (first.key, first.run_id, first.origin, first.worker) == ("a", 7, "origin", "tcp://w")
    assert (first.start_s, first.stop_s, first.thread) == (11.0, 20.0, None)
    assert (first.outcome, first.failure) == (names.OUTCOME_RESCHEDULED, None)
    assert (second.start_s, second.stop_s) == (10.0, 10.0)


def said(time_s: float, *given_up: events.GivenUp) -> dict[str, Any]:
    found = {events.SAID: time_s, events.GIVEN_UP: tuple(map(tuple, given_up))}
    return {events.HEARTBEAT: found}


def test_one_given_up_that_its_worker_ran_when_it_was_last_heard_of() -> None:
    ended, failure = Ended(10), events.gone("handle-worker-cleanup")
    ws = worker(14.0, {}, **said(13.9))
    ran, waited, before = (
        assignment(key, number, time_s=10.0, worker=ws)
        for number, key in enumerate(("ran", "waited", "before"))
    )
    ws.executing = {ran.task: 3.0, before.task: 2.0}
    ended.given_up(before, 13.0)  # its last heartbeat was written later, and would have named it
    ended.given_up(ran, 15.0)
    ended.given_up(waited, 15.0)  # nobody knows that it had begun
    ws.executing = {}  # a heartbeat that says nothing of what Dask has forgotten
    (attempt,) = ended.unheard(ws, failure, 20.0)
    assert (attempt.key, attempt.run_id, attempt.origin) == ("ran", 0, "origin")
    assert (attempt.start_s, attempt.stop_s, attempt.worker) == (11.0, 20.0, "tcp://w")
    assert (attempt.outcome, attempt.failure) == (names.OUTCOME_CANCELLED, failure)
    assert list(ended.unheard(worker(14.0, {}), failure, 20.0)) == []  # another one
    ws.last_seen = 16.0  # one that was written before and came after
    assert len(list(ended.unheard(ws, failure, 20.0))) == 1
    ws.metrics = said(15.0, events.GivenUp("ran", "inc", 0, "origin", 11.0, None, 5, (0, 1)))
    assert list(ended.unheard(ws, failure, 20.0)) == []  # the worker knows better
    ws.metrics = said(16.0)
    assert list(ended.unheard(ws, failure, 20.0)) == []


def test_what_was_given_up_is_forgotten_when_every_worker_was_heard_of_since() -> None:
    ended, ws = Ended(3), worker(0.0, {})
    given_up = assignment(time_s=0.0, worker=ws)
    ws.executing[given_up.task] = 0.0
    for time_s in range(5):
        ended.given_up(given_up, float(time_s))
    assert len(ended) == 3
    ended.heard([worker(9.0, {}, **said(3.5)), worker(9.0, {})])
    assert len(ended) == 1


def test_one_given_up_was_cancelled_and_did_not_return() -> None:
    said = events.GivenUp("a", "inc", 7, "origin", 11.0, None, 5, (0, 1))
    ws = worker(14.0, {}, **{events.HEARTBEAT: {events.GIVEN_UP: (tuple(said), ("of", "others"))}})
    assert reading.given_up(ws) == [said]
    assert reading.given_up(worker(14.0, {})) == []
    failure = events.gone("handle-worker-cleanup")
    attempt = losses.given_up(ws, said, failure, 20.0)
    assert (attempt.key, attempt.prefix, attempt.run_id, attempt.origin) == (
        "a",
        "inc",
        7,
        "origin",
    )
    assert (attempt.start_s, attempt.stop_s, attempt.thread) == (11.0, 20.0, 5)
    assert (attempt.outcome, attempt.failure) == (names.OUTCOME_CANCELLED, failure)
    assert (attempt.worker, attempt.priority) == ("tcp://w", (0, 1))
    assert losses.given_up(ws, said, failure, 10.0).stop_s == 11.0  # its clock is ahead


def test_one_given_up_that_has_ended_is_as_its_worker_said() -> None:
    said = events.GivenUp("a", "inc", 7, "origin", 11.0, 12.5, 5, (0, 1))
    attempt = losses.given_up(worker(14.0, {}), said, events.gone("killed"), 20.0)
    assert (attempt.start_s, attempt.stop_s, attempt.failure) == (11.0, 12.5, None)
    assert attempt.outcome == names.OUTCOME_CANCELLED


def test_all_is_sent_up_to_when_the_slowest_worker_has() -> None:
    def sent_s(*workers: Any) -> float:
        return losses.sent_until_s(cast("Any", workers), 50.0) + losses.CLOCK_ERROR_S

    slow = worker(0.0, {}, **{"dask-otel": {"acknowledged": 30.0}})
    quick = worker(0.0, {}, **{"dask-otel": {"acknowledged": 40.0}})
    assert sent_s(slow, quick, worker(0.0, {})) == 30.0
    assert sent_s(worker(0.0, {})) == 50.0
