"""Attempts that are given up while they run, and what runs when its worker closes."""

from __future__ import annotations

import time

import pytest
from distributed.worker_state_machine import (
    AcquireReplicasEvent,
    SecedeEvent,
)

from dask_otel import conventions as names
from dask_otel.compat import clock
from dask_otel.events import Attempt, Transfer
from tests.machine import PEER, Machine


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.mark.parametrize("end", ["succeed", "fail", "reschedule"])
@pytest.mark.parametrize("seceded", [False, True])
@pytest.mark.parametrize("fetched", [False, True])
def test_one_given_up_ends_when_it_has_run(
    machine: Machine, end: str, seceded: bool, fetched: bool
) -> None:
    machine.assign(run_id=4)
    start = machine.begin()
    if seceded:
        machine.state.handle_stimulus(
            SecedeEvent(key="x", compute_duration=0.1, stimulus_id="secede")
        )
    machine.free()
    if fetched:  # the scheduler has had it computed elsewhere meanwhile
        machine.state.handle_stimulus(
            AcquireReplicasEvent(who_has={"x": [PEER]}, nbytes={"x": 1}, stimulus_id="fetch")
        )
        assert machine.state.tasks["x"].state == "resumed"
    assert machine.attempts.run_ids() == {"x": 4}
    machine.ran(start, "task-finished" if end == "succeed" else "task-erred")
    getattr(machine, end)()
    attempt = machine.only()
    assert (attempt.run_id, attempt.outcome) == (4, names.OUTCOME_CANCELLED)
    assert (attempt.thread, attempt.failure) == (7, None)
    assert machine.holds() == 0


def test_one_given_up_and_wanted_again_keeps_its_run_id(machine: Machine) -> None:
    machine.assign(run_id=1, annotations={"otel": {"traceparent": "old"}})
    start = machine.begin()
    machine.free()
    machine.assign(run_id=2, annotations={"otel": {"traceparent": "new"}})
    assert machine.state.tasks["x"].state == "executing"
    machine.ran(start)
    machine.succeed(run_id=1)
    attempt = machine.only()
    assert (attempt.run_id, attempt.outcome) == (1, names.OUTCOME_CANCELLED)
    assert attempt.otel == {"traceparent": "old"}
    assert machine.holds() == 0


@pytest.mark.parametrize("has_ended", [False, True])
def test_one_given_up_is_told_of_while_it_runs(machine: Machine, has_ended: bool) -> None:
    calls: list[Attempt | None] = []
    machine.attempts.on_given_up = calls.append
    machine.assign(run_id=4, annotations={"otel": {"traceparent": "00-x"}})
    machine.begin()
    assert list(machine.attempts.given_up()) == []
    start = machine.attempts.started(machine.state.tasks["x"], 0.0)
    machine.free()
    assert calls == [None]
    machine.assign(run_id=5, annotations={"otel": {"traceparent": "00-y"}})  # wanted again
    if has_ended:
        machine.ran(start)
    (said,) = machine.attempts.given_up()
    assert (said.key, said.prefix, said.run_id) == ("x", "x", 4)
    assert (said.otel, said.outcome) == ({"traceparent": "00-x"}, names.OUTCOME_CANCELLED)
    assert said.thread == (7 if has_ended else 8)
    assert said.start_s <= clock.now_s()
    machine.succeed(run_id=4)
    assert list(machine.attempts.given_up()) == []
    assert calls == [None, machine.only()]


def test_one_given_up_before_it_ran_is_none(machine: Machine) -> None:
    machine.assign()
    machine.free()
    assert list(machine.attempts.given_up()) == []
    machine.fail()
    assert not machine.recorded
    assert not machine.failures
    assert machine.holds() == 0


@pytest.mark.parametrize("wanted_again", [False, True])
def test_one_given_up_that_runs_when_its_worker_closes_ends_there(
    machine: Machine, wanted_again: bool
) -> None:
    machine.assign(run_id=4)
    machine.begin()
    machine.free()
    if wanted_again:
        machine.assign(run_id=5)
    time.sleep(0.01)
    machine.attempts.close()
    attempt = machine.only()
    assert (attempt.run_id, attempt.outcome) == (4, names.OUTCOME_CANCELLED)
    assert (attempt.thread, attempt.n_bytes, attempt.type) == (8, None, None)
    assert 0.01 <= attempt.stop_s - attempt.start_s == attempt.execute_s


def test_one_given_up_whose_thread_has_ended_when_its_worker_closes(machine: Machine) -> None:
    transfer = Transfer(1.0, 2.0, PEER, 1, ("y",), 1, 1.0, None)
    machine.assign(run_id=4)
    machine.pending.add(machine.state.tasks["x"], transfer)
    start = machine.begin()
    machine.free()
    run = machine.ran(start)
    machine.attempts.close()
    attempt = machine.only()
    assert (attempt.run_id, attempt.outcome) == (4, names.OUTCOME_CANCELLED)
    assert (attempt.start_s, attempt.stop_s, attempt.thread) == (*run, 7)
    assert attempt.transfers == (transfer,)


@pytest.mark.parametrize("has_ended", [False, True])
def test_what_a_closing_worker_runs_is_lost(machine: Machine, has_ended: bool) -> None:
    machine.assign(run_id=4)
    start = machine.begin()
    run = machine.ran(start) if has_ended else None  # nobody has been told
    machine.attempts.close()
    attempt = machine.only()
    assert (attempt.run_id, attempt.outcome, attempt.executing) == (4, names.OUTCOME_LOST, True)
    assert (attempt.n_bytes, attempt.type) == (None, None)
    assert attempt.failure is not None
    assert attempt.failure.text == "WorkerLost()"
    if run is not None:
        assert (attempt.start_s, attempt.stop_s) == run


def test_a_closing_worker_says_nothing_of_what_it_has_not_begun(machine: Machine) -> None:
    machine.assign()
    machine.free()
    machine.assign("y", who_has={"z": [PEER]})
    machine.attempts.close()
    assert not machine.recorded
    assert not machine.failures


@pytest.mark.parametrize("end", ["close", "reschedule", "given up"])
def test_an_attempt_keeps_its_clock_until_it_ends(machine: Machine, end: str) -> None:
    machine.worker.scheduler_delay = 100.0
    machine.assign()
    start = machine.begin()
    machine.worker.scheduler_delay = 0.0
    if end == "close":
        machine.attempts.close()
        attempt = machine.only()
    elif end == "reschedule":
        machine.reschedule()
        attempt = machine.only()
    else:
        machine.free()
        (attempt,) = machine.attempts.given_up()
    assert attempt.start_s == start.start_s + 100.0
    assert attempt.start_s <= attempt.stop_s < attempt.start_s + 10.0
