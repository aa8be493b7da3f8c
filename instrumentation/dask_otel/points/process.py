"""Points that the scheduler and every worker have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import psutil

from dask_otel import conventions as names
from dask_otel.compat import clock, metrics, servers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from distributed.core import Server

    from dask_otel.points.values import Points

#: OpenTelemetry's names for the modes of psutil, where they differ.
_CPU_MODES: Final = {"irq": "interrupt"}


class ProcessPoints:
    """Points of the process that `server` lives in, and of its event loop.

    Several servers of one process report the same process: they carry its `process.pid`.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._started_s = psutil.Process().create_time()

    @property
    def always(self) -> tuple[Callable[[], Points], ...]:
        """Readings to send each time."""
        return (self.process, self.event_loop, self.host)

    @property
    def changing(self) -> tuple[Callable[[], Points], ...]:
        """Readings to send when they change."""
        return (self.slowest_tick, self.garbage_collection, self.gil, self.host_cpu, self.gpu)

    def process(self) -> Points:
        """CPU, memory and open files."""
        recent = self._server.monitor.recent()
        points: Points = {
            (names.CPU_USAGE, ()): recent["cpu"] / 100.0,
            (names.PROCESS_MEMORY, ()): int(recent["memory"]),
            (names.PROCESS_UPTIME, ()): max(clock.now_s() - self._started_s, 0.0),
        }
        if "num_fds" in recent:  # not on Windows
            points[names.OPEN_FILES, ()] = int(recent["num_fds"])
        return points

    def event_loop(self) -> Points:
        """Mean distance of ticks."""
        return {(names.EVENT_LOOP_LAG, ()): servers.tick_interval_s(self._server)}

    def slowest_tick(self) -> Points:
        """Longest distance of ticks, and their number."""
        return {
            (names.EVENT_LOOP_TICK_MAX, ()): metrics.longest_tick_s(self._server),
            (names.EVENT_LOOP_TICKS, ()): metrics.ticks(self._server),
        }

    def host(self) -> Points:
        """Network and disk traffic of the whole host."""
        recent = self._server.monitor.recent()
        return _pair(
            names.HOST_NETWORK_RATE,
            recent,
            (names.NETWORK_IO_DIRECTION, names.RECEIVE, "host_net_io.read_bps"),
            (names.NETWORK_IO_DIRECTION, names.TRANSMIT, "host_net_io.write_bps"),
        ) | _pair(
            names.HOST_DISK_RATE,
            recent,
            (names.DISK_IO_DIRECTION, names.READ, "host_disk_io.read_bps"),
            (names.DISK_IO_DIRECTION, names.WRITE, "host_disk_io.write_bps"),
        )

    def host_cpu(self) -> Points:
        """CPUs of the host by mode, where Dask is asked to measure them."""
        points: Points = {}
        for quantity, value in self._server.monitor.recent().items():
            kind, _, mode = quantity.partition(".")
            if kind == "host_cpu":
                attributes = ((names.CPU_MODE, _CPU_MODES.get(mode, mode)),)
                points[names.HOST_CPU, attributes] = float(value)
        return points

    def garbage_collection(self) -> Points:
        """Time spent on it."""
        spent_s = metrics.garbage_collection_s()
        return {} if spent_s is None else {(names.GC_TIME, ()): spent_s}

    def gil(self) -> Points:
        """Contention, where gilknocker is installed."""
        contention_s = metrics.gil_contention_s(self._server)
        if contention_s is None:
            return {}
        return {
            (names.GIL_CONTENTION, ()): self._server.monitor.recent()["gil_contention"],
            (names.GIL_TIME, ()): contention_s,
        }

    def gpu(self) -> Points:
        """Use of the GPU, where Dask finds one."""
        recent = self._server.monitor.recent()
        if "gpu_utilization" not in recent:
            return {}
        points: Points = {
            (names.GPU_UTILIZATION, ()): recent["gpu_utilization"] / 100.0,
            (names.GPU_MEMORY, ()): int(recent["gpu_memory_used"]),
        }
        if "gpu-memory-total" in recent:
            points[names.GPU_MEMORY_LIMIT, ()] = int(recent["gpu-memory-total"])
        return points


def _pair(
    metric: names.Metric, recent: Mapping[str, Any], *sources: tuple[str, str, str]
) -> Points:
    """Points of `metric`, one for each source `(attribute, value, quantity)` that Dask measures."""
    return {
        (metric, ((attribute, value),)): float(recent[quantity])
        for attribute, value, quantity in sources
        if quantity in recent
    }
