from __future__ import annotations

import logging
import pickle
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from dask_otel import conventions as names
from dask_otel.record.logs import log
from dask_otel.reference import signals
from dask_otel.scheduler import happenings
from dask_otel.scheduler.happenings import MAX_A_TICK, Happenings

if TYPE_CHECKING:
    from dask_otel.events import Event

ALICE = "tcp://10.0.0.1:1"


def worker(address: str = ALICE, name: str = "alice", nanny: str = "tcp://10.0.0.1:9") -> Any:
    return SimpleNamespace(address=address, name=name, nthreads=2, nanny=nanny)


class Heard:
    """Happenings whose events are kept."""

    def __init__(self, tracebacks: bool = True) -> None:
        self.events: list[Event] = []
        self.happenings = Happenings(self.events.append, tracebacks)
        self.happenings.worker_known(worker())

    def said(self, topic: str, message: Any) -> list[Event]:
        del self.events[:]
        self.happenings.said(topic, message)
        self.happenings.tick()
        return self.events

    def one(self, topic: str, message: Any) -> Event:
        (event,) = self.said(topic, message)
        return event


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        ("running", "paused", names.EVENT_WORKER_PAUSED),
        ("paused", "running", names.EVENT_WORKER_RESUMED),
        ("running", "closing_gracefully", names.EVENT_WORKER_STATUS),
        ("paused", "closing", names.EVENT_WORKER_STATUS),
    ],
)
def test_a_change_of_status(before: str, after: str, name: str) -> None:
    message = {"action": "worker-status-change", "prev-status": before, "status": after}
    event = Heard().one(ALICE, message)
    assert event.name == name
    assert event.attributes[names.WORKER_ADDRESS] == ALICE
    assert event.attributes[names.WORKER_NAME] == "alice"
    assert event.attributes[names.WORKER_STATE] == after
    assert event.attributes[names.WORKER_STATE_BEFORE] == before


def test_every_workers_first_status_is_no_news() -> None:
    message = {"action": "worker-status-change", "prev-status": "init", "status": "running"}
    assert Heard().said(ALICE, message) == []


def test_a_worker_that_said_why_it_closes_is_not_lost() -> None:
    heard = Heard()
    assert heard.said(ALICE, {"action": "closing-worker", "reason": "nanny-close"}) == []
    assert heard.happenings.worker_removed(worker(), 3, "handle-worker-cleanup-1", False) == (
        "nanny-close",
        True,
    )
    (event,) = heard.events
    assert event.name == names.EVENT_WORKER_REMOVED
    assert event.attributes[names.REMOVAL_REASON] == "nanny-close"
    assert event.attributes[names.REMOVAL_EXPECTED] is True


def test_a_worker_that_said_nothing_is_lost() -> None:
    heard = Heard()
    heard.happenings.worker_removed(worker(), 3, "handle-worker-cleanup-1", False)
    assert [event.name for event in heard.events] == [
        names.EVENT_WORKER_REMOVED,
        names.EVENT_WORKER_LOST,
    ]
    (described,) = [event for event in signals.EVENTS if event.name == names.EVENT_WORKER_LOST]
    for event in heard.events:
        assert event.attributes == {
            names.WORKER_ADDRESS: ALICE,
            names.WORKER_NAME: "alice",
            names.WORKER_NTHREADS: 2,
            names.REMOVAL_REASON: "handle-worker-cleanup-1",
            names.REMOVAL_EXPECTED: False,
            names.EVENT_TASK_COUNT: 3,
        }
        assert event.attributes.keys() == {*described.attributes}


def test_a_nanny_restarts_its_worker() -> None:
    heard = Heard()
    heard.happenings.worker_removed(worker(), 3, "handle-worker-cleanup-1", False)
    del heard.events[:]
    heard.happenings.worker_added(worker("tcp://10.0.0.1:2"))
    heard.happenings.worker_added(worker("tcp://10.0.0.1:3", nanny=""))
    assert [event.name for event in heard.events] == [
        names.EVENT_WORKER_ADDED,
        names.EVENT_WORKER_RESTARTED,
        names.EVENT_WORKER_ADDED,
    ]
    assert heard.events[1].attributes[names.WORKER_ADDRESS] == "tcp://10.0.0.1:2"


def test_other_ways_to_restart_and_to_retire() -> None:
    heard = Heard()
    message = {"action": "restart-workers", "workers": [ALICE], "client": "Client-1"}
    assert heard.one("all", message).name == names.EVENT_WORKER_RESTARTED
    assert heard.said("Client-1", message) == []
    memory = heard.one("worker-restart-memory", {"worker": ALICE, "pid": 7, "rss": 1 << 30})
    assert memory.name == names.EVENT_WORKER_RESTARTED
    assert memory.attributes[names.WORKER_NAME] == "alice"
    retired = heard.one(ALICE, {"action": "retired", "stimulus_id": "retire-workers-1"})
    assert retired.name == names.EVENT_WORKER_RETIRED
    assert retired.attributes[names.REMOVAL_REASON] == "retire-workers-1"
    assert heard.said("all", {"action": "retire-workers", "retired": [ALICE]}) == []


def test_steals_of_a_tick_are_gathered() -> None:
    heard = Heard()
    rows = [(1.0, 0, ("x", i), 0.1, ALICE, 5.0, "tcp://bob", 0.0) for i in range(200)]
    heard.happenings.said("stealing", ("request", rows))
    for i in range(3):
        confirmed = ("confirm", f"y{i}", "ready", ALICE, "tcp://bob", "steal-1")
        heard.happenings.said("stealing", confirmed)
    heard.happenings.said("stealing", ("already-aborted", "z", "memory", ALICE, "steal-1"))
    found = heard.said(
        "stealing", ("reschedule", True, "q", "ready", ALICE, "tcp://bob", "steal-1")
    )
    assert {event.name for event in found} == {names.EVENT_STEAL}
    by_outcome = {event.attributes[names.STEAL_OUTCOME]: event.attributes for event in found}
    counts = {word: said[names.EVENT_TASK_COUNT] for word, said in by_outcome.items()}
    assert counts == {"request": 200, "confirm": 3, "already-aborted": 1, "reschedule": 1}
    assert len(by_outcome["request"][names.EVENT_KEYS]) == names.MAX_TRANSFER_KEYS
    assert by_outcome["confirm"][names.EVENT_KEYS] == ("y0", "y1", "y2")
    for word, thief in (("request", "tcp://bob"), ("already-aborted", "")):
        assert by_outcome[word][names.STEAL_VICTIM] == ALICE
        assert by_outcome[word][names.STEAL_THIEF] == thief


def test_a_client_scatters_and_gathers() -> None:
    heard = Heard()
    message = {"action": "scatter", "client": "Client-1", "count": 3}
    scattered = heard.one("all", message)
    assert scattered.name == names.EVENT_SCATTER
    assert scattered.attributes == {names.CLIENT_COUNT: 3, names.GRAPH_CLIENT: "Client-1"}
    assert heard.said("Client-1", message) == []
    gathered = heard.one("all", {"action": "gather", "count": 2})
    assert (gathered.name, gathered.attributes[names.CLIENT_COUNT]) == (names.EVENT_GATHER, 2)


def test_what_users_say_is_passed_on() -> None:
    event = Heard().one("my topic", {"loss": 0.5, "epoch": 3})
    assert event.name == names.EVENT_LOGGED
    assert event.attributes[names.EVENT_TOPIC] == "my topic"
    assert log(event).attributes[names.EVENT_MESSAGE] == '{"loss": 0.5, "epoch": 3}'


def test_what_dask_says_and_nobody_knows_is_passed_on_once() -> None:
    heard = Heard()
    message = {"action": "rebalance", "senders": 1, "moved_keys": 4}
    assert heard.one("all", message).name == names.EVENT_LOGGED
    assert heard.said(ALICE, {"action": "rebalance", "who_has": {}}) == []
    late = heard.one("scheduler", {"action": "worker-ttl-timed-out", "workers": [ALICE]})
    assert late.severity == logging.WARNING
    broken = heard.one("worker-fail-hard", {"status": "error"})
    assert broken.severity == logging.ERROR
    assert heard.said("all", {"action": "add-worker", "worker": ALICE}) == []


def test_functions_are_left_out() -> None:
    secret = pickle.dumps("password")
    event = Heard().one("all", {"action": "run-function", "function": secret})
    assert log(event).attributes[names.EVENT_MESSAGE] == '{"action": "run-function"}'


def test_only_a_graph_that_was_refused_is_passed_on() -> None:
    heard = Heard()
    message = {"action": "update-graph", "stimulus_id": "s", "status": "error"}
    assert heard.one("scheduler", message).severity == logging.ERROR
    assert heard.said("Client-1", message) == []
    assert heard.said("scheduler", {**message, "status": "OK"}) == []


@pytest.mark.parametrize("tracebacks", [True, False])
def test_a_group_that_erred(tracebacks: bool) -> None:
    heard = Heard(tracebacks)
    group: Any = SimpleNamespace(name="inc-1", states={"erred": 1, "waiting": 4})
    ts: Any = SimpleNamespace(key=("x", 1), group=group, prefix=SimpleNamespace(name="inc"))
    message = {"exception_text": "ValueError('secret')", "worker": ALICE}
    heard.happenings.group_erred(ts, message, "an origin")
    (event,) = heard.events
    assert event.name == names.EVENT_GROUP_ERRED
    assert event.body.startswith("inc-1 failed: ValueError")
    assert ("secret" in event.body) is tracebacks
    assert event.origin == "an origin"
    assert event.attributes[names.EVENT_TASK_COUNT] == 5


def test_what_a_user_makes_of_a_repr_is_kept_with_the_traceback() -> None:
    heard = Heard(tracebacks=False)
    group: Any = SimpleNamespace(name="inc-1", states={"erred": 1})
    ts: Any = SimpleNamespace(key="x", group=group, prefix=SimpleNamespace(name="inc"))
    heard.happenings.group_erred(ts, {"exception_text": "a secret (1)"}, None)
    (event,) = heard.events
    assert event.body == "inc-1 failed: Exception"


def test_a_target_is_told_when_it_changes() -> None:
    heard = Heard()
    for target in (2, 2, 3, 3, 2):
        heard.happenings.target_said(target, 1)
    assert [event.attributes[names.ADAPTIVE_TARGET] for event in heard.events] == [2, 3, 2]


def test_a_flood_is_counted_and_not_sent() -> None:
    heard = Heard()
    for i in range(100):
        heard.happenings.submitted("origin", "Client-1", {"inc": i}, 1.0)
    assert len(heard.events) == MAX_A_TICK
    heard.happenings.tick()
    assert heard.events[-1].name == names.EVENT_GRAPH_SUBMITTED
    assert heard.events[-1].attributes == {names.EVENT_OMITTED: 100 - MAX_A_TICK}
    heard.happenings.submitted("origin", "Client-1", {"inc": 1}, 1.0)
    assert len(heard.events) == MAX_A_TICK + 2


def test_those_who_have_gone_are_forgotten_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(happenings, "MAX_REMEMBERED", 10)
    heard = Heard()
    for i in range(50):
        gone = worker(f"tcp://{i}", f"name {i}", f"nanny {i}")
        heard.happenings.worker_added(gone)
        heard.happenings.worker_removed(gone, 0, "cleanup", False)
    del heard.events[:]
    heard.happenings.worker_added(worker("tcp://a", nanny="nanny 0"))
    heard.happenings.worker_added(worker("tcp://b", nanny="nanny 49"))
    assert [event.name for event in heard.events].count(names.EVENT_WORKER_RESTARTED) == 1
