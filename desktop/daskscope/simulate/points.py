"""Metrics of workers and of the scheduler, as OTLP.

Every worker sends the same series, so a worker's metrics are one row of a layout.
Facts from metrics.proto (opentelemetry-proto v1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from dask_otel import conventions as names
from daskscope.simulate.layout import Gap, Layout, constant, doubles, field, fixed64, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from daskscope.simulate.graph import Floats
    from daskscope.simulate.layout import Octets, Pieces

#: By kind of metric: Sum.aggregation_temporality = CUMULATIVE, and Sum.is_monotonic.
_SUMS: Final = {"counter": b"\x10\x02\x18\x01", "updowncounter": b"\x10\x02"}

#: A series: its metric, and the values of its attributes in their order.
Key = tuple[names.Metric, tuple[str, ...]]

WORKER_SERIES: Final[tuple[Key, ...]] = (
    (names.WORKER_STATUS, ("running",)),
    (names.WORKER_STATUS, ("paused",)),
    (names.CPU_USAGE, ()),
    (names.WORKER_THREADS, ()),
    (names.WORKER_LIMIT, ()),
    (names.PROCESS_MEMORY, ()),
    (names.WORKER_MEMORY, (names.MEMORY_MANAGED,)),
    (names.WORKER_MEMORY, (names.MEMORY_UNMANAGED_OLD,)),
    (names.WORKER_MEMORY, (names.MEMORY_UNMANAGED_RECENT,)),
    (names.WORKER_MEMORY, (names.MEMORY_SPILLED,)),
    (names.WORKER_TASKS, ("executing",)),
    (names.WORKER_TASKS, ("ready",)),
    (names.WORKER_TASKS, ("memory",)),
    (names.WORKER_LATENCY, ()),
    (names.TRANSFER_IO, (names.RECEIVE,)),
    (names.TRANSFER_IO, (names.TRANSMIT,)),
    (names.PROCESS_DISK_IO, (names.READ,)),
    (names.PROCESS_DISK_IO, (names.WRITE,)),
    (names.HOST_NETWORK_RATE, (names.RECEIVE,)),
    (names.HOST_NETWORK_RATE, (names.TRANSMIT,)),
    (names.HOST_DISK_RATE, (names.READ,)),
    (names.HOST_DISK_RATE, (names.WRITE,)),
    (names.SPANS_RECORDED, ()),
    (names.SPANS_EXPORTED, ()),
    (names.SPANS_DROPPED, ()),
)


class WorkerPoints:
    """Writes the metrics of many workers at once.

    Parameters
    ----------
    origin_ns
        When counting began, since the epoch.
    """

    def __init__(self, origin_ns: int) -> None:
        pieces: list[bytes | Gap] = []
        by_metric: dict[names.Metric, list[tuple[int, tuple[str, ...]]]] = {}
        for number, (metric, values) in enumerate(WORKER_SERIES):
            by_metric.setdefault(metric, []).append((number, values))
        for metric, series in by_metric.items():
            points = [
                piece
                for number, values in series
                for piece in _point(
                    metric,
                    values,
                    origin_ns,
                    (Gap(f"time {number}", 8),),
                    (Gap(f"value {number}", 8),),
                )
            ]
            pieces += _metric(metric, tuple(points))
        self._layout = Layout(tuple(pieces))

    def messages(self, time_ns: int, values: Floats) -> list[bytes]:
        """Metrics of each worker.

        `values`, float64 of shape (n workers, n series), are in the order of `WORKER_SERIES`.
        """
        time = fixed64(np.array([time_ns]))
        fill: dict[str, Octets] = {}
        for number in range(len(WORKER_SERIES)):
            fill[f"time {number}"] = time
            fill[f"value {number}"] = doubles(values[:, number])
        return self._layout.messages(len(values), fill)


def metrics(origin_ns: int, time_ns: int, values: Mapping[Key, float]) -> tuple[bytes, ...]:
    """Metrics of one process, framed as elements of their scope."""
    by_metric: dict[names.Metric, list[Pieces]] = {}
    time = np.array([time_ns], "<i8").tobytes()
    for (metric, attributes), value in values.items():
        number = np.array([value], "<f8").tobytes()
        point = _point(metric, attributes, origin_ns, (time,), (number,))
        by_metric.setdefault(metric, []).append(point)
    return tuple(
        constant(_metric(metric, tuple(piece for point in points for piece in point)))
        for metric, points in by_metric.items()
    )


def _point(
    metric: names.Metric, values: Sequence[str], origin_ns: int, time: Pieces, number: Pieces
) -> Pieces:
    attributes = b"".join(
        text(0x3A, name, value) for name, value in zip(metric.attributes, values, strict=True)
    )
    start = b"" if metric.kind == "gauge" else b"\x11" + np.array([origin_ns], "<i8").tobytes()
    return field(0x0A, attributes + start + b"\x19", *time, b"\x21", *number)


def _metric(metric: names.Metric, points: Pieces) -> Pieces:
    kind = _SUMS.get(metric.kind)
    data = field(0x2A, *points) if kind is None else field(0x3A, *points, kind)
    return field(
        0x12,
        constant(field(0x0A, metric.name.encode())),
        constant(field(0x12, metric.description.encode())),
        constant(field(0x1A, metric.unit.encode())),
        *data,
    )
