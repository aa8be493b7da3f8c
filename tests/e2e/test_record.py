"""A user's script that knows nothing of us, and `daskscope record`: every attempt is there."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from dask_otel import conventions
from tests.e2e.programs import Account, daskscope, recorder, run_script
from tests.e2e.telemetry import Recorded, events_of, lasting, points_of, spans_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]


@dataclass(frozen=True)
class Recording:
    """A finished recording, and what the script says."""

    path: Path
    account: Account

    def exported(self, signal: str) -> list[dict[str, Any]]:
        """The objects that `daskscope export` writes for a signal."""
        output = self.path.with_suffix(f".{signal}.jsonl")
        result = daskscope("export", self.path, "-o", output, "--signal", signal)
        assert result.returncode == 0, result.stderr
        return [json.loads(line) for line in output.read_text().splitlines()]


@pytest.fixture(scope="module", params=["grpc", "http"])
def recording(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    free_port: Callable[[], int],
) -> Recording:
    folder = tmp_path_factory.mktemp("record")
    path = folder / "run.dscope"
    http, grpc = free_port(), free_port()
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{grpc}"}
    if request.param == "http":  # only the standard ports say by themselves that they are HTTP
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{http}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        }
    with recorder(path, http, grpc):
        account = run_script(folder, settings)
    return Recording(path, account)


def test_the_script_did_what_it_is_for(recording: Recording) -> None:
    account = recording.account
    assert len(account.seen) == 8 + 20 + 3 + 3
    assert account.n_retried == 4
    assert len(account.received) == len(account.sent) >= 3
    assert len(account.workers) >= 2


def test_the_window_gets_every_attempt_once(recording: Recording) -> None:
    recording.account.check(Recorded(recording.path).spans)


def test_the_export_has_every_attempt_once(recording: Recording) -> None:
    recording.account.check(spans_of(recording.exported("traces")))


def test_export_and_window_agree_on_all_signals(recording: Recording) -> None:
    recorded = Recorded(recording.path)
    assert sorted(recorded.spans) == spans_of(recording.exported("traces"))
    assert sorted(recorded.points) == points_of(recording.exported("metrics"))
    assert lasting(recorded.events) == events_of(recording.exported("logs"))


def test_metrics_come_once_and_from_every_process(recording: Recording) -> None:
    points = Recorded(recording.path).points
    twice = Counter(
        (point.instance, point.name, point.attributes, point.time_ns) for point in points
    )
    assert set(twice.values()) == {1}
    sent = {(point.name, point.unit) for point in points}
    everywhere = {(metric.name, metric.unit) for metric in conventions.METRICS if not metric.when}
    assert everywhere <= sent <= {(metric.name, metric.unit) for metric in conventions.METRICS}
    assert len({point.instance for point in points}) == len(recording.account.workers) + 1


def test_events_tell_of_each_worker_and_of_the_graph(recording: Recording) -> None:
    names = Counter(event.name for event in Recorded(recording.path).events)
    n_workers = len(recording.account.workers)
    assert names[conventions.EVENT_WORKER_ADDED] == n_workers
    assert names[conventions.EVENT_WORKER_REMOVED] == n_workers
    assert names[conventions.EVENT_GRAPH_SUBMITTED] == 1
