"""What Dask and its users say with `log_event`, and what the scheduler sees happen, as events.

- Dask says much of it twice, to the topic `all` and to one of a worker or client: one is enough.
- Steals come one by one: those of a tick between the same two workers are one event.
- No more than `MAX_A_TICK` events of a name go out in a tick; what more there was is counted.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from dask_otel import conventions as names
from dask_otel.compat import clock
from dask_otel.conventions import MAX_GRAPH_PREFIXES, MAX_TRANSFER_KEYS
from dask_otel.events import Event, named_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from distributed.scheduler import TaskState, WorkerState

MAX_A_TICK: Final = 50
#: Longest piece of what was said that goes into the sentence for people.
MAX_BODY: Final = 200
#: Workers, and nannies, that are remembered after they have gone.
MAX_REMEMBERED: Final = 10_000

#: Told by hooks, or again for each worker.
_TOLD: Final = frozenset({"add-worker", "remove-worker", "retire-workers"})
#: Said to the topics of workers and clients of what `all` hears too.
_SAID_TWICE: Final = frozenset(
    {
        "add-client",
        "rebalance",
        "remove-client",
        "replicate-add",
        "restart-workers",
        "scatter",
    }
)
#: Fields that may hold a task's arguments, or are as long as the scheduler's memory.
_LEFT_OUT: Final = frozenset({"function", "transition_log"})
_SEVERITIES: Final = {
    "could-not-retire": logging.WARNING,
    "no-workers-timeout-exceeded": logging.WARNING,
    "p2p-failed": logging.ERROR,
    "scheduler-transition-failed": logging.ERROR,
    "warn": logging.WARNING,
    "worker-fail-hard": logging.ERROR,
    "worker-ttl-timed-out": logging.WARNING,
}


class Happenings:
    """Makes the events of one scheduler.

    Parameters
    ----------
    log
        Takes them.
    tracebacks
        Whether what an exception says may be sent.
    """

    def __init__(self, log: Callable[[Event], None], tracebacks: bool) -> None:
        self._log = log
        self._tracebacks = tracebacks
        self._counts: Counter[str] = Counter()
        self._steals: dict[tuple[str, str, str], tuple[int, list[str]]] = {}
        self._names: dict[str, str] = {}
        self._reasons: dict[str, str] = {}
        self._nannies: dict[str, str] = {}
        self._target: int | None = None
        self._actions: dict[str, Callable[[str, Mapping[str, Any]], None]] = {
            "closing-worker": self._closing,
            "gather": self._moved,
            "restart-workers": self._restarted,
            "retired": self._retired,
            "scatter": self._moved,
            "update-graph": self._refused,
            "worker-status-change": self._status_changed,
        }

    def tick(self) -> None:
        """Send what was gathered since the last call."""
        for (victim, thief, outcome), (n_tasks, keys) in self._steals.items():
            attributes = {
                names.STEAL_VICTIM: victim,
                names.STEAL_THIEF: thief,
                names.STEAL_OUTCOME: outcome,
                names.EVENT_TASK_COUNT: n_tasks,
                names.EVENT_KEYS: tuple(keys),
            }
            of = f"{n_tasks} task{'' if n_tasks == 1 else 's'}"
            body = f"Steal of {of} from {victim} by {thief or 'nobody'}: {outcome}"
            self._say(names.EVENT_STEAL, body, attributes)
        self._steals.clear()
        for name, count in self._counts.items():
            if count > MAX_A_TICK:
                n_omitted = count - MAX_A_TICK
                body = f"{n_omitted} more of {name} in the same moment"
                attributes = {names.EVENT_OMITTED: n_omitted}
                self._log(Event(clock.now_s(), name, body, attributes))
        self._counts.clear()

    def said(self, topic: str, message: Any) -> None:
        """Take what anybody has said with `log_event`."""
        if topic == "stealing":
            self._stolen(message)
            return
        action = str(message.get("action")) if isinstance(message, dict) else ""
        handler = self._actions.get(action)
        if action in _TOLD or (action in _SAID_TWICE and self._is_personal(topic)):
            return
        if handler is not None:
            handler(topic, message)
        elif topic == "worker-restart-memory":
            self._terminated(message)
        else:
            self._passed_on(topic, message)

    def submitted(
        self, origin: str | None, client: str, prefixes: Mapping[str, int], now_s: float
    ) -> None:
        """A client has submitted tasks."""
        if not self._room(names.EVENT_GRAPH_SUBMITTED):
            return
        n_tasks = sum(prefixes.values())
        attributes = {
            names.GRAPH_CLIENT: client,
            names.GRAPH_TASKS: n_tasks,
            names.GRAPH_PREFIXES: tuple(sorted(prefixes))[:MAX_GRAPH_PREFIXES],
            names.GRAPH_PREFIX_COUNT: len(prefixes),
        }
        body = f"{client} submitted {n_tasks} tasks"
        self._log(Event(now_s, names.EVENT_GRAPH_SUBMITTED, body, attributes, logging.INFO, origin))

    def group_erred(self, ts: TaskState, message: Mapping[str, Any], origin: str | None) -> None:
        """The first task of a group has erred."""
        if not self._room(names.EVENT_GROUP_ERRED):
            return
        text = message.get("exception_text") or ""
        what = text[:MAX_BODY] if self._tracebacks or not text else named_type(text)
        attributes = {
            names.TASK_KEY: str(ts.key)[:MAX_BODY],
            names.TASK_PREFIX: ts.prefix.name,
            names.TASK_GROUP: str(ts.group.name),
            names.EVENT_TASK_COUNT: sum(ts.group.states.values()),
        }
        if worker := message.get("worker"):
            attributes[names.WORKER_ADDRESS] = worker
        body = f"{ts.group.name} failed: {what or 'its worker was killed too often'}"
        self._log(
            Event(clock.now_s(), names.EVENT_GROUP_ERRED, body, attributes, logging.ERROR, origin)
        )

    def worker_added(self, ws: WorkerState) -> None:
        """A worker has joined."""
        attributes = self._described(ws)
        body = f"Worker {ws.name} added at {ws.address}"
        self._event(names.EVENT_WORKER_ADDED, body, attributes)
        if ws.nanny and ws.nanny in self._nannies:
            del self._nannies[ws.nanny]
            body = f"Worker {ws.name} was restarted by its nanny at {ws.address}"
            self._event(names.EVENT_WORKER_RESTARTED, body, attributes)

    def worker_known(self, ws: WorkerState) -> None:
        """A worker was there before anybody watched."""
        self._described(ws)

    def worker_removed(
        self, ws: WorkerState, n_tasks: int, reason: str, expected: bool
    ) -> tuple[str, bool]:
        """A worker has gone.

        Parameters
        ----------
        ws
            The worker.
        n_tasks
            Tasks that it had not ended.
        reason
            What Dask says; a worker that closed in good order has said itself why.
        expected
            Whether Dask has asked it to.

        Returns
        -------
        tuple of str and bool
            Why it went, and whether it closed in good order or was asked to.
        """
        address = ws.address
        announced = self._reasons.pop(address, "")
        if not expected and announced:
            reason, expected = announced, True
        attributes = self._described(ws)
        attributes |= {names.REMOVAL_REASON: reason, names.REMOVAL_EXPECTED: expected}
        attributes[names.EVENT_TASK_COUNT] = n_tasks
        name = attributes[names.WORKER_NAME]
        word = "" if expected else " unexpectedly"
        body = f"Worker {name} removed{word} from {address}: {reason}"
        severity = logging.INFO if expected else logging.WARNING
        self._event(names.EVENT_WORKER_REMOVED, body, attributes, severity)
        if not expected:
            body = f"Worker {name} at {address} was lost: {reason}"
            self._event(names.EVENT_WORKER_LOST, body, attributes, logging.ERROR)
        if ws.nanny:
            _remember(self._nannies, ws.nanny, ws.address)
        return reason, expected

    def target_said(self, target: int, n_workers: int) -> None:
        """The scheduler has told adaptive scaling how many workers it wants."""
        if target != self._target:
            self._target = target
            body = f"Adaptive scaling wants {target} workers; there are {n_workers}"
            self._say(names.EVENT_ADAPTIVE, body, {names.ADAPTIVE_TARGET: target})

    def _described(self, ws: WorkerState) -> dict[str, Any]:
        _remember(self._names, ws.address, str(ws.name))
        return {
            names.WORKER_ADDRESS: ws.address,
            names.WORKER_NAME: str(ws.name),
            names.WORKER_NTHREADS: ws.nthreads,
        }

    def _worker(self, address: str) -> dict[str, Any]:
        return {
            names.WORKER_ADDRESS: address,
            names.WORKER_NAME: self._names.get(address, address),
        }

    def _is_personal(self, topic: str) -> bool:
        """Whether a topic is that of one worker or client."""
        return topic in self._names or topic.startswith("Client-")

    def _closing(self, topic: str, message: Mapping[str, Any]) -> None:
        """A worker has said why it closes; it is removed a moment later."""
        _remember(self._reasons, topic, str(message.get("reason") or "closing-worker"))

    def _status_changed(self, topic: str, message: Mapping[str, Any]) -> None:
        before, after = str(message.get("prev-status")), str(message.get("status"))
        if before == "init":  # that is how every worker begins
            return
        name = names.EVENT_WORKER_STATUS
        if after == "paused":
            name = names.EVENT_WORKER_PAUSED
        elif before == "paused" and after == "running":
            name = names.EVENT_WORKER_RESUMED
        attributes = self._worker(topic)
        attributes |= {names.WORKER_STATE: after, names.WORKER_STATE_BEFORE: before}
        severity = logging.WARNING if after == "paused" else logging.INFO
        body = f"Worker {attributes[names.WORKER_NAME]} is {after}; it was {before}"
        self._event(name, body, attributes, severity)

    def _retired(self, topic: str, message: Mapping[str, Any]) -> None:
        attributes = self._worker(topic)
        attributes[names.REMOVAL_REASON] = str(message.get("stimulus_id", ""))
        body = f"Worker {attributes[names.WORKER_NAME]} retired from {topic}"
        self._event(names.EVENT_WORKER_RETIRED, body, attributes)

    def _restarted(self, topic: str, message: Mapping[str, Any]) -> None:
        n_workers = len(message.get("workers") or ())
        body = f"{message.get('client') or 'The scheduler'} restarted {n_workers} workers"
        attributes = {names.EVENT_TOPIC: topic, names.EVENT_MESSAGE: dict(message)}
        self._event(names.EVENT_WORKER_RESTARTED, body, attributes)

    def _terminated(self, message: Any) -> None:
        """A nanny restarts its worker, which has used more memory than it may."""
        address = str(message.get("worker")) if isinstance(message, dict) else ""
        attributes = self._worker(address)
        attributes[names.EVENT_TOPIC] = "worker-restart-memory"
        attributes[names.EVENT_MESSAGE] = message
        name = attributes[names.WORKER_NAME]
        body = f"The nanny of worker {name} restarts it: it uses too much memory"
        self._event(names.EVENT_WORKER_RESTARTED, body, attributes, logging.WARNING)

    def _moved(self, topic: str, message: Mapping[str, Any]) -> None:
        """A client has scattered or gathered values through the scheduler."""
        scattered = message["action"] == "scatter"
        count = int(message.get("count", 0))
        attributes: dict[str, Any] = {names.CLIENT_COUNT: count}
        if client := message.get("client"):
            attributes[names.GRAPH_CLIENT] = str(client)
        word = "scattered to workers" if scattered else "gathered from workers"
        name = names.EVENT_SCATTER if scattered else names.EVENT_GATHER
        self._say(name, f"{count} values {word}", attributes)

    def _refused(self, topic: str, message: Mapping[str, Any]) -> None:
        """The scheduler could not take a graph; those that it took are told by a hook."""
        if topic == "scheduler" and message.get("status") != "OK":
            self._passed_on(topic, message, logging.ERROR)

    def _stolen(self, message: Any) -> None:
        """Gather what work stealing says of single tasks."""
        outcome, *details = message
        if outcome == "request":
            for _start, _level, key, _cost, victim, _occupancy, thief, *_ in details[0]:
                self._steal(outcome, key, victim, thief)
        elif outcome == "reschedule":
            _, key, _, victim, thief, *_ = details
            self._steal(outcome, key, victim, thief)
        elif outcome in ("confirm", "already-computing"):
            key, _, victim, thief, *_ = details
            self._steal(outcome, key, victim, thief)
        else:  # an answer that comes too late
            key, _, victim, *_ = details
            self._steal(str(outcome), key, victim, "")

    def _steal(self, outcome: str, key: Any, victim: str, thief: str) -> None:
        where = victim, thief, outcome
        n_tasks, keys = self._steals.get(where, (0, []))
        if n_tasks < MAX_TRANSFER_KEYS:
            keys.append(str(key))
        self._steals[where] = n_tasks + 1, keys

    def _passed_on(self, topic: str, message: Any, severity: int | None = None) -> None:
        """Send what was said as it is; text is made of it in the background."""
        if not self._room(names.EVENT_LOGGED):
            return
        kind, what = topic, ""
        if isinstance(message, dict):
            message = {name: said for name, said in message.items() if name not in _LEFT_OUT}
            kind = what = str(message.get("action", ""))[:MAX_BODY]
        elif isinstance(message, str):
            what = message[:MAX_BODY]
        if severity is None:
            severity = _SEVERITIES.get(kind) or _SEVERITIES.get(topic, logging.INFO)
        attributes = {names.EVENT_TOPIC: str(topic), names.EVENT_MESSAGE: message}
        body = f"{topic}: {what}" if what else str(topic)
        self._log(Event(clock.now_s(), names.EVENT_LOGGED, body, attributes, severity))

    def _event(
        self, name: str, body: str, attributes: Mapping[str, Any], severity: int = logging.INFO
    ) -> None:
        """Send an event of a kind that cannot flood anybody."""
        self._log(Event(clock.now_s(), name, body, attributes, severity))

    def _say(self, name: str, body: str, attributes: Mapping[str, Any]) -> None:
        if self._room(name):
            self._event(name, body, attributes)

    def _room(self, name: str) -> bool:
        """Count an event of `name`; whether there is room for it in this tick."""
        self._counts[name] += 1
        return self._counts[name] <= MAX_A_TICK


def _remember(table: dict[str, str], key: str, value: str) -> None:
    """Add an entry to `table`, which forgets its oldest ones."""
    table.pop(key, None)
    table[key] = value
    if len(table) > MAX_REMEMBERED:
        del table[next(iter(table))]
