"""No argument of a task gets into a log record; Dask's own templates are watched."""

from __future__ import annotations

import gc
import inspect
import logging
from typing import TYPE_CHECKING, Any

import pytest
from distributed import Client, LocalCluster, scheduler, worker

from dask_otel.compat import logs

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "hunter2"


def text(template: str, *args: Any, exceptions: bool = True) -> str:
    record = logging.LogRecord("distributed", 30, "", 0, template, args, None)
    return logs.message(record, exceptions)


def test_loggers_that_are_made_meanwhile_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, Any] = {f"library.{i}": logging.getLogger("distributed") for i in range(200)}
    monkeypatch.setattr(logging.root.manager, "loggerDict", made)

    def another(phase: str, _: dict[str, int]) -> None:  # as another thread would
        made[f"another.{len(made)}"] = logging.getLogger("distributed")

    before = gc.get_threshold()
    gc.callbacks.append(another)
    gc.set_threshold(1)
    try:
        assert logs.loggers()
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(another)


def test_containers_are_told_by_their_type() -> None:
    assert text("sent %s to %r", [{"args": SECRET}], "w") == "sent <list> to 'w'"
    assert text("%(a)s", {"a": 1}) == "1"
    assert text("%s of 100%% in %5.1f s", 3, 2.25) == "3 of 100% in   2.2 s"


def test_the_end_of_a_message_with_tasks_is_cut() -> None:
    assert text(f"Detected it.\nDebugging information\n---\nold: {SECRET}") == "Detected it."
    assert logs.PRIVATE_END in inspect.getsource(scheduler)


def test_private_lines_are_those_of_dask() -> None:
    source = inspect.getsource(worker)
    for label in logs.PRIVATE_LINES + logs.EXCEPTION_LINES:
        assert f"{label} " in source or f"\\n{label} " in source, label


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    logger = logging.getLogger("distributed")
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


@pytest.mark.cluster
@pytest.mark.parametrize("exceptions", [True, False])
def test_no_argument_of_a_task_is_told(heard: pytest.LogCaptureFixture, exceptions: bool) -> None:
    def fail(_password: str) -> None:
        raise ValueError("mine")

    options = {"processes": False, "n_workers": 1, "dashboard_address": ":0"}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        with pytest.raises(ValueError, match="mine"):
            client.submit(fail, SECRET, key="the-key").result()
        with pytest.raises(ValueError, match="mine"):
            client.run(fail, SECRET)
    records = [record for record in heard.records if record.levelno >= logging.WARNING]
    assert any(SECRET in record.getMessage() for record in records)
    texts = [logs.message(record, exceptions) for record in records]
    assert not any(SECRET in one for one in texts)
    (failed,) = {one for one in texts if one.startswith("Compute Failed")}
    assert "the-key" in failed
    assert ("mine" in failed) is exceptions
