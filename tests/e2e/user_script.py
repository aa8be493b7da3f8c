"""A user's script: it knows Dask and nothing of telemetry.

It writes down what happened in the folder named on its command line. `attempts.jsonl`: what the
tasks themselves saw, a line for each attempt. `dask.json`: Dask's own account at the end.
"""

from __future__ import annotations

import functools
import json
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
from dask.delayed import delayed
from distributed import Client, get_worker, wait

if TYPE_CHECKING:
    from collections.abc import Callable


def noted(folder: Path, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, writing a line for each time it runs in a task."""

    @functools.wraps(function)
    def run(*args: Any) -> Any:
        worker = get_worker()
        start_s = time.time() + worker.scheduler_delay
        is_done = False
        try:
            result = function(*args)
            is_done = True
            return result
        finally:
            attempt = {
                "key": str(worker.get_current_task()),
                "start_s": start_s,
                "end_s": time.time() + worker.scheduler_delay,
                "thread": threading.get_ident(),
                "worker": worker.address,
                "is_done": is_done,
            }
            with (folder / "attempts.jsonl").open("a") as file:
                file.write(json.dumps(attempt) + "\n")

    return run


def double(block: Any) -> Any:
    time.sleep(0.01)
    return block * 2


def inc(number: int) -> int:
    time.sleep(0.02)
    return number + 1


def unstable(tries: Path) -> int:
    """Fails twice, then is well."""
    with tries.open("a") as file:
        file.write("x")
    if tries.stat().st_size < 3:
        raise OSError("not yet <b>& never</b>")
    return 1


def hopeless() -> None:
    raise ValueError("never\nin this world")


def work(client: Client, folder: Path) -> None:
    """One submission: an array that is moved between workers, short tasks, two kinds of failure."""
    x = da.random.random((800, 800), chunks=(100, 800))
    y = x.map_blocks(noted(folder, double), dtype=x.dtype, meta=np.empty((0, 0)))
    task = functools.partial(delayed, pure=False)
    futures = client.compute(
        [
            y.rechunk((800, 100), method="tasks").sum(),
            *(task(noted(folder, inc))(i) for i in range(20)),
            task(noted(folder, unstable))(folder / "tries"),
            task(noted(folder, hopeless))(),
        ],
        retries=2,
    )
    wait(futures)
    assert [future.status for future in futures].count("error") == 1


def moved(client: Client, log: Callable[..., Any]) -> list[dict[str, Any]]:
    """What `log` says of the transfers of each worker."""
    return [
        {
            "worker": worker,
            "peer": entry["who"],
            "start": entry["start"],
            "stop": entry["stop"],
            "n_bytes": entry["total"],
        }
        for worker, entries in client.run(log).items()
        for entry in entries
    ]


def main() -> None:
    folder = Path(sys.argv[1])
    with Client() as client:
        client.get_task_stream()
        work(client, folder)
        attempts = [
            {"key": str(task["key"]), "worker": task["worker"], "thread": task["thread"], **spent}
            for task in client.get_task_stream()
            for spent in task["startstops"]
            if spent["action"] == "compute"
        ]
        account = {
            "attempts": attempts,
            "received": moved(client, lambda dask_worker: list(dask_worker.transfer_incoming_log)),
            "sent": moved(client, lambda dask_worker: list(dask_worker.transfer_outgoing_log)),
            "workers": list(client.nthreads()),
        }
        (folder / "dask.json").write_text(json.dumps(account))


if __name__ == "__main__":
    main()
