from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from dask_otel import conventions as names
from dask_otel.points.shuffle import Shuffles


class Runs:
    closed = 0

    async def close(self, _run: Any) -> None:
        self.closed += 1


class Extension:
    def __init__(self) -> None:
        self.beats: dict[str, Any] = {}
        self.shuffle_runs = Runs()

    def heartbeat(self) -> dict[str, Any]:
        return self.beats


def beat(start: float, n: int, held: int = 0) -> dict[str, Any]:
    buffer = {"memory": held, "memory_limit": 100, "read": n, "written": 2 * n}
    return {"start": start, "comm": dict(buffer), "disk": {**buffer, "memory_limit": None}}


def moved(shuffles: Shuffles) -> dict[str, float]:
    return {
        f"{metric.name.split('.')[-2]} {attributes[0][1]}": value
        for (metric, attributes), value in shuffles.points().items()
        if metric in (names.SHUFFLE_NETWORK_IO, names.SHUFFLE_DISK_IO)
    }


def all_of(n: float) -> dict[str, float]:
    return {
        "network receive": n,
        "network transmit": 2 * n,
        "disk read": n,
        "disk write": 2 * n,
    }


def test_totals_stay_when_a_shuffle_is_over_or_starts_anew() -> None:
    extension = Extension()
    worker: Any = SimpleNamespace(extensions={})
    shuffles = Shuffles(worker)
    assert shuffles.points() == {}
    worker.extensions["shuffle"] = extension
    assert shuffles.points() == {}
    extension.beats = {"a": beat(1.0, 10, 7)}
    points = shuffles.points()
    comm = ((names.SHUFFLE_MEDIUM, names.SHUFFLE_COMM),)
    assert points[names.SHUFFLES, ()] == 1
    assert points[names.SHUFFLE_BUFFER, comm] == 7
    assert points[names.SHUFFLE_BUFFER_LIMIT, comm] == 100
    assert moved(shuffles) == all_of(10)
    extension.beats = {"a": beat(1.0, 15), "b": beat(2.0, 1)}
    assert moved(shuffles) == all_of(16)
    extension.beats = {"a": beat(3.0, 4), "b": beat(2.0, 1)}
    assert moved(shuffles) == all_of(20)


def test_what_comes_and_goes_between_two_readings_counts_once() -> None:
    extension = Extension()
    shuffles = Shuffles(SimpleNamespace(extensions={"shuffle": extension}))  # type: ignore[arg-type]
    shuffles.points()
    runs = extension.shuffle_runs
    asyncio.run(runs.close(SimpleNamespace(id="a", heartbeat=lambda: beat(1.0, 10))))
    assert moved(shuffles) == all_of(10)
    extension.beats = {"b": beat(2.0, 1)}
    assert moved(shuffles) == all_of(11)
    extension.beats = {}
    assert moved(shuffles) == all_of(11)  # Dask has taken it out, but not closed it yet
    asyncio.run(runs.close(SimpleNamespace(id="b", heartbeat=lambda: beat(2.0, 3))))
    assert moved(shuffles) == all_of(13)
    assert runs.closed == 2
    shuffles.end()
    assert vars(runs) == {"closed": 2}
