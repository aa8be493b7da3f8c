"""Every way in which an attempt ends that somebody waits for."""

from __future__ import annotations

import time
from typing import Any

import pytest
from distributed.worker_state_machine import (
    GatherDepSuccessEvent,
    StealRequestEvent,
)

from dask_otel import conventions as names
from dask_otel.compat import clock
from tests.machine import PEER, Machine


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_a_finished_attempt_is_what_the_thread_and_dask_say(machine: Machine) -> None:
    machine.assign(run_id=3, annotations={"otel": {"traceparent": "00-x"}})
    start = machine.begin()
    run = machine.ran(start)
    machine.succeed(run_id=3)
    attempt = machine.only()
    assert (attempt.key, attempt.prefix, attempt.run_id) == ("x", "x", 3)
    assert (attempt.start_s, attempt.stop_s, attempt.thread) == (*run, 7)
    assert (attempt.n_bytes, attempt.type) == (24, float)
    assert attempt.priority == machine.state.tasks["x"].priority
    assert (attempt.outcome, attempt.failure) == (names.OUTCOME_FINISHED, None)
    assert attempt.otel == {"traceparent": "00-x"}
    assert machine.holds() == 0


def test_waits_are_told_apart(machine: Machine) -> None:
    before_s = clock.now_s()
    machine.assign(who_has={"y": [PEER]})
    time.sleep(0.02)
    machine.state.handle_stimulus(
        GatherDepSuccessEvent(worker=PEER, total_nbytes=1, data={"y": 1}, stimulus_id="there")
    )
    time.sleep(0.01)
    start = machine.begin()
    time.sleep(0.005)
    machine.ran(start)
    machine.succeed()
    attempt = machine.only()
    waits = attempt.waited_s, attempt.ready_s, attempt.execute_s
    assert all(wait is not None for wait in waits)
    waited_s, ready_s, execute_s = map(float, filter(None, waits))
    assert waited_s >= 0.02
    assert ready_s >= 0.01
    assert execute_s >= 0.005
    assert waited_s + ready_s + execute_s <= clock.now_s() - before_s
    assert machine.holds() == 0


def test_a_task_that_was_there_before_has_no_waits(machine: Machine) -> None:
    machine.assign()
    machine.attempts._began.clear()
    machine.ran(machine.begin())
    machine.succeed()
    attempt = machine.only()
    assert (attempt.waited_s, attempt.ready_s) == (None, None)


def test_a_failed_attempt_says_why(machine: Machine) -> None:
    machine.assign()
    machine.ran(machine.begin(), "task-erred")
    machine.fail()
    attempt = machine.only()
    assert attempt.outcome == names.OUTCOME_FAILED
    assert attempt.failure is not None
    assert (attempt.failure.text, attempt.failure.traceback) == ("ValueError('no')", "frames")
    assert (attempt.n_bytes, attempt.type) == (None, None)
    assert attempt.stop_s - attempt.start_s == pytest.approx(0.5)


def test_each_of_several_tries_is_an_attempt(machine: Machine) -> None:
    for run_id in (1, 2):
        machine.assign(run_id=run_id)
        machine.ran(machine.begin(), "task-erred")
        machine.fail(run_id=run_id)
        machine.free()
    machine.assign(run_id=3)
    machine.ran(machine.begin())
    machine.succeed(run_id=3)
    assert [(attempt.run_id, attempt.outcome) for attempt in machine.recorded] == [
        (1, names.OUTCOME_FAILED),
        (2, names.OUTCOME_FAILED),
        (3, names.OUTCOME_FINISHED),
    ]
    assert machine.holds() == 0


def test_one_that_failed_before_it_ran_lasts_no_time(machine: Machine) -> None:
    machine.assign()
    machine.fail()
    attempt = machine.only()
    assert attempt.outcome == names.OUTCOME_FAILED
    assert attempt.start_s == attempt.stop_s
    assert attempt.thread is None
    assert (attempt.ready_s, attempt.execute_s) == (None, None)
    assert machine.holds() == 0


def test_one_that_raised_reschedule(machine: Machine) -> None:
    machine.assign()
    run = machine.ran(machine.begin(), "task-erred")
    machine.reschedule()
    attempt = machine.only()
    assert attempt.outcome == names.OUTCOME_RESCHEDULED
    assert (attempt.start_s, attempt.stop_s, attempt.thread) == (*run, 7)
    assert attempt.failure is None
    assert machine.holds() == 0


def test_one_on_a_process_pool_that_raised_reschedule(machine: Machine) -> None:
    machine.assign()
    machine.begin(watched=False)
    machine.reschedule()
    attempt = machine.only()
    assert attempt.outcome == names.OUTCOME_RESCHEDULED
    assert attempt.stop_s >= attempt.start_s > 0
    assert machine.holds() == 0


def test_one_that_a_closing_worker_has_not_begun_is_none(machine: Machine) -> None:
    machine.assign()
    machine.reschedule()
    assert not machine.recorded
    assert not machine.failures
    assert machine.holds() == 0


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("end", ["succeed", "fail", "reschedule", "close"])
def test_a_clock_that_is_set_back_loses_no_attempt(
    monkeypatch: pytest.MonkeyPatch, machine: Machine, watched: bool, end: str
) -> None:
    machine.assign()
    before_s = clock.now_s()
    monkeypatch.setattr(clock, "now_s", lambda: time.time() - 5)
    start = machine.begin(watched=watched)
    monkeypatch.setattr(clock, "now_s", lambda: time.time() - 10)
    if watched:
        machine.ran(start, "task-finished" if end == "succeed" else "task-erred")
    if end == "close":
        machine.attempts.close()
    elif end == "succeed":
        machine.succeed(start=before_s - 6, stop=before_s - 5)
    else:
        getattr(machine, end)()
    attempt = machine.only()
    assert attempt.stop_s >= attempt.start_s
    assert (attempt.ready_s, attempt.execute_s) == (None, None)  # nobody can know


def test_one_on_a_process_pool_has_dasks_times(machine: Machine) -> None:
    machine.assign()
    machine.begin(watched=False)
    machine.state.threads["x"] = 9
    stop_s = clock.now_s()
    machine.succeed(start=stop_s - 0.5, stop=stop_s)
    attempt = machine.only()
    assert (attempt.start_s, attempt.stop_s, attempt.thread) == (stop_s - 0.5, stop_s, 9)
    assert (attempt.outcome, attempt.n_bytes, attempt.type) == (
        names.OUTCOME_FINISHED,
        24,
        float,
    )
    assert attempt.ready_s is not None


def test_a_result_that_cannot_be_stored_is_one_failure() -> None:
    class Full(dict[Any, Any]):
        def __setitem__(self, key: Any, value: Any) -> None:
            raise MemoryError("full")

    machine = Machine(data=Full())
    machine.assign()
    machine.ran(machine.begin())
    machine.succeed()
    attempt = machine.only()
    assert attempt.outcome == names.OUTCOME_FAILED
    assert attempt.failure is not None
    assert "full" in attempt.failure.text


def test_stolen_and_freed_tasks_leave_nothing_behind(machine: Machine) -> None:
    machine.assign("running")
    machine.assign("stolen", priority=(1,))
    machine.assign("freed", priority=(2,))
    machine.assign("waiting", who_has={"y": [PEER]}, priority=(3,))
    machine.assign("constrained", resource_restrictions={"GPU": 1}, priority=(4,))
    machine.state.handle_stimulus(StealRequestEvent(key="stolen", stimulus_id="steal"))
    for key in ("freed", "waiting", "constrained"):
        machine.free(key)
    machine.ran(machine.begin("running"))
    machine.succeed("running")
    assert machine.only().key == "running"
    assert machine.holds() == 0


def test_what_goes_wrong_is_counted_and_does_no_harm(machine: Machine) -> None:
    machine.assign()
    machine.attempts._tasks = {}
    machine.succeed()
    assert machine.state.tasks["x"].state == "memory"
    assert [type(error) for error in machine.failures] == [KeyError]
