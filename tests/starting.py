"""Attempts of clusters that are started in one way or another, and who has sent them."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections import Counter
from typing import TYPE_CHECKING

from dask_otel import conventions as names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from distributed import Client

    from tests.sinks import Sink

N_TASKS = 6
PRELOADS = {
    "DASK_DISTRIBUTED__SCHEDULER__PRELOAD": "dask_otel",
    "DASK_DISTRIBUTED__WORKER__PRELOAD": "dask_otel",
}
#: Keeps out what starts it because it is installed, and what would start it because it is set.
HIDDEN = "distributed: {scheduler: {preload: []}, worker: {preload: []}, client: {preload: []}}"


def attempts(sink: Sink, prefix: str = "abs") -> Counter[str]:
    """How often each attempt was sent, by key."""
    return Counter(
        seen.attributes[names.TASK_KEY]
        for seen in sink.spans()
        if seen.attributes.get(names.TASK_PREFIX) == prefix
        and seen.attributes.get(names.ACTION) == names.ACTION_COMPUTE
    )


def senders(sink: Sink, service: str) -> set[str]:
    """Instances of a service that have sent anything."""
    return {
        point.resource["service.instance.id"]
        for point in sink.points()
        if point.resource["service.name"] == service
    }


def compute(client: Client, function: Callable[[int], int] = abs, n_tasks: int = N_TASKS) -> None:
    """Tasks on every worker of the cluster."""
    client.gather(client.map(function, range(-n_tasks, 0), pure=False))


def all_once(sink: Sink) -> bool:
    found = attempts(sink)
    return len(found) == N_TASKS and set(found.values()) == {1}


@contextlib.contextmanager
def started(
    *command: str, environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs until the end, and then ends well."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        yield process
        process.send_signal(signal.SIGINT)
        process.wait(30)
    finally:
        process.kill()
        process.wait()
