"""A user's script with all that can happen to a task: it knows Dask and nothing of telemetry.

    busy_script.py FOLDER processes|threads|tcp://SCHEDULER [wait]

It writes down what happened in FOLDER. `begun.jsonl`: a line of each attempt when it begins.
`account.json`: what Dask's scheduler was told of attempts that ended. With `wait`, it prints the
address of its scheduler and starts to work when it can read a line.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import dask.array as da
from distributed import Client, LocalCluster, Reschedule, get_client, get_worker, wait
from distributed.diagnostics.plugin import SchedulerPlugin

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Scheduler, Worker

FOLDER = Path(sys.argv[1])
#: Little enough of 1 GiB that the results of `block` spill.
CONFIG = {
    "distributed.worker.memory.target": 0.01,
    "distributed.worker.memory.spill": 0.02,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.scheduler.allowed-failures": 5,
    "distributed.admin.low-level-log-length": 0,
    "distributed.comm.timeouts.connect": "10s",
}


class Account(SchedulerPlugin):
    """Dask's own account of attempts that ended: what its task stream is made of."""

    name = "account"

    def __init__(self) -> None:
        self.ended: list[dict[str, Any]] = []

    async def start(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def transition(self, key: Any, start: str, finish: str, *_: Any, **told: Any) -> None:
        if start == "processing" and told.get("startstops"):
            spent = [found for found in told["startstops"] if found["action"] == "compute"]
            self.ended.append(
                {
                    "key": str(key),
                    "run_id": self._scheduler.tasks[key].run_id,
                    "worker": told["worker"],
                    "thread": told["thread"],
                    "start": spent[-1]["start"],
                    "stop": spent[-1]["stop"],
                }
            )


def begin(key: Any = None) -> None:
    """Write down that an attempt has begun; a coroutine has to say which."""
    worker = get_worker()
    task = worker.state.tasks[worker.get_current_task() if key is None else key]
    line = {"key": str(task.key), "run_id": task.run_id, "worker": worker.address}
    with (FOLDER / "begun.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


def noted(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def run(*args: Any) -> Any:
        begin()
        return function(*args)

    return run


def first_time(name: str) -> bool:
    """Whether nobody has asked this of `name` before."""
    try:
        os.close(os.open(FOLDER / name, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


@noted
def inc(number: int) -> int:
    return number + 1


@noted
def add(*numbers: int) -> int:
    return sum(numbers)


@noted
def slow(seconds: float, *_: Any) -> float:
    time.sleep(seconds)
    return seconds


@noted
def unstable(name: str) -> int:
    if first_time(f"{name}-1") or first_time(f"{name}-2"):
        raise OSError("not yet <b>& never</b>")
    return 1


@noted
def hopeless() -> None:
    raise ValueError("never\nin this world")


@noted
def elsewhere(name: str) -> int:
    if first_time(name):
        raise Reschedule
    return 1


@noted
def deadly(name: str) -> int:
    if first_time(name):
        time.sleep(0.3)  # what its worker has finished before may be on its way by then, or not
        os._exit(1)
    return 1


@noted
def held(name: str) -> None:
    """Runs until the file of that name is there."""
    while not (FOLDER / name).exists():
        time.sleep(0.01)


@noted
def block(number: int) -> bytes:
    return bytes([number]) * 4_000_000


@noted
def length(*blocks: bytes) -> int:
    return sum(map(len, blocks))


@noted
def nested(number: int) -> int:
    return int(get_client().submit(inc, number, key=f"nested-inc-{number}").result())


async def coroutine(key: str) -> str:
    begin(key)
    await asyncio.sleep(0.05)
    return key


def has_given_up(key: str, dask_worker: Worker) -> bool:
    """Whether a worker knows that nobody wants a task any more that it runs."""
    task = dask_worker.state.tasks.get(key)
    return task is not None and task.state == "cancelled"


def graphs(client: Client) -> None:
    """Dependencies across workers, coroutines, nested graphs, and a P2P rechunk."""
    first = client.map(inc, range(12), pure=False)
    total = client.submit(add, *first, pure=False)
    keys = [f"coroutine-{number}" for number in range(4)]
    others = [client.submit(coroutine, key, key=key) for key in keys]
    others += [client.submit(nested, number, pure=False) for number in range(2)]
    wait([total, *others])
    array = da.ones((60, 60), chunks=(15, 60)).rechunk((60, 15), method="p2p")
    assert array.sum().compute() == 3_600


def failures(client: Client) -> None:
    """Retried, final, rescheduled, and cancelled while it runs."""
    retried = client.submit(unstable, "unstable", retries=3, pure=False)
    final = client.submit(hopeless, pure=False)
    moved = client.submit(elsewhere, "elsewhere", pure=False)
    unwanted = client.submit(held, "enough", key="unwanted")
    while "unwanted" not in (FOLDER / "begun.jsonl").read_text():
        time.sleep(0.01)
    unwanted.cancel()
    while not any(client.run(has_given_up, "unwanted").values()):
        time.sleep(0.01)
    (FOLDER / "enough").touch()
    wait([retried, final, moved])
    assert (retried.status, final.status, moved.status) == ("finished", "error", "finished")


def pressure(client: Client) -> None:
    """Results that have to spill and come back, and more work on one worker than it can do."""
    victim = next(iter(client.nthreads()))
    blocks = client.map(block, range(8), pure=False, workers=[victim])
    assert client.submit(length, *blocks, pure=False).result() == 32_000_000
    crowd = client.map(
        slow, [0.02] * 20, range(20), workers=[victim], allow_other_workers=True, pure=False
    )
    wait(crowd)


def losses(client: Client, is_nannied: bool) -> None:
    """A worker that dies under its tasks, and a restart of all of them."""
    wait([*client.map(inc, range(100, 110), pure=False), client.submit(deadly, "deadly")])
    if is_nannied:
        client.restart()
        wait(client.map(inc, range(200, 210), pure=False))


def work(client: Client, kind: str) -> None:
    client.register_plugin(Account())
    graphs(client)
    failures(client)
    pressure(client)
    if kind != "threads":
        losses(client, kind == "processes")
    account = client.run_on_scheduler(
        lambda dask_scheduler: dask_scheduler.plugins["account"].ended
    )
    (FOLDER / "account.json").write_text(json.dumps(account))


def main() -> None:
    kind = sys.argv[2]
    (FOLDER / "begun.jsonl").touch()
    with dask.config.set(CONFIG):
        cluster: LocalCluster | str = kind
        if kind in ("processes", "threads"):
            cluster = LocalCluster(
                n_workers=2,
                threads_per_worker=2,
                processes=kind == "processes",
                protocol="tcp",
                memory_limit="1GiB",
                dashboard_address=":0",
            )
        with Client(cluster) as client:
            client.wait_for_workers(2)
            if sys.argv[3:] == ["wait"]:
                print(client.scheduler.address, flush=True)  # noqa: T201 - for who started it
                sys.stdin.readline()
            work(client, kind)
        if isinstance(cluster, LocalCluster):
            cluster.close()


if __name__ == "__main__":
    main()
