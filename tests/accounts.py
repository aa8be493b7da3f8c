"""What a cluster has done: what it has sent, and what Dask itself says."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dask.array as da

from dask_otel import conventions as names
from tests.clusters import instrumented
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from distributed import Client

    from tests.sinks import GrpcSink, HttpSink, SeenSpan, Sink


@dataclass(frozen=True)
class Account:
    """A finished run: what was sent, and what Dask says."""

    sink: Sink
    stream: list[dict[str, Any]]
    transfers: dict[str, list[dict[str, Any]]]
    counts: dict[str, dict[str, int]]
    n_graphs: int

    def actions(self, action: str) -> list[SeenSpan]:
        return [seen for seen in self.sink.spans() if seen.attributes[names.ACTION] == action]

    def last_counts(self) -> dict[str, dict[str, int]]:
        return last_counts(self.sink)


def last_counts(sink: Sink) -> dict[str, dict[str, int]]:
    """The newest `dask.tasks` of each prefix and state, zeros left out."""
    newest: dict[tuple[str, str], int] = {}
    for point in sink.points():
        if point.metric == names.TASKS.name:
            where = point.attributes[names.TASK_PREFIX], point.attributes[names.TASK_STATE]
            newest[where] = int(point.value)
    found: dict[str, dict[str, int]] = {}
    for (prefix, state), count in newest.items():
        if count:
            found.setdefault(prefix, {})[state] = count
    return found


def scheduler_counts(client: Client) -> dict[str, dict[str, int]]:
    def count(dask_scheduler: Any) -> dict[str, dict[str, int]]:
        found = {}
        for name, prefix in dask_scheduler.task_prefixes.items():
            states = {state: n for state, n in prefix.states.items() if n and state != "forgotten"}
            if forgotten := prefix.state_counts["forgotten"]:
                states["forgotten"] = forgotten
            found[name] = states
        return found

    counts: dict[str, dict[str, int]] = client.run_on_scheduler(count)
    return counts


def work(client: Client, folder: Path) -> list[Any]:
    """Transfers, failures with and without success at last, odd keys, a slow task."""
    tries = folder / "tries"

    def unstable() -> int:
        with tries.open("a") as file:
            file.write("x")
        if len(tries.read_text()) < 3:
            raise OSError("not yet")
        return 1

    def hopeless(i: int) -> None:
        raise ValueError(f"never {i}")

    x = da.random.random((800, 800), chunks=(100, 800))
    array = client.compute((x + x.T).rechunk((800, 100)).sum())
    kept = [
        array,
        client.submit(unstable, retries=5, pure=False),
        client.submit(hopeless, 1, retries=2, pure=False),
        client.submit(time.sleep, 0.9),
        *(
            client.submit(lambda: 1, key=key)
            for key in (("tuple-key", 1, "é"), "line\nbreak", "<b>&amp;", "日本語", "k" * 10_000)
        ),
    ]
    wait_for(lambda: all(future.done() for future in kept))
    return kept


def account(
    monkeypatch: pytest.MonkeyPatch,
    make_sink: type[HttpSink] | type[GrpcSink],
    protocol: str,
    folder: Path,
    *,
    processes: bool,
) -> Account:
    """Let a cluster of two workers work, and take down what is said of it."""
    with (
        make_sink() as sink,
        instrumented(
            monkeypatch, sink.endpoint, protocol, n_workers=2, processes=processes
        ) as client,
    ):
        client.get_task_stream()
        kept = work(client, folder)
        counts = scheduler_counts(client)
        wait_for(lambda: last_counts(sink) == counts)
        transfers = client.run(lambda dask_worker: list(dask_worker.transfer_incoming_log))
        stream = list(client.get_task_stream())
        n_graphs = client.run_on_scheduler(
            lambda dask_scheduler: len(dask_scheduler.extensions["spans"].spans)
        )
        del kept
    return Account(sink, stream, transfers, counts, n_graphs)
