"""Workers that only pretend to work, and a client that never lets a scheduler run out of tasks.

Both are processes beside the scheduler. The workers take little of the machine, so that it is the
scheduler that has no more to give: they speak Dask's own protocol over its own comms, and what they
would compute they do not even unpickle.
"""

from __future__ import annotations

import asyncio
import time
import warnings
from collections import deque
from typing import Any
from uuid import uuid4

import dask
from distributed import Client, wait
from distributed.batched import BatchedSend
from distributed.comm.core import connect
from distributed.protocol import pickle
from distributed.versions import VersionMismatchWarning

N_WORKERS = 8
N_THREADS = 2
#: Tasks of a graph, and how many graphs there are at a time.
N_TASKS = 1_000
N_GRAPHS = 3
#: As long as a real worker waits before it sends what it has to say.
INTERVAL = "2ms"
_TYPE = pickle.dumps(int)
#: What the scheduler reads of a worker's heartbeats.
METRICS: dict[str, Any] = {
    "cpu": 0.0,
    "memory": 0,
    "managed_bytes": 0,
    "num_fds": 0,
    "time": 0.0,
    "event_loop_interval": 0.02,
    "spilled_bytes": {"memory": 0, "disk": 0},
    "bandwidth": {"total": 1e8, "workers": {}, "types": {}},
    "digests_total_since_heartbeat": {},
    "task_counts": {},
    "host_net_io": {"read_bps": 0.0, "write_bps": 0.0},
    "host_disk_io": {"read_bps": 0.0, "write_bps": 0.0},
    "transfer": {
        f"{way}_{what}": 0
        for way in ("incoming", "outgoing")
        for what in ("bytes", "count", "count_total")
    },
}


def _registration(name: str, port: int) -> dict[str, Any]:
    return {
        "op": "register-worker",
        "reply": False,
        "address": f"tcp://127.0.0.1:{port}",
        "status": "running",
        "nthreads": N_THREADS,
        "name": name,
        "now": time.time(),
        "resources": {},
        "memory_limit": 0,
        "local_directory": "",
        "services": {},
        "nanny": None,
        "pid": 0,
        "versions": {},
        "metrics": METRICS,
        "extra": {},
        "stimulus_id": "crew",
        "server_id": f"Worker-{uuid4()}",
    }


def _end(stream: BatchedSend, message: dict[str, Any], task_s: float) -> None:
    """Say what a real worker says of a task that has made a number."""
    now_s = time.time()
    stream.send(
        {
            "op": "task-finished",
            "key": message["key"],
            "run_id": message["run_id"],
            "nbytes": 28,
            "type": _TYPE,
            "typename": "int",
            "metadata": {},
            "thread": 1,
            "startstops": [{"action": "compute", "start": now_s - task_s, "stop": now_s}],
            "stimulus_id": f"task-finished-{now_s}",
            "status": "OK",
        }
    )


async def _work(scheduler: str, number: int, task_s: float) -> None:
    comm = await connect(scheduler, deserialize=False)
    await comm.write(_registration(f"crew-{number}", 1 + number), serializers=["msgpack"])
    await comm.read(deserializers=["msgpack"])
    stream = BatchedSend(interval=INTERVAL)
    stream.start(comm)
    loop = asyncio.get_running_loop()
    free_s = [loop.time()] * N_THREADS
    while True:
        for message in await comm.read():
            if message["op"] == "compute-task":
                thread = free_s.index(min(free_s))
                free_s[thread] = max(loop.time(), free_s[thread]) + task_s
                loop.call_at(free_s[thread], _end, stream, message, task_s)


async def _work_together(scheduler: str, task_s: float) -> None:
    await asyncio.gather(*(_work(scheduler, number, task_s) for number in range(N_WORKERS)))


def work(scheduler: str, task_s: float) -> None:
    """Be all workers, of which each thread takes `task_s` for a task."""
    asyncio.run(_work_together(scheduler, task_s))


def inc(number: int) -> int:
    """The task."""
    return number + 1


def ask(scheduler: str) -> None:
    """Be the client, which nobody instruments."""
    warnings.simplefilter("ignore", VersionMismatchWarning)  # of the crew, which has none
    with dask.config.set({"distributed.client.preload": []}), Client(scheduler) as client:
        graphs: deque[Any] = deque()
        while True:
            graphs.append(client.map(inc, range(N_TASKS), pure=False))
            if len(graphs) >= N_GRAPHS:
                wait(graphs.popleft())
