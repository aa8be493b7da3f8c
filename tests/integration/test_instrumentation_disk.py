"""Spilling and unspilling, whoever caused it, on real clusters, against Dask's own counters."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import pytest
from dask.utils import format_bytes
from distributed import Worker, get_worker, wait

from dask_otel import conventions as names
from dask_otel import correlate
from tests.clusters import (
    BY_MEMORY_MONITOR,
    MEMORY_LIMIT,
    MIB,
    ROUNDED_NS,
    SPILLING,
    instrumented,
)
from tests.waiting import wait_for

if TYPE_CHECKING:
    from distributed import Client

    from tests.sinks import SeenSpan, Sink

pytestmark = pytest.mark.cluster


def disk(sink: Sink, action: str) -> list[SeenSpan]:
    return [seen for seen in sink.spans() if seen.attributes[names.ACTION] == action]


def by_key(spans: list[SeenSpan]) -> dict[str, SeenSpan]:
    found = {seen.attributes[names.TASK_KEY]: seen for seen in spans}
    assert len(found) == len(spans)
    return found


def make(number: int, n_bytes: int = 2 * MIB) -> bytes:
    return bytes([number]) * n_bytes


def first_byte(value: bytes) -> int:
    return value[0]


def counters(client: Client) -> Counter[tuple[str, str]]:
    """What the workers' buffers have counted by themselves."""

    def read(dask_worker: Worker) -> dict[tuple[str, str], float]:
        return dict(dask_worker.data.cumulative_metrics)  # type: ignore[attr-defined]

    total: Counter[tuple[str, str]] = Counter()
    for one in client.run(read).values():
        total.update(one)
    return total


def assert_same_as_dask(sink: Sink, counted: Counter[tuple[str, str]]) -> None:
    for action in (names.ACTION_DISK_WRITE, names.ACTION_DISK_READ):
        spans = [seen for seen in disk(sink, action) if names.DISK_BYTES in seen.attributes]
        assert len(spans) == counted[action, "count"]
        assert sum(seen.attributes[names.DISK_BYTES] for seen in spans) == counted[action, "bytes"]
        spent_s = sum(
            (seen.span.end_time_unix_nano - seen.span.start_time_unix_nano) / 1e9 for seen in spans
        )
        assert spent_s >= counted[action, "seconds"] * 0.98 - 2e-6 * len(spans)


@pytest.mark.parametrize("processes", [False, True])
def test_results_are_spilled_and_read_back(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, processes: bool
) -> None:
    with (
        dask.config.set(SPILLING),
        instrumented(
            monkeypatch,
            sink.endpoint,
            memory_limit=MEMORY_LIMIT,
            processes=processes,
            threads_per_worker=1,
        ) as client,
    ):
        made = [client.submit(make, number, key=f"make-{number}") for number in range(6)]
        wait(made)
        used = client.submit(first_byte, made[0], key="use-0")
        assert used.result() == 0
        counted = counters(client)
        _, run_id = client.run_on_scheduler(_run_ids, ["make-5", "use-0"])
    writes = disk(sink, names.ACTION_DISK_WRITE)
    reads = by_key(disk(sink, names.ACTION_DISK_READ))
    assert_same_as_dask(sink, counted)
    assert {seen.attributes[names.TASK_KEY] for seen in writes} >= {f"make-{n}" for n in range(4)}
    assert {seen.attributes[names.DISK_CAUSE] for seen in writes} == {names.DISK_CAUSE_TASK}

    attempts = by_key(disk(sink, names.ACTION_COMPUTE))
    read = reads["make-0"]
    assert read.attributes[names.DISK_CAUSE] == names.DISK_CAUSE_TASK
    assert read.attributes[names.DISK_BYTES] > 2 * MIB
    assert read.span.parent_span_id == attempts["use-0"].span.span_id
    assert read.span.parent_span_id == correlate.attempt_span_id("use-0", run_id)
    assert read.span.trace_id == attempts["use-0"].span.trace_id
    there_ns = attempts["use-0"].span.start_time_unix_nano
    assert read.span.end_time_unix_nano <= there_ns + ROUNDED_NS
    parents = {attempts[key].span.span_id: key for key in attempts}
    # Each was written to make room for a later one: a result, or what `use-0` has read.
    for seen in writes:
        assert parents[seen.span.parent_span_id] > seen.attributes[names.TASK_KEY]


def _run_ids(keys: list[str], dask_scheduler: Any) -> list[int]:
    return [dask_scheduler.tasks[key].run_id for key in keys]


def test_the_memory_monitor_spills_with_no_task(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    with (
        dask.config.set(BY_MEMORY_MONITOR),
        instrumented(monkeypatch, sink.endpoint, memory_limit=MEMORY_LIMIT) as client,
    ):
        made = [client.submit(make, number, key=f"make-{number}") for number in range(3)]
        wait(made)
        wait_for(lambda: len(disk(sink, names.ACTION_DISK_WRITE)) == 3)
        counted = counters(client)
    assert_same_as_dask(sink, counted)
    attempts = by_key(disk(sink, names.ACTION_COMPUTE))
    for key, seen in by_key(disk(sink, names.ACTION_DISK_WRITE)).items():
        assert seen.attributes[names.DISK_CAUSE] == names.DISK_CAUSE_MEMORY_MONITOR
        assert seen.span.trace_id == attempts[key].span.trace_id
        assert seen.span.parent_span_id == attempts[key].span.parent_span_id
    rounds = [log for log in sink.logs() if log.event_name == names.EVENT_SPILL]
    assert sum(log.attributes[names.EVENT_TASK_COUNT] for log in rounds) == 3
    assert sum(log.attributes[names.DISK_BYTES] for log in rounds) == counted["disk-write", "bytes"]
    size = format_bytes(rounds[0].attributes[names.DISK_BYTES])
    assert f", {size} on disk, " in rounds[0].body


def test_a_peer_that_asks_makes_a_worker_read(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    with (
        dask.config.set(SPILLING),
        instrumented(monkeypatch, sink.endpoint, memory_limit=MEMORY_LIMIT, n_workers=2) as client,
    ):
        here, there = client.scheduler_info(n_workers=2)["workers"]
        made = client.submit(make, 7, 6 * MIB, key="make-7", workers=here)
        wait(made)
        assert client.submit(first_byte, made, key="use-7", workers=there).result() == 7
    attempts = by_key(disk(sink, names.ACTION_COMPUTE))
    writes = {
        seen.resource[names.WORKER_ADDRESS]: seen for seen in disk(sink, names.ACTION_DISK_WRITE)
    }
    reads = {
        seen.resource[names.WORKER_ADDRESS]: seen for seen in disk(sink, names.ACTION_DISK_READ)
    }
    assert reads[here].attributes[names.DISK_CAUSE] == names.DISK_CAUSE_TRANSFER
    assert reads[here].span.trace_id == attempts["make-7"].span.trace_id
    assert writes[here].span.parent_span_id == attempts["make-7"].span.span_id
    # It is larger than all of the memory there, too: written when it came, read for its task.
    assert writes[there].attributes[names.DISK_CAUSE] == names.DISK_CAUSE_TRANSFER
    assert set(reads) <= {here, there}


def test_user_code_that_reads_in_its_thread(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    def look() -> int:
        return get_worker().data["make-1"][0]  # type: ignore[index,no-any-return]

    with (
        dask.config.set(SPILLING),
        instrumented(monkeypatch, sink.endpoint, memory_limit=MEMORY_LIMIT) as client,
    ):
        made = client.submit(make, 1, 6 * MIB, key="make-1")
        wait(made)
        assert client.submit(look, key="look").result() == 1
    (read,) = disk(sink, names.ACTION_DISK_READ)
    attempt = by_key(disk(sink, names.ACTION_COMPUTE))["look"]
    assert read.span.parent_span_id == attempt.span.span_id
    assert read.attributes[names.THREAD_ID] == attempt.attributes[names.THREAD_ID]


def test_unpickling_that_takes_long_follows_the_reading(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    def many() -> list[str]:
        return [str(number) for number in range(200_000)]

    with (
        dask.config.set({**SPILLING, "distributed.worker.memory.target": 1e-6}),
        instrumented(monkeypatch, sink.endpoint, memory_limit=MEMORY_LIMIT) as client,
    ):
        made = client.submit(many, key="many")
        assert client.submit(len, made, key="use").result() == 200_000
        counted = counters(client)
    (read,) = disk(sink, names.ACTION_DISK_READ)
    (found,) = disk(sink, names.ACTION_DESERIALIZE)
    assert found.attributes[names.TASK_KEY] == "many"
    assert names.DISK_CAUSE not in found.attributes
    assert found.span.parent_span_id == read.span.parent_span_id
    assert found.span.start_time_unix_nano == read.span.end_time_unix_nano
    spent_s = (found.span.end_time_unix_nano - found.span.start_time_unix_nano) / 1e9
    assert spent_s == pytest.approx(counted["deserialize", "seconds"], abs=2e-6)


class Unpicklable:
    def __init__(self, text: str) -> None:
        self.text = text

    def __sizeof__(self) -> int:
        return 8 * MIB

    def __reduce__(self) -> Any:
        raise RuntimeError("never on disk")


@pytest.mark.parametrize("fault", ["no directory", "limit reached"])
def test_what_cannot_be_written_stays_in_memory(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, fault: str
) -> None:
    def remove_directory(dask_worker: Worker) -> None:
        shutil.rmtree(Path(dask_worker.local_directory) / "storage")

    limit = {"distributed.worker.memory.max-spill": MIB} if fault == "limit reached" else {}
    with (
        dask.config.set({**SPILLING, **limit}),
        instrumented(monkeypatch, sink.endpoint, memory_limit=MEMORY_LIMIT) as client,
    ):
        if fault == "no directory":
            client.run(remove_directory)
        made = [client.submit(make, number, key=f"make-{number}") for number in range(4)]
        assert client.gather(made) == [make(number) for number in range(4)]
        counted = counters(client)
    failed = disk(sink, names.ACTION_DISK_WRITE)
    expected = "FileNotFoundError" if fault == "no directory" else "MaxSpillExceeded"
    assert failed
    assert {seen.attributes[names.ERROR_TYPE] for seen in failed} == {expected}
    assert {names.DISK_BYTES in seen.attributes for seen in failed} == {False}
    assert counted["disk-write", "count"] == 0


def test_what_cannot_be_pickled_fails_as_without_us(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    with (
        dask.config.set(SPILLING),
        instrumented(monkeypatch, sink.endpoint, memory_limit=MEMORY_LIMIT) as client,
    ):
        with pytest.raises(TypeError, match="Failed to pickle 'bad'"):
            client.submit(Unpicklable, "x", key="bad").result()
        assert client.submit(first_byte, b"1", key="after").result() == ord("1")
    (failed,) = disk(sink, names.ACTION_DISK_WRITE)
    assert failed.attributes[names.TASK_KEY] == "bad"
    assert failed.attributes[names.DISK_CAUSE] == names.DISK_CAUSE_TASK
    assert names.ERROR_TYPE in failed.attributes


@pytest.mark.parametrize("data", ["no limit", "own mapping"])
def test_other_data_of_a_worker_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, data: str
) -> None:
    options: dict[str, Any] = (
        {"memory_limit": 0} if data == "no limit" else {"data": dict, "memory_limit": MEMORY_LIMIT}
    )
    with instrumented(monkeypatch, sink.endpoint, **options) as client:
        assert client.submit(make, 3, key="make").result() == make(3)
        kinds = client.run(lambda dask_worker: type(dask_worker.data).__name__)
    assert set(kinds.values()) == {"dict"}
    assert disk(sink, names.ACTION_COMPUTE)
    assert disk(sink, names.ACTION_DISK_WRITE) == []
