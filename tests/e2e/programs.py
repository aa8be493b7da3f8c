"""Runs daskscope's commands, and a user's script, as a person does: as processes of their own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from tests.clusters import CLOCK_ERROR_S
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.e2e.telemetry import Span

DASKSCOPE = str(Path(sys.executable).with_name("daskscope"))
SCRIPT = Path(__file__).with_name("user_script.py")
#: All that a user adds to the environment of a script; the client is as unmodified as the script.
PRELOAD = {
    "DASK_DISTRIBUTED__SCHEDULER__PRELOAD": "dask_otel",
    "DASK_DISTRIBUTED__WORKER__PRELOAD": "dask_otel",
    "DASK_DISTRIBUTED__CLIENT__PRELOAD": "[]",
}
#: In the environment of what a test starts, to find all that came of it.
MARK = "DASKSCOPE_TEST"
COMMAND_TIMEOUT_S = 60
END_TIMEOUT_S = 30


def homes(folder: Path) -> dict[str, str]:
    """Variables that keep journals and settings of a window in `folder`."""
    return {"XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config")}


def daskscope(*arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, whatever its exit status."""
    return subprocess.run(
        [DASKSCOPE, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
        env=os.environ | settings,
    )


@contextlib.contextmanager
def running_daskscope(
    *arguments: str | Path, **settings: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a command from its `listening` line on; at the end SIGINT ends it, and it ends well."""
    process = subprocess.Popen(
        [DASKSCOPE, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | settings,
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline()
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=END_TIMEOUT_S)
            assert process.returncode == 0, errors
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


@contextlib.contextmanager
def recorder(path: Path, http: int, grpc: int) -> Iterator[None]:
    """Record to `path` on two ports, until the end of the context."""
    named = "--http", f"127.0.0.1:{http}", "--grpc", f"127.0.0.1:{grpc}"
    with running_daskscope("record", "-o", path, *named) as (_, line):
        assert line == f"listening http=127.0.0.1:{http} grpc=127.0.0.1:{grpc}\n"
        yield


def marked(value: str) -> list[psutil.Process]:
    """Processes that have `MARK=value` in their environment, whoever their parent is by now."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == value and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@dataclass(frozen=True)
class Account:
    """What a user's script says of its run.

    Attributes
    ----------
    seen
        Attempts as the tasks themselves saw them.
    attempts, received, sent, workers
        Dask's own account: of the attempts those whose failure was final or that did not fail; of
        the transfers both ends.
    """

    seen: list[dict[str, Any]]
    attempts: list[dict[str, Any]]
    received: list[dict[str, Any]]
    sent: list[dict[str, Any]]
    workers: list[str]

    @property
    def n_retried(self) -> int:
        """Attempts that Dask does not account for: they failed, and the task ran again."""
        n_seen = Counter(attempt["key"] for attempt in self.seen)
        return sum(n - 1 for n in n_seen.values())

    @property
    def n_spans(self) -> int:
        """How many spans there have to be: attempts, both ends of transfers, one graph."""
        n_attempts = len(self.attempts) + self.n_retried
        return n_attempts + len(self.received) + len(self.sent) + 1

    def check(self, spans: list[Span]) -> None:
        """Each attempt and each transfer is there, once, with all that it says; nothing else is."""
        assert len({span.span_id for span in spans}) == len(spans)
        # Only what took long to unpickle has a span of its own, which depends on the machine.
        spans = [span for span in spans if span.action != "deserialize"]
        assert len(spans) == self.n_spans
        computed = [span for span in spans if span.action == "compute"]
        self._check_seen(computed)
        placed = Counter(
            (span.key, span.worker, span.thread, span.start_ns // 1_000, span.end_ns // 1_000)
            for span in computed
        )
        assert placed == Counter(map(_placed, self.attempts)) + self._retried(computed)
        for action, account in (("transfer", self.received), ("send", self.sent)):
            told = sorted(
                (span.worker, span.peer, span.start_ns // 1_000, span.end_ns // 1_000)
                for span in spans
                if span.action == action
            )
            logged = sorted(
                (moved["worker"], moved["peer"], _micro(moved["start"]), _micro(moved["stop"]))
                for moved in account
            )
            for one, other in zip(told, logged, strict=True):
                _check_moved(one, other)
        self._check_parents(spans)

    def _check_seen(self, computed: list[Span]) -> None:
        """Attempt by attempt: what a task saw lies in the span of that attempt."""
        by_key: dict[str, list[Span]] = {}
        for span in sorted(computed, key=lambda span: span.run_id):
            by_key.setdefault(span.key, []).append(span)
        attempts: dict[str, list[dict[str, Any]]] = {}
        for attempt in sorted(self.seen, key=lambda attempt: attempt["start_s"]):
            attempts.setdefault(attempt["key"], []).append(attempt)
        for key, saw in attempts.items():
            for attempt, span in zip(saw, by_key[key], strict=True):
                assert (attempt["worker"], attempt["thread"]) == (span.worker, span.thread)
                assert attempt["is_done"] is not span.is_error
                assert span.start_ns / 1e9 - CLOCK_ERROR_S < attempt["start_s"]
                assert attempt["end_s"] < span.end_ns / 1e9 + CLOCK_ERROR_S
            assert len({span.run_id for span in by_key[key]}) == len(saw)

    def _retried(self, computed: list[Span]) -> Counter[tuple[str, str, int, int, int]]:
        """Attempts that failed before the last of their key."""
        last: dict[str, int] = {}
        for span in computed:  # by clocks of several workers their order may be another
            last[span.key] = max(last.get(span.key, 0), span.run_id)
        return Counter(
            (span.key, span.worker, span.thread, span.start_ns // 1_000, span.end_ns // 1_000)
            for span in computed
            if span.is_error and span.run_id < last[span.key]
        )

    def _check_parents(self, spans: list[Span]) -> None:
        """One trace: the graph is its root, attempts hang on it, what they receive on them."""
        (graph,) = (span for span in spans if span.action == "graph")
        assert graph.parent_id == ""
        attempts = {span.span_id: span for span in spans if span.action == "compute"}
        assert {span.trace_id for span in spans} == {graph.trace_id}
        assert {span.parent_id for span in attempts.values()} == {graph.span_id}
        for span in spans:
            if span.action == "transfer":
                assert attempts[span.parent_id].worker == span.worker
            elif span.action == "send":
                assert span.parent_id == graph.span_id


def _placed(attempt: dict[str, Any]) -> tuple[str, str, int, int, int]:
    return (
        attempt["key"],
        attempt["worker"],
        attempt["thread"],
        _micro(attempt["start"]),
        _micro(attempt["stop"]),
    )


def _check_moved(told: tuple[str, str, int, int], logged: tuple[str, str, int, int]) -> None:
    """Ends and length of a batch; its times are corrected as those of the attempt it was for.

    Dask has logged them as corrected then, and a heartbeat may lie between.
    """
    assert told[:2] == logged[:2]
    (start_us, end_us), (logged_start_us, logged_end_us) = told[2:], logged[2:]
    assert abs((end_us - start_us) - (logged_end_us - logged_start_us)) <= 2  # each is rounded
    assert abs(start_us - logged_start_us) < CLOCK_ERROR_S * 1e6


def _micro(time_s: float) -> int:
    return round(time_s * 1e6)


def run_script(folder: Path, settings: Mapping[str, str]) -> Account:
    """Run the user's script with `settings` added to its environment, to its end."""
    mark = str(folder)
    result = subprocess.run(
        [sys.executable, SCRIPT, folder],
        cwd=folder,
        env={**os.environ, **PRELOAD, **settings, MARK: mark},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    wait_for(lambda: not marked(mark))
    lines = (folder / "attempts.jsonl").read_text().splitlines()
    return Account(
        seen=[json.loads(line) for line in lines],
        **json.loads((folder / "dask.json").read_text()),
    )
