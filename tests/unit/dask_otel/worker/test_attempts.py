"""Every way in which Dask's own state machine ends an attempt; no cluster, no threads."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from distributed.worker_state_machine import (
    AcquireReplicasEvent,
    ComputeTaskEvent,
    ExecuteFailureEvent,
    ExecuteSuccessEvent,
    FreeKeysEvent,
    GatherDepNetworkFailureEvent,
    GatherDepSuccessEvent,
    RescheduleEvent,
    SecedeEvent,
    StealRequestEvent,
    WorkerState,
)

from dask_otel import conventions as names
from dask_otel.compat import clock
from dask_otel.events import Attempt, Disk, Transfer
from dask_otel.worker.attempts import Attempts
from dask_otel.worker.pending import Pending
from dask_otel.worker.starts import Starts

PEER = "tcp://127.0.0.1:4"


class Machine:
    """A worker's state machine that is watched, and told what happens."""

    def __init__(self, **options: Any) -> None:
        plugins: dict[str, Any] = {}
        self.state = WorkerState(nthreads=1, plugins=plugins, resources={"GPU": 0}, **options)
        self.state.address = "tcp://127.0.0.1:1"
        self.recorded: list[Any] = []
        self.failures: list[Exception] = []
        worker: Any = SimpleNamespace(
            state=self.state,
            scheduler_delay=0.0,
            active_threads={8: "x"},
            active_threads_lock=threading.Lock(),
        )
        emitter: Any = SimpleNamespace(
            record=self.recorded.append,
            failed=lambda what, error, n_spans=0: self.failures.append(error),
        )
        self.worker = worker
        self.starts, self.pending = Starts(worker), Pending(worker, emitter)
        self.attempts = Attempts(worker, emitter, self.starts, self.pending)
        plugins["watch"] = self.attempts

    def assign(self, key: str = "x", run_id: int = 1, **options: Any) -> None:
        self.state.handle_stimulus(
            ComputeTaskEvent.dummy(key, run_id=run_id, stimulus_id="assign", **options)
        )

    def begin(self, key: str = "x", watched: bool = True) -> Any:
        """What `Worker.execute` and the thread do at the start."""
        ts = self.state.tasks[key]
        ts.start_time = clock.now_s()
        return self.attempts.started(ts, self.worker.scheduler_delay) if watched else None

    def ran(self, start: Any, op: str = "task-finished") -> tuple[float, float]:
        stop_s = clock.now_s()
        delay_s = start.delay_s
        result = {"op": op, "start": stop_s - 0.5 + delay_s, "stop": stop_s + delay_s, "thread": 7}
        if op == "task-finished":
            result |= {"result": 1.5, "nbytes": 24}
        self.attempts.ran(start, result)
        return result["start"], result["stop"]

    def succeed(self, key: str = "x", run_id: int = 1, **times: float) -> None:
        event = ExecuteSuccessEvent.dummy(key, 1.5, run_id=run_id, nbytes=24, stimulus_id="end")
        for name, value in times.items():
            setattr(event, name, value)
        self.state.handle_stimulus(event)

    def fail(self, key: str = "x", run_id: int = 1) -> None:
        event = ExecuteFailureEvent.dummy(key, run_id=run_id, stimulus_id="end")
        event.exception_text, event.traceback_text = "ValueError('no')", "frames"
        self.state.handle_stimulus(event)

    def reschedule(self, key: str = "x") -> None:
        self.state.handle_stimulus(RescheduleEvent(key=key, stimulus_id="end"))

    def free(self, key: str = "x") -> None:
        self.state.handle_stimulus(FreeKeysEvent(keys=[key], stimulus_id="free"))

    def only(self) -> Attempt:
        assert self.failures == []
        (attempt,) = self.recorded
        assert isinstance(attempt, Attempt)
        return attempt

    def holds(self) -> int:
        """Entries that are kept for tasks."""
        attempts = self.attempts
        kept: tuple[dict[Any, Any], ...] = (
            attempts._began,
            attempts._ran,
            attempts._given_up,
            self.starts.by_key,
            self.pending.held,
        )
        return sum(map(len, kept))


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


def test_a_transfer_given_up_twice_is_no_attempt(machine: Machine) -> None:
    machine.assign(who_has={"y": [PEER]})
    machine.free()
    machine.assign("y", run_id=2)
    machine.free("y")
    assert machine.state.tasks["y"].state == "cancelled"
    assert machine.attempts.run_ids() == {}


def test_a_transfer_that_was_given_up_is_no_attempt(machine: Machine) -> None:
    machine.assign(who_has={"y": [PEER]})
    machine.free()
    assert machine.state.tasks["y"].state == "cancelled"
    machine.state.handle_stimulus(
        GatherDepSuccessEvent(worker=PEER, total_nbytes=1, data={"y": 1}, stimulus_id="there")
    )
    assert not machine.recorded
    assert not machine.failures
    assert machine.holds() == 0


def test_a_transfer_in_place_of_an_attempt_is_no_attempt(machine: Machine) -> None:
    machine.assign(who_has={"y": [PEER]})
    machine.free()
    machine.assign("y", run_id=2)
    assert machine.state.tasks["y"].state == "resumed"
    machine.state.handle_stimulus(
        GatherDepSuccessEvent(worker=PEER, total_nbytes=1, data={"y": 1}, stimulus_id="there")
    )
    assert not machine.recorded
    assert not machine.failures


def test_an_attempt_after_a_transfer_has_failed(machine: Machine) -> None:
    machine.assign(who_has={"y": [PEER]})
    machine.free()
    machine.assign("y", run_id=2)
    machine.state.handle_stimulus(
        GatherDepNetworkFailureEvent(worker=PEER, total_nbytes=1, stimulus_id="failed")
    )
    machine.ran(machine.begin("y"))
    machine.succeed("y", run_id=2)
    assert (machine.only().run_id, machine.only().outcome) == (2, names.OUTCOME_FINISHED)
    assert machine.holds() == 0


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


def test_transfers_are_handed_over_with_their_attempt(machine: Machine) -> None:
    transfer = Transfer(1.0, 2.0, PEER, 1, ("y",), 1, 1.0, None)
    machine.assign()
    machine.pending.add(machine.state.tasks["x"], transfer)
    machine.ran(machine.begin())
    machine.succeed()
    assert machine.only().transfers == (transfer,)
    assert machine.holds() == 0


def test_what_was_done_for_an_attempt_has_its_clock(machine: Machine) -> None:
    transfer = Transfer(1.0, 2.0, PEER, 1, ("y",), 1, 1.0, None)
    unpickled = Disk("deserialize", None, 1.5, 2.0, 1, None, None, None)
    machine.worker.scheduler_delay = 0.25
    machine.assign(run_id=3)
    ts = machine.state.tasks["x"]
    machine.pending.add(ts, transfer)
    machine.pending.add(ts, unpickled)
    machine.worker.scheduler_delay = 0.5
    start = machine.begin()
    machine.worker.scheduler_delay = 8.0
    machine.ran(start)
    machine.succeed(run_id=3)
    out, attempt = machine.recorded
    assert attempt.transfers == (transfer._replace(start_s=1.25, stop_s=2.25),)
    assert out == unpickled._replace(start_s=1.75, stop_s=2.25, parent=("x", 3))
    assert machine.holds() == 0


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


def test_what_goes_wrong_is_counted_and_does_no_harm(machine: Machine) -> None:
    machine.assign()
    machine.attempts._tasks = {}
    machine.succeed()
    assert machine.state.tasks["x"].state == "memory"
    assert [type(error) for error in machine.failures] == [KeyError]
