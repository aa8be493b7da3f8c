"""Every way to start it, kind of cluster and protocol: no attempt is missing, none comes twice."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from dask_otel import conventions as names
from tests.matrix.ways import WAYS, run
from tests.sinks import GrpcSink, HttpSink

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sinks import SeenSpan, Sink

KINDS = ("processes", "threads", "no-nanny")
SINKS: dict[str, type[HttpSink] | type[GrpcSink]] = {"http/protobuf": HttpSink, "grpc": GrpcSink}
#: A flag belongs to a command.
CELLS = [
    (way, kind, protocol)
    for way in WAYS
    for kind in KINDS
    for protocol in SINKS
    if way != "flag" or kind == "no-nanny"
]
MICROSECOND_NS = 1_000

Attempt = tuple[str, int]


def attempts(sink: Sink) -> dict[Attempt, list[SeenSpan]]:
    """Exported attempts by key and run id."""
    found = defaultdict(list)
    for seen in sink.spans():
        if seen.attributes.get(names.ACTION) == names.ACTION_COMPUTE:
            found[seen.attributes[names.TASK_KEY], seen.attributes[names.TASK_RUN_ID]].append(seen)
    return found


def worker(seen: SeenSpan) -> str:
    return str(seen.attributes.get(names.WORKER_ADDRESS) or seen.resource[names.WORKER_ADDRESS])


def times(seen: SeenSpan) -> tuple[int, int]:
    return seen.span.start_time_unix_nano, seen.span.end_time_unix_nano


def check_once(exported: dict[Attempt, list[SeenSpan]]) -> None:
    """An attempt is one span; the scheduler may repeat what a killed worker has sent."""
    for attempt, found in exported.items():
        assert len({seen.span.span_id for seen in found}) == 1, attempt
        services = sorted(seen.resource[names.SERVICE_NAME] for seen in found)
        assert services in (
            [names.SERVICE_WORKER],
            [names.SERVICE_SCHEDULER],
            [names.SERVICE_SCHEDULER, names.SERVICE_WORKER],
        ), attempt
        assert len({(worker(seen), times(seen)) for seen in found}) == 1, attempt


def check_begun(exported: dict[Attempt, list[SeenSpan]], begun: list[dict[str, Any]]) -> None:
    """All that the tasks saw begin is there, on the worker where they saw it."""
    assert len({(line["key"], line["run_id"]) for line in begun}) == len(begun)
    for line in begun:
        found = exported[line["key"], line["run_id"]]
        assert found, line
        assert worker(found[0]) == line["worker"]


def check_account(exported: dict[Attempt, list[SeenSpan]], ended: list[dict[str, Any]]) -> None:
    """All that Dask was told of is there, in its threads and at its times."""
    for told in ended:
        (seen, *_) = exported[told["key"], told["run_id"]]
        assert worker(seen) == told["worker"]
        assert seen.attributes[names.THREAD_ID] == told["thread"]
        for found_ns, expected_s in zip(times(seen), (told["start"], told["stop"]), strict=True):
            assert abs(found_ns - round(expected_s * 1e9)) <= MICROSECOND_NS


def outcomes(exported: dict[Attempt, list[SeenSpan]], key: str) -> list[str]:
    return [
        found[0].attributes[names.TASK_OUTCOME]
        for (found_key, _), found in sorted(exported.items(), key=lambda item: item[0][1])
        if found_key.startswith(key)
    ]


@pytest.mark.e2e
@pytest.mark.parametrize(("way", "kind", "protocol"), CELLS)
def test_nothing_is_missing_and_nothing_comes_twice(
    way: str, kind: str, protocol: str, tmp_path: Path
) -> None:
    with SINKS[protocol]() as sink:
        run(WAYS[way], kind, tmp_path, sink, protocol)
    exported = attempts(sink)
    begun = [json.loads(line) for line in (tmp_path / "begun.jsonl").read_text().splitlines()]
    ended = json.loads((tmp_path / "account.json").read_text())
    check_once(exported)
    check_begun(exported, begun)
    check_account(exported, ended)

    known = {(line["key"], line["run_id"]) for line in (*begun, *ended)}
    for attempt in exported.keys() - known:
        (seen, *_) = exported[attempt]
        if seen.attributes[names.TASK_OUTCOME] == names.OUTCOME_RESCHEDULED:
            # Dask's P2P sends tasks elsewhere by itself, of which its account says nothing.
            assert seen.attributes[names.TASK_PREFIX].startswith("rechunk"), attempt
        else:  # assigned to a worker that went before it began
            assert seen.attributes[names.TASK_OUTCOME] == names.OUTCOME_LOST, attempt
            assert seen.attributes[names.TASK_EXECUTING] is False, attempt

    assert outcomes(exported, "unstable") == ["failed", "failed", "finished"]
    assert outcomes(exported, "hopeless") == ["failed"]
    assert outcomes(exported, "elsewhere") == ["rescheduled", "finished"]
    assert outcomes(exported, "unwanted") == ["cancelled"]
    if kind != "threads":
        assert outcomes(exported, "deadly") == ["lost", "finished"]
