"""Who is there: hosts, workers and their processes, which may die and come back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from uuid import UUID

import numpy as np
import numpy.typing as npt

from dask_otel import conventions as names
from daskscope.simulate.ids import mixed

if TYPE_CHECKING:
    from collections.abc import Mapping

WORKERS_A_HOST: Final = 8
THREAD_BYTES: Final = 4 << 30
#: Of five digits, also after as many restarts as there will be.
_FIRST_PORT: Final = 40_001
_N_PORTS: Final = 20_000
#: Threads are known by addresses of their stacks: numbers of 47 bits.
_FIRST_THREAD: Final = 0x7F00_0000_0000
_STACK_BYTES: Final = 8 << 20
#: That of the event loop is the first one of a process.
_LOOP_THREAD: Final = _FIRST_THREAD - _STACK_BYTES


@dataclass(frozen=True, slots=True)
class Process:
    """A worker from its start to its end.

    Attributes
    ----------
    worker
        Number of the worker, the same before and after a restart.
    restarts
        How many processes that worker had before.
    """

    worker: int
    restarts: int
    address: str
    attributes: Mapping[str, str | int]

    @property
    def name(self) -> str:
        """What Dask calls the worker."""
        return str(self.attributes[names.WORKER_NAME])


@dataclass(slots=True)
class Cluster:
    """A scheduler and its workers.

    Attributes
    ----------
    processes
        All there have been, in the order in which they came.
    process_of
        Number of the newest process of each worker.
    """

    seed: int
    n_workers: int
    n_threads: int
    processes: list[Process] = field(default_factory=list)
    process_of: npt.NDArray[np.int64] = field(init=False)
    _workers: npt.NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.process_of = np.arange(self.n_workers)
        self._workers = np.arange(self.n_workers)
        self.processes.extend(self._process(worker, 0) for worker in range(self.n_workers))

    @property
    def n_lanes(self) -> int:
        """Threads of all workers; lane i belongs to worker i // `n_threads`."""
        return self.n_workers * self.n_threads

    @property
    def address(self) -> str:
        """Of some worker; all are of one length."""
        return self.processes[0].address

    @property
    def scheduler(self) -> Mapping[str, str | int]:
        """Resource of the scheduler."""
        address = "tcp://10.0.0.1:8786"
        return self._resource(names.SERVICE_SCHEDULER, "scheduler", "node-0000", 1) | {
            names.SCHEDULER_ADDRESS: address
        }

    @property
    def client(self) -> Mapping[str, str | int]:
        """Resource of the client."""
        return self._resource(names.SERVICE_CLIENT, self.client_id, "workstation", 2)

    @property
    def client_id(self) -> str:
        """What Dask calls the client."""
        return f"Client-{self._uuid(3)}"

    def worker_of(self, process: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Numbers of the workers of some processes."""
        return self._workers[process]

    def host_of(self, worker: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Numbers of the hosts of some workers."""
        return worker // WORKERS_A_HOST

    def restart(self, worker: int) -> int:
        """Number of the process that takes the place of a worker's newest."""
        before = self.processes[int(self.process_of[worker])]
        self.processes.append(self._process(worker, before.restarts + 1))
        self.process_of[worker] = len(self.processes) - 1
        self._workers = np.append(self._workers, worker)
        return len(self.processes) - 1

    def threads(
        self, process: npt.NDArray[np.int64], lane: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """Idents of the threads that stand for lanes in processes; each takes 7 bytes as varint."""
        return (
            _FIRST_THREAD + (process % 1024 * self.n_threads + lane % self.n_threads) * _STACK_BYTES
        )

    def _process(self, worker: int, restarts: int) -> Process:
        host, place = divmod(worker, WORKERS_A_HOST)
        port = _FIRST_PORT + (place + restarts * WORKERS_A_HOST) % _N_PORTS
        address = f"tcp://{_ip(host)}:{port}"
        number = 16 + worker + restarts * self.n_workers
        node = f"node-{1 + host:04d}"
        attributes = self._resource(names.SERVICE_WORKER, address, node, number) | {
            names.WORKER_ADDRESS: address,
            names.WORKER_NAME: f"worker-{worker:05d}",
            names.WORKER_NTHREADS: self.n_threads,
            names.WORKER_LOOP_THREAD: _LOOP_THREAD,
            names.WORKER_MEMORY_LIMIT: self.n_threads * THREAD_BYTES,
            names.WORKER_NANNY: f"{address[:-5]}{port - 10_000}",
        }
        return Process(worker, restarts, address, attributes)

    def _resource(self, service: str, what: str, host: str, number: int) -> dict[str, str | int]:
        return {
            names.SERVICE_NAME: service,
            names.SERVICE_NAMESPACE: f"simulated-{self.seed}",
            names.SERVICE_INSTANCE_ID: f"{what}-{self._uuid(number)}",
            names.HOST_NAME: host,
            names.PROCESS_PID: 1_000 + number,
        }

    def _uuid(self, number: int) -> UUID:
        words = mixed(np.array([number, number + 2**32], np.uint64), self.seed)
        return UUID(bytes=words.tobytes(), version=4)


def _ip(host: int) -> str:
    """Address of a host; all are of one length, so that what names them is, too."""
    return f"10.{100 + host // 22_500}.{100 + host // 150 % 150}.{100 + host % 150}"
