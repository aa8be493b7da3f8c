"""Whatever fails in the instrumentation, the cluster computes the same and says little of it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.matrix.breaking import EVERY
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


@pytest.mark.e2e
@pytest.mark.parametrize("phase", range(EVERY))
def test_nothing_that_breaks_in_here_reaches_dask(phase: int, tmp_path: Path) -> None:
    failed = tmp_path / "failed"
    breaking = str(HERE / "breaking.py"), str(phase), str(failed)
    way = Way(WAYS["environment"].settings, python=(sys.executable, *breaking))
    with HttpSink() as sink:
        errors = run(way, "threads", tmp_path, sink, "http/protobuf")
    assert json.loads((tmp_path / "account.json").read_text())  # the script was content
    found = {name.removeprefix("dask_otel.") for name in failed.read_text().split()}
    assert EXPECTED - found == set()
    assert len(found) >= N_LEAST
    assert errors.count("further failures are not logged") <= N_SERVERS
