"""Parts of an attempt lie inside of it, however the correction of its worker's clock changes."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from typing import TYPE_CHECKING, Any

import dask
import numpy as np
import pytest
from dask import array as da
from distributed import get_worker, wait

from dask_otel import conventions as names
from tests.clusters import MEMORY_LIMIT, MIB, ROUNDED_NS, SPILLING, instrumented
from tests.sinks import HttpSink, SeenSpan
from tests.waiting import wait_for

if TYPE_CHECKING:
    from distributed import Client, Worker

pytestmark = pytest.mark.cluster

SETTINGS = {
    **SPILLING,
    "array.rechunk.method": "p2p",
    "array.chunk-size": "512 KiB",
}
#: Between two workers, or there would be nothing to unpickle.
TCP: dict[str, Any] = {"host": "tcp://127.0.0.1", "threads_per_worker": 1, "n_workers": 2}
#: Seconds by which a correction differs from the one before.
LEAST_S, MOST_S = 1.0, 50.0


class Slow:
    """A value that takes 20 ms to be unpickled, which is enough to be told."""

    def __reduce__(self) -> Any:
        return wake, ()


def wake() -> Slow:
    time.sleep(0.02)
    return Slow()


def wander(dask_worker: Worker) -> None:
    """From now on the worker measures another distance to the scheduler's clock all the time."""

    async def measure() -> None:
        while True:
            step_s = random.uniform(LEAST_S, MOST_S)
            nearer = dask_worker.scheduler_delay > 0
            dask_worker.scheduler_delay += -step_s if nearer else step_s
            await asyncio.sleep(0.001)

    dask_worker._wandering = asyncio.create_task(measure())  # type: ignore[attr-defined]


def stay(dask_worker: Worker) -> None:
    dask_worker._wandering.cancel()  # type: ignore[attr-defined]


def make(number: int) -> bytes:
    time.sleep(0.01)
    return bytes([number]) * (2 * MIB)


def look(value: Any, *_: Any) -> int:
    time.sleep(0.01)
    return len(value) if isinstance(value, bytes) else 0


def look_up(key: str, _: Any) -> int:
    """Ask for what was spilled, in the thread of a task."""
    time.sleep(0.01)
    found = len(get_worker().data[key])  # type: ignore[arg-type]
    time.sleep(0.01)
    return found


def work(client: Client) -> None:
    here, there = client.scheduler_info(n_workers=2)["workers"]
    made = [client.submit(make, number, key=f"make-{number}", workers=here) for number in range(6)]
    wait(made)
    for number, where in ((0, here), (1, there), (2, there)):
        client.submit(look, made[number], key=f"look-{number}", workers=where).result()
    asked = client.submit(look_up, "make-3", made[5], key="look_up", workers=here)
    assert asked.result() == 2 * MIB
    slow = client.submit(wake, key="wake", workers=here)
    client.submit(look, slow, key="look-slow", workers=there).result()
    client.submit(look, 0, Slow(), key="look-given", workers=there).result()
    array = da.ones((600, 600), chunks=(100, 600))
    np.testing.assert_array_equal(array.rechunk((600, 120)).compute(), np.ones((600, 600)))


def times(seen: SeenSpan) -> tuple[int, int]:
    return seen.span.start_time_unix_nano, seen.span.end_time_unix_nano


@pytest.fixture(scope="module")
def seen() -> Any:
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        dask.config.set(SETTINGS),
        HttpSink() as sink,
        instrumented(monkeypatch, sink.endpoint, memory_limit=MEMORY_LIMIT, **TCP) as client,
    ):
        client.run(wander)
        work(client)
        client.run(stay)
    return sink.spans()


def parts(seen: list[SeenSpan], *actions: str) -> list[tuple[SeenSpan, SeenSpan]]:
    """What has an attempt as its parent, and that one."""
    attempts = {
        found.span.span_id: found
        for found in seen
        if found.attributes[names.ACTION] == names.ACTION_COMPUTE
    }
    return [
        (part, attempts[part.span.parent_span_id])
        for part in seen
        if part.attributes[names.ACTION] in actions and part.span.parent_span_id in attempts
    ]


def test_what_comes_before_an_attempt_ends_before_it(seen: list[SeenSpan]) -> None:
    found = parts(seen, names.ACTION_TRANSFER, names.ACTION_DESERIALIZE)
    keys = {attempt.attributes[names.TASK_KEY] for _, attempt in found}
    assert keys >= {"look-1", "look-2", "look-slow", "look-given"}
    actions = {part.attributes[names.ACTION] for part, _ in found}
    assert actions == {names.ACTION_TRANSFER, names.ACTION_DESERIALIZE}
    for part, attempt in found:
        if attempt.attributes[names.TASK_KEY] == "look_up":
            continue  # it unpickles in its own thread what it has read
        began_ns, _ = times(attempt)
        assert began_ns - 10**9 < times(part)[1] <= began_ns + ROUNDED_NS, (part, attempt)


def test_what_is_unpickled_of_a_batch_lies_within_it(seen: list[SeenSpan]) -> None:
    found = parts(seen, names.ACTION_TRANSFER, names.ACTION_DESERIALIZE)
    of = [part for part, attempt in found if attempt.attributes[names.TASK_KEY] == "look-slow"]
    transfer, unpickled = sorted(of, key=lambda part: part.attributes[names.ACTION], reverse=True)
    assert times(transfer)[0] <= times(unpickled)[0]
    assert times(transfer)[1] == times(unpickled)[1]


def test_what_is_read_and_written_for_an_attempt_lies_near_it(seen: list[SeenSpan]) -> None:
    reads = parts(seen, names.ACTION_DISK_READ)
    writes = parts(seen, names.ACTION_DISK_WRITE)
    assert len(writes) >= 3
    keys = {attempt.attributes[names.TASK_KEY] for _, attempt in reads}
    assert keys >= {"look-0", "look_up"}
    assert any(names.SHUFFLE_ID in part.attributes for part, _ in reads)
    for part, attempt in reads:
        began_ns, ended_ns = times(attempt)
        if part.attributes[names.THREAD_ID] == attempt.attributes[names.THREAD_ID]:
            assert began_ns <= times(part)[0], (part, attempt)
            assert times(part)[1] <= ended_ns, (part, attempt)
        else:  # on the event loop, before it
            assert began_ns - 10**9 < times(part)[1] <= began_ns + ROUNDED_NS, (part, attempt)
    for part, attempt in writes:
        began_ns, ended_ns = times(attempt)
        if attempt.attributes[names.TASK_KEY].startswith("make"):  # to store its result
            assert ended_ns - ROUNDED_NS <= times(part)[0] < ended_ns + 10**9, (part, attempt)


def delay_some(dask_worker: Worker) -> None:
    """Every other heartbeat waits for 300 ms before it is sent: Dask errs by half of that."""
    numbers = itertools.count()

    async def measure(_: Worker) -> int:
        number = next(numbers)
        await asyncio.sleep(0.3 * (number % 2))
        return number

    dask_worker.metrics["slow"] = measure


def slow_heartbeats(client: Client) -> int:
    (worker,) = client.scheduler_info()["workers"].values()
    return int(worker["metrics"].get("slow", 0))


def test_tasks_of_a_thread_follow_each_other_though_heartbeats_take_long(
    monkeypatch: pytest.MonkeyPatch, sink: HttpSink
) -> None:
    with instrumented(monkeypatch, sink.endpoint, threads_per_worker=1) as client:
        client.run(delay_some)
        # Of both kinds one has come.
        wait_for(lambda: slow_heartbeats(client) >= 3)
        client.gather(client.map(lambda _: time.sleep(0.1), range(60)))
    found = sorted(
        times(seen)
        for seen in sink.spans()
        if seen.attributes[names.ACTION] == names.ACTION_COMPUTE
    )
    assert len(found) == 60
    assert max(before[1] - after[0] for before, after in itertools.pairwise(found)) < 20_000_000
