"""`DaskInstrumentor`: what it changes in Dask's config and modules, and puts back."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distribution, entry_points
from typing import TYPE_CHECKING

import dask
import distributed
import pytest
from opentelemetry.instrumentation.dependencies import get_dist_dependency_conflicts

from dask_otel import startup
from dask_otel.instrumentor import DaskInstrumentor

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def instrumentor() -> Iterator[DaskInstrumentor]:
    instrumentor = DaskInstrumentor()
    yield instrumentor
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()


def test_opentelemetry_finds_it_and_what_it_needs() -> None:
    (found,) = entry_points(group="opentelemetry_instrumentor", name="dask")
    assert found.load() is DaskInstrumentor
    assert get_dist_dependency_conflicts(distribution("daskscope")) is None


def test_the_users_own_preloads_stay_and_come_back(instrumentor: DaskInstrumentor) -> None:
    mine, arguments = ["mine"], [["--flag"]]
    keys = startup.preload("worker"), startup.arguments("worker")
    with dask.config.set(dict(zip(keys, (mine, arguments), strict=True))):
        instrumentor.instrument()
        assert dask.config.get(keys[0]) == ["mine", "dask_otel"]
        assert dask.config.get(keys[1]) == [["--flag"], []]
        assert (mine, arguments) == (["mine"], [["--flag"]])
        instrumentor.uninstrument()
        assert dask.config.get(keys[0]) is mine
        assert dask.config.get(keys[1]) is arguments


def test_what_somebody_has_set_since_is_left_alone(instrumentor: DaskInstrumentor) -> None:
    key = startup.preload("worker")
    with dask.config.set({key: []}):
        instrumentor.instrument()
        dask.config.set({key: ["theirs"]})
        instrumentor.uninstrument()
        assert dask.config.get(key) == ["theirs"]


def test_it_patches_no_class_and_no_module_of_dasks(instrumentor: DaskInstrumentor) -> None:
    owners = (
        distributed,
        distributed.preloading,
        distributed.Scheduler,
        distributed.Worker,
        distributed.Client,
        distributed.Nanny,
    )
    before = [dict(vars(owner)) for owner in owners]
    instrumentor.instrument()
    instrumentor.uninstrument()
    for owner, old in zip(owners, before, strict=True):
        assert all(vars(owner)[name] is value for name, value in old.items())


def test_dask_is_not_imported_before_the_program_does() -> None:
    program = """
import os, sys
from dask_otel.instrumentor import DaskInstrumentor
DaskInstrumentor().instrument()
assert "dask" not in sys.modules
os.environ["DASK_DISTRIBUTED__WORKER__PRELOAD"] = "mine"
import distributed, dask
assert dask.config.get("distributed.worker.preload") == ["mine", "dask_otel"]
DaskInstrumentor().uninstrument()
assert dask.config.get("distributed.worker.preload") == "mine"
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_ended_before_dask_is_imported_it_does_nothing() -> None:
    program = """
from dask_otel.instrumentor import DaskInstrumentor
DaskInstrumentor().instrument()
DaskInstrumentor().uninstrument()
import distributed, dask
assert "dask_otel" not in str(dask.config.config.get("distributed", {}).get("worker"))
"""
    hidden = "DASK_DISTRIBUTED__WORKER__PRELOAD=[]"
    subprocess.run(["env", hidden, sys.executable, "-c", program], check=True)
