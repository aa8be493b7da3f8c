"""Taken out again, it leaves no trace in Dask: all that there is, is compared by identity."""

from __future__ import annotations

import logging
import sys
from types import FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING

import dask
import dask.array as da
import pytest
from distributed import Client, LocalCluster

from dask_otel.instrumentor import DaskInstrumentor
from tests.starting import all_once, compute
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sinks import HttpSink

pytestmark = pytest.mark.cluster

DASKS = ("dask", "distributed")
#: How far below a server is looked: its state, its data, what they hold.
DEPTH = 4


def is_dasks(name: str) -> bool:
    return name.partition(".")[0] in DASKS


def code(place: str, found: object) -> Iterator[tuple[str, object]]:
    """Functions and classes in a module, a class or an object, and where they stand."""
    for name, value in list(vars(found).items()):
        if isinstance(value, FunctionType | MethodType | type | classmethod | staticmethod):
            yield f"{place}.{name}", value


def of_modules() -> dict[str, object]:
    found: dict[str, object] = {}
    for module_name, module in list(sys.modules.items()):
        if is_dasks(module_name) and isinstance(module, ModuleType):
            found.update(code(module_name, module))
            for name, value in list(vars(module).items()):
                if isinstance(value, type) and is_dasks(value.__module__):
                    found.update(code(f"{module_name}.{name}", value))
    return found


def of_objects(place: str, server: object, depth: int = DEPTH) -> dict[str, object]:
    """What can be called in a server and in what it holds, tables of it included."""
    found: dict[str, object] = {}
    seen: set[int] = set()
    waiting: list[tuple[str, object, int]] = [(place, server, depth)]
    while waiting:
        where, value, left = waiting.pop()
        if id(value) in seen or isinstance(value, type | ModuleType):
            continue
        seen.add(id(value))
        if callable(value):
            found[where] = value
        if left and type(value) is dict:
            waiting += [(f"{where}[{name!r}]", item, left - 1) for name, item in value.items()]
        elif left and is_dasks(type(value).__module__) and hasattr(value, "__dict__"):
            waiting += [(f"{where}.{name}", item, left - 1) for name, item in vars(value).items()]
    return found


def listening() -> set[str]:
    """Dask's loggers that have a handler of ours; Dask's own come and go."""
    return {
        name
        for name in list(logging.root.manager.loggerDict)
        for handler in logging.getLogger(name).handlers
        if is_dasks(name) and type(handler).__module__.startswith("dask_otel")
    }


def all_of(cluster: LocalCluster, client: Client) -> dict[str, object]:
    found = of_modules() | of_objects("client", client) | of_objects("scheduler", cluster.scheduler)
    for number, worker in enumerate(cluster.workers.values()):
        found |= of_objects(f"worker {number}", worker)
    return found


def changed(before: dict[str, object], after: dict[str, object]) -> set[str]:
    """Places where something else stands, or nothing, or something that is not Dask's."""
    others = {where for where, value in before.items() if after.get(where) is not value}
    ours = {
        where
        for where, value in after.items()
        if str(getattr(value, "__module__", "")).startswith("dask_otel")
        or str(getattr(type(value), "__module__", "")).startswith("dask_otel")
    }
    return others | ours


def work(client: Client) -> None:
    compute(client)
    with dask.config.set({"array.rechunk.method": "p2p"}):
        x = da.random.random((400, 400), chunks=(100, 400)).rechunk((400, 100))
        assert x.sum().compute() > 0


def test_all_of_dask_is_as_it_was(sink: HttpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.endpoint)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    instrumentor = DaskInstrumentor()
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        work(client)  # what Dask itself makes when it is first needed
        before = all_of(cluster, client)
        instrumentor.instrument()
        try:
            work(client)
            wait_for(lambda: all_once(sink))
            meanwhile = changed(before, all_of(cluster, client))
            assert listening() >= {"dask", "distributed"}
        finally:
            instrumentor.uninstrument()
        assert len(meanwhile) > 20, meanwhile
        assert changed(before, all_of(cluster, client)) == set()
        assert listening() == set()
