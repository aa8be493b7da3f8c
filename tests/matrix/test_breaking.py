"""Whatever fails in the instrumentation, the cluster computes the same and says little of it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.matrix.breaking import BEGINNINGS, EVERY, dotted, functions, guarded
from tests.matrix.ways import HERE, WAYS, Way, run
from tests.sinks import HttpSink

if TYPE_CHECKING:
    from pathlib import Path

#: Some of each part; which others fail depends on what happens.
EXPECTED = {
    "client.calls.Caller.call",
    "dasklogs._Handler._event",
    "emit.emitter.Emitter._send_spans",
    "outputs.direct.DirectSpans.put",
    "scheduler.adapter.SchedulerAdapter._task_ended",
    "scheduler.adapter.SchedulerAdapter.log_event",
    "scheduler.adapter.SchedulerAdapter.update_graph",
    "scheduler.assignments.Assignments.assigned",
    "scheduler.graphs.Graphs.ended",
    "scheduler.losses.Ended.finished",
    "worker.adapter.WorkerAdapter._report_running",
    "worker.attempts.Attempts._ended",
    "worker.attempts.Attempts.started",
    "worker.context.ContextProbe.context",
    "worker.disk.DiskProbe._accessed",
    "worker.transfers.TransferProbe._sent",
}
N_LEAST = 60
#: A scheduler, two workers, a client.
N_SERVERS = 4


#: Hooks that cannot fail there: others that fail stand before them, or the script gives no occasion
#: (adaptive scaling, unpickling that takes long, the memory monitor, a peer that goes before it is
#: answered). A new one is either reached by the script, or named here with a test of its own: those
#: without an occasion have it in `tests/integration/test_instrumentation_hooks.py`.
BEHIND_OTHERS = {
    "scheduler.adapter.SchedulerAdapter._settle",
    "worker.deserialize.DeserializeProbe._look",
    "worker.shuffle.ShuffleProbe._read",
}
WITHOUT_OCCASION = {
    "scheduler.adapter.SchedulerAdapter._target_said",
    "worker.deserialize.DeserializeProbe._unpickled",
    "worker.disk.DiskProbe._round_ended",
    "worker.transfers.TransferProbe._not_sent",
}


def run_broken(how: str, folder: Path) -> tuple[set[str], str]:
    """What has failed, and what the script has written to standard error; it was content."""
    failed = folder / "failed"
    breaking = str(HERE / "breaking.py"), how, str(failed)
    way = Way(WAYS["environment"].settings, python=(sys.executable, *breaking))
    with HttpSink() as sink:
        errors = run(way, "threads", folder, sink, "http/protobuf")
    assert json.loads((folder / "account.json").read_text())
    return {name.removeprefix("dask_otel.") for name in failed.read_text().split()}, errors


@pytest.mark.e2e
@pytest.mark.parametrize("phase", range(EVERY))
def test_nothing_that_breaks_in_here_reaches_dask(phase: int, tmp_path: Path) -> None:
    found, errors = run_broken(str(phase), tmp_path)
    assert EXPECTED - found == set()
    assert len(found) >= N_LEAST
    assert errors.count("further failures are not logged") <= N_SERVERS


@pytest.mark.e2e
def test_every_hook_can_fail_each_time(tmp_path: Path) -> None:
    found, errors = run_broken("hooks", tmp_path)
    hooks = {dotted(function) for _, _, function in functions() if guarded(function) is not None}
    hooks -= BEGINNINGS
    known = {name.removeprefix("dask_otel.") for name in hooks}
    assert known - found - BEHIND_OTHERS - WITHOUT_OCCASION == set()
    assert known >= BEHIND_OTHERS | WITHOUT_OCCASION
    assert errors.count("further failures are not logged") <= N_SERVERS
