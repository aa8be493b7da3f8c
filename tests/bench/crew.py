"""Workers that say at once that they are done: `python -m tests.bench.crew SCHEDULER_FILE N`.

They take little of the machine, so that it is the scheduler that has no more to give. They speak
Dask's own protocol over its own comms; what they would compute they do not even unpickle.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from distributed.batched import BatchedSend
from distributed.comm.core import connect
from distributed.protocol import pickle

N_THREADS = 2
#: As long as a real worker waits before it sends what it has to say.
INTERVAL = "2ms"
#: What scheduler and page read of a worker's heartbeats.
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


def _finished(message: dict[str, Any], type_: bytes) -> dict[str, Any]:
    """What a real worker says of a task that has made a number."""
    now_s = time.time()
    return {
        "op": "task-finished",
        "key": message["key"],
        "run_id": message["run_id"],
        "nbytes": 28,
        "type": type_,
        "typename": "int",
        "metadata": {},
        "thread": 1,
        "startstops": [{"action": "compute", "start": now_s - 1e-3, "stop": now_s}],
        "stimulus_id": f"task-finished-{now_s}",
        "status": "OK",
    }


async def _work(scheduler: str, number: int) -> None:
    comm = await connect(scheduler, deserialize=False)
    await comm.write(_registration(f"crew-{number}", 1 + number), serializers=["msgpack"])
    await comm.read(deserializers=["msgpack"])
    stream = BatchedSend(interval=INTERVAL)
    stream.start(comm)
    type_ = pickle.dumps(int)
    while True:
        messages = await comm.read()
        done = [_finished(each, type_) for each in messages if each["op"] == "compute-task"]
        if done:
            stream.send(*done)


async def _crew(scheduler: str, n_workers: int) -> None:
    await asyncio.gather(*(_work(scheduler, number) for number in range(n_workers)))


if __name__ == "__main__":
    address = json.loads(Path(sys.argv[1]).read_text())["address"]
    asyncio.run(_crew(address, int(sys.argv[2])))
