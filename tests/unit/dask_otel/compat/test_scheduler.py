"""Each private name of the scheduler that `dask_otel` touches, on a real one."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import dask
import pytest
from distributed import Client, LocalCluster, Reschedule, Scheduler, get_worker

from dask_otel.compat import scheduler as private
from dask_otel.compat.versions import Gaps

pytestmark = pytest.mark.cluster

OPTIONS: dict[str, Any] = {
    "processes": False,
    "protocol": "tcp",
    "n_workers": 1,
    "dashboard_address": ":0",
    "asynchronous": True,
}


def elsewhere() -> int:
    """The first attempt asks to be run elsewhere."""
    worker: Any = get_worker()
    if hasattr(worker, "asked"):
        return 1
    worker.asked = True
    raise Reschedule


async def test_what_the_scheduler_keeps_to_itself_is_where_it_was() -> None:
    async with LocalCluster(**OPTIONS) as cluster, Client(cluster, asynchronous=True) as client:
        scheduler = cluster.scheduler
        assert isinstance(scheduler, Scheduler)
        before = dict(vars(scheduler)), dict(scheduler.handlers), dict(scheduler.stream_handlers)
        messages: list[dict[str, Any]] = []
        failures: list[dict[str, Any]] = []
        rescheduled: list[dict[str, Any]] = []
        targets: list[int] = []
        overrides = [
            private.watch_assignments(scheduler, lambda ts, message: messages.append(message)),
            private.watch_failures(scheduler, failures.append),
            private.watch_reschedules(scheduler, rescheduled.append),
            private.watch_target(scheduler, targets.append),
            private.answer_with_time(scheduler, "its time", lambda: 7.0),
        ]
        assert None not in overrides
        assert (await cluster.scheduler_comm.identity(n_workers=0))["its time"] == 7.0
        total = client.submit(sum, [client.submit(int, 1), client.submit(int, 2)], key="total")
        assert await total == 3
        assert await client.submit(divmod, 1, 0, retries=1, key="bad").exception()
        assert await client.submit(elsewhere, key="moved") == 1
        assert await cluster.scheduler_comm.adaptive_target() == targets[0]

        assert messages[-1].keys() >= {"key", "run_id", "annotations", "who_has"}
        ts = scheduler.tasks["total"]
        assert messages[2]["run_id"] == ts.run_id
        assert messages[2]["annotations"] == ts.annotations
        assert {dts.run_id for dts in ts.dependencies} == {m["run_id"] for m in messages[:2]}
        assert [failure["key"] for failure in failures] == ["bad", "bad"]
        assert failures[0]["run_id"] < failures[1]["run_id"]
        (worker,) = scheduler.workers
        assert [(told["key"], told["worker"]) for told in rescheduled] == [("moved", worker)]
        pickled = private.pickled(failures[0]["exception"])
        assert b"ZeroDivisionError" in pickled
        assert failures[0]["exception_text"].startswith("ZeroDivisionError(")

        for override in reversed(overrides):
            assert override is not None
            override.undo()
        after = vars(scheduler), scheduler.handlers, scheduler.stream_handlers
        for there_before, there_after in zip(before, after, strict=True):
            assert there_before.keys() == there_after.keys()
        for name in ("adaptive_target", "task-erred", "reschedule"):
            for table, there_before in zip(after[1:], before[1:], strict=True):
                assert table.get(name) is there_before.get(name)
        n_messages = len(messages)
        assert await client.submit(int, 3) == 3
        assert len(messages) == n_messages


async def test_source_code_is_read_from_dasks_spans() -> None:
    with dask.config.set({"distributed.diagnostics.computations.nframes": 2}):
        async with LocalCluster(**OPTIONS) as cluster, Client(cluster, asynchronous=True) as client:
            await client.submit(int, 1, key="x")
            span_id = cluster.scheduler.tasks["x"].group.span_id
            assert any(
                "LocalCluster(" in code for code in private.source_code(cluster.scheduler, span_id)
            )
            assert private.source_code(cluster.scheduler, "no such span") == ()


async def test_a_dask_that_lacks_it_is_left_alone_with_one_warning(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    gaps = Gaps()
    monkeypatch.setattr(private, "GAPS", gaps)
    bare: Any = SimpleNamespace(handlers={}, stream_handlers={})
    with caplog.at_level(logging.WARNING):
        assert private.watch_assignments(bare, lambda *_: None) is None
        assert private.watch_failures(bare, lambda *_: None) is None
        assert private.watch_reschedules(bare, lambda *_: None) is None
        assert private.watch_target(bare, lambda *_: None) is None
    assert len(caplog.records) == 1
    assert len(gaps.names) == 4


def test_pickles_of_every_wrapping() -> None:
    assert private.pickled(b"pickle") == b"pickle"
    assert private.pickled(None) == b""
    assert private.pickled("text") == b""
