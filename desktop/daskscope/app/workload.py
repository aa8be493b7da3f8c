"""The demo's cluster and its workload: run as a process of its own, until its input closes.

A window must not share an interpreter with a scheduler, so `daskscope demo` starts this module as
`python -m daskscope.app.workload` with the preload variables in its environment. The only module of
the desktop that knows Dask.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from contextlib import contextmanager
from itertools import cycle
from typing import TYPE_CHECKING

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
from distributed import Client, LocalCluster, wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Small enough that the memory-heavy phase reaches Dask's limits on any laptop.
MEMORY_LIMIT = "800MiB"
ROWS_A_PARTITION = 60_000
N_PARTITIONS = 24


def load_table(partition: int) -> pd.DataFrame:
    """One partition of an invented table of orders."""
    random = np.random.default_rng(partition)
    time.sleep(0.08 + 0.12 * random.random())  # a disk is slower than a random generator
    return pd.DataFrame(
        {
            "customer": random.integers(0, 5_000, ROWS_A_PARTITION),
            "store": random.integers(0, 60, ROWS_A_PARTITION),
            "amount": random.gamma(2.0, 20.0, ROWS_A_PARTITION),
        }
    )


def fit_model(seed: int) -> float:
    """Something that computes for a second or two, and now and then gives up the GIL."""
    random = np.random.default_rng(seed)
    data = random.standard_normal((600, 200))
    weights = np.zeros(200)
    for _ in range(40 + seed % 5 * 15):
        weights += 1e-4 * data.T @ (data[:, 0] - data @ weights)
        time.sleep(0.012)
    return float(weights.sum())


def predict(seed: int) -> int:
    """A short task."""
    time.sleep(0.002 + (seed % 7) * 0.001)
    return seed * 2


def call_service(attempt_file: int) -> str:
    """A call that fails two times in three: retries make it good, most of the time."""
    time.sleep(0.15)
    if np.random.default_rng().random() < 0.66:
        raise ConnectionError(f"service {attempt_file} answered 503 <b>Service Unavailable</b>")
    return "ok"


def parse_record(record: int) -> int:
    """A task that always fails for one record of its input."""
    time.sleep(0.05)
    if record == 7:
        raise ValueError("record 7: unexpected end of line\nat column 12")
    return record


def allocate(n_bytes: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A large result."""
    time.sleep(0.1)
    return np.random.default_rng(n_bytes).random(n_bytes // 8)


def total(blocks: list[np.ndarray[tuple[int], np.dtype[np.float64]]]) -> float:
    """The sum of several blocks, which have to come to one worker."""
    return float(sum(block.sum() for block in blocks))


def arrays(client: Client) -> object:
    """Chunked linear algebra: random blocks, a rechunk (transfers), a product."""
    x = da.random.random((3_000, 3_000), chunks=(375, 3_000))
    return client.compute(((x.rechunk((3_000, 375)) @ x).rechunk((750, 750))).sum())


def summarise(part: pd.DataFrame) -> pd.DataFrame:
    """Count and sum of each customer."""
    time.sleep(0.05)
    return part.groupby("customer").amount.agg(["sum", "count"])


def dataframes(client: Client) -> object:
    """A table that is shuffled by customer and summed up."""
    table = dd.from_map(load_table, range(N_PARTITIONS), meta=load_table(0).head(0))
    shuffled = table.shuffle("customer", npartitions=16)
    return client.compute(shuffled.map_partitions(summarise, meta=summarise(load_table(0)).head(0)))


def models(client: Client) -> object:
    """Long tasks and what hangs on them."""
    fitted = client.map(fit_model, range(20), pure=False)
    return client.map(lambda score: score + 1, fitted, key="score")


def burst(client: Client) -> object:
    """Thousands of short tasks."""
    return client.map(predict, range(2_500), pure=False)


def failures(client: Client) -> object:
    """Tasks that fail and are tried again, and one that cannot be helped."""
    calls = client.map(call_service, range(12), retries=6, pure=False)
    return calls + client.map(parse_record, range(10), pure=False)


def memory(client: Client) -> object:
    """Results that fill the workers' memory past Dask's spill threshold, then meet."""
    n_workers = len(client.scheduler_info(n_workers=-1)["workers"])
    blocks = client.map(allocate, [24 << 20] * (18 * n_workers), pure=False)
    return [client.submit(total, blocks[start::6], pure=False) for start in range(6)]


PHASES: tuple[Callable[[Client], object], ...] = (
    dataframes,
    failures,
    arrays,
    models,
    burst,
    memory,
)


@contextmanager
def local_cluster(n_workers: int) -> Iterator[Client]:
    """A cluster on this machine, with nannies, without Dask's own dashboard."""
    with (
        dask.config.set({"dataframe.convert-string": False}),
        LocalCluster(
            n_workers=n_workers,
            threads_per_worker=2,
            memory_limit=MEMORY_LIMIT,
            dashboard_address="127.0.0.1:0",  # None would still ask for port 8787
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def run(n_workers: int, stopped: threading.Event) -> None:
    """Compute one phase after the other until `stopped` is set."""
    with local_cluster(n_workers) as client:
        for phase in cycle(PHASES):
            futures = phase(client)
            while not stopped.is_set():
                try:
                    wait(futures, timeout=0.25)
                except TimeoutError:
                    continue
                break
            if stopped.is_set():
                return
            del futures
            stopped.wait(0.8)


def main() -> None:
    """Run until standard input closes, or SIGINT or SIGTERM comes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, required=True)
    n_workers = parser.parse_args().workers
    stopped = threading.Event()

    def stop(*_: object) -> None:
        stopped.set()

    def watch_parent() -> None:
        sys.stdin.buffer.read()
        stopped.set()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    threading.Thread(target=watch_parent, daemon=True).start()
    run(n_workers, stopped)


if __name__ == "__main__":
    main()
