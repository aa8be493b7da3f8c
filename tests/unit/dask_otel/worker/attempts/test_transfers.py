"""What is fetched and unpickled for attempts, and is none itself."""

from __future__ import annotations

import pytest
from distributed.worker_state_machine import (
    GatherDepNetworkFailureEvent,
    GatherDepSuccessEvent,
)

from dask_otel import conventions as names
from dask_otel.events import Disk, Transfer
from tests.machine import PEER, Machine


@pytest.fixture
def machine() -> Machine:
    return Machine()


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
