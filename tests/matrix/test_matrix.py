"""Every way to start it, kind of cluster and protocol: no attempt is missing, none comes twice."""

from __future__ import annotations

import json
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from dask_otel import conventions as names
from tests.matrix.ways import WAYS, run
from tests.sinks import GrpcSink, HttpSink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from tests.sinks import SeenSpan, Sink

KINDS = ("processes", "threads", "no-nanny")
SINKS: dict[str, type[HttpSink] | type[GrpcSink]] = {"http/protobuf": HttpSink, "grpc": GrpcSink}
#: A flag belongs to a command.
PARAMETERS = ("way", "kind", "protocol")
CELLS = [
    (way, kind, protocol)
    for way in WAYS
    for kind in KINDS
    for protocol in SINKS
    if way != "flag" or kind == "no-nanny"
]
MICROSECOND_NS = 1_000
UNTOLD = {names.OUTCOME_CANCELLED, names.OUTCOME_RESCHEDULED}

N_AT_ONCE = 2

Attempt = tuple[str, int]
Cell = tuple[str, str, str]


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
    """An attempt is one span; the scheduler may repeat what a killed worker has sent.

    Of one that was given up, or has asked to be run elsewhere, nobody tells it the times.
    """
    for attempt, found in exported.items():
        assert len({seen.span.span_id for seen in found}) == 1, attempt
        services = sorted(seen.resource[names.SERVICE_NAME] for seen in found)
        assert services in (
            [names.SERVICE_WORKER],
            [names.SERVICE_SCHEDULER],
            [names.SERVICE_SCHEDULER, names.SERVICE_WORKER],
        ), attempt
        assert len({worker(seen) for seen in found}) == 1, attempt
        if found[0].attributes[names.TASK_OUTCOME] not in UNTOLD:
            assert len({times(seen) for seen in found}) == 1, attempt


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


def check_unknown(seen: SeenSpan, ended: list[dict[str, Any]]) -> None:
    """An attempt of which neither tasks nor Dask's account tell: it got to no line of the task."""
    outcome = seen.attributes[names.TASK_OUTCOME]
    if outcome == names.OUTCOME_RESCHEDULED:
        # Dask's P2P sends tasks elsewhere by itself, of which its account says nothing.
        assert seen.attributes[names.TASK_PREFIX].startswith("rechunk")
        return
    if outcome == names.OUTCOME_LOST and not seen.attributes[names.TASK_EXECUTING]:
        return  # assigned to a worker that went before it began
    # A thread was handed it in the last moments of its process: what is computed again after a
    # loss is given up by the restart.
    assert outcome in (names.OUTCOME_LOST, names.OUTCOME_CANCELLED)
    _, end_ns = times(seen)
    same = [told for told in ended if told["worker"] == worker(seen)]
    assert all(told["start"] * 1e9 <= end_ns for told in same), "its worker went on"


def outcomes(exported: dict[Attempt, list[SeenSpan]], key: str) -> list[str]:
    return [
        found[0].attributes[names.TASK_OUTCOME]
        for (found_key, _), found in sorted(exported.items(), key=lambda item: item[0][1])
        if found_key.startswith(key)
    ]


@dataclass(frozen=True)
class Outcome:
    """What came of a cell: what was sent, what the tasks saw, what Dask was told."""

    exported: dict[Attempt, list[SeenSpan]]
    begun: list[dict[str, Any]]
    ended: list[dict[str, Any]]


def outcome(way: str, kind: str, protocol: str, folder: Path) -> Outcome:
    """Run one cell."""
    with SINKS[protocol]() as sink:
        run(WAYS[way], kind, folder, sink, protocol)
    lines = (folder / "begun.jsonl").read_text().splitlines()
    ended = json.loads((folder / "account.json").read_text())
    return Outcome(attempts(sink), [json.loads(line) for line in lines], ended)


@pytest.fixture(scope="module")
def outcomes_by_cell(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Cell, Future[Outcome]]]:
    """Of all cells that are asked for, `N_AT_ONCE` at a time: each mostly waits."""
    chosen = [
        item.callspec.params
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.module is request.module
    ]
    cells = [cell for cell in CELLS if dict(zip(PARAMETERS, cell, strict=True)) in chosen]
    pool = ThreadPoolExecutor(N_AT_ONCE)
    yield {
        cell: pool.submit(outcome, *cell, tmp_path_factory.mktemp("-".join(cell[:2])))
        for cell in cells
    }
    pool.shutdown(cancel_futures=True)


@pytest.mark.e2e
@pytest.mark.parametrize(PARAMETERS, CELLS)
def test_nothing_is_missing_and_nothing_comes_twice(
    way: str, kind: str, protocol: str, outcomes_by_cell: dict[Cell, Future[Outcome]]
) -> None:
    found = outcomes_by_cell[way, kind, protocol].result()
    exported, begun, ended = found.exported, found.begun, found.ended
    check_once(exported)
    check_begun(exported, begun)
    check_account(exported, ended)

    known = {(line["key"], line["run_id"]) for line in (*begun, *ended)}
    for attempt in exported.keys() - known:
        check_unknown(exported[attempt][0], ended)

    assert outcomes(exported, "unstable") == ["failed", "failed", "finished"]
    assert outcomes(exported, "hopeless") == ["failed"]
    assert outcomes(exported, "elsewhere") == ["rescheduled", "finished"]
    assert outcomes(exported, "unwanted") == ["cancelled"]
    if kind != "threads":
        assert outcomes(exported, "deadly") == ["lost", "finished"]
