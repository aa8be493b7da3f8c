"""Tasks whose keys, errors and ends are as odd as can be have their spans, on a real cluster."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import dask
import pytest
from distributed import wait
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from dask_otel import conventions as names
from dask_otel.record.text import MAX_MESSAGE, MAX_STACKTRACE
from tests.clusters import instrumented
from tests.rudeness import MuteError, RudeError, UnpicklableError
from tests.seen import NANNIES, spans
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.sinks import SeenSpan, Sink

pytestmark = pytest.mark.cluster

#: Of all types that Dask takes.
KEYS: list[Any] = [
    *("k" * 100_000, "日本\n<b>\0", 7, -2.5, 1 << 40),
    *(("a",), ("a", 0), ("a", 0.5), ("a", ("b", 1.5)), ("a", ("b", (1, "c")))),
]


def fail(error: str) -> None:
    kinds = {kind.__name__: kind for kind in (UnpicklableError, RudeError, MuteError)}
    raise kinds[error]("mine")


def loud() -> None:
    raise ValueError("first" + "x" * 3_000_000 + "last")


def winding(n_frames: int) -> None:
    """Frames that are all different, so that Python repeats none of them."""
    source = "\n".join(f"def f{i}():\n    f{i + 1}()  # {'x' * 2_000}" for i in range(n_frames))
    scope: dict[str, Any] = {f"f{n_frames}": loud}
    exec(source, scope)
    scope["f0"]()


def stringified(seen: SeenSpan) -> dict[str, str]:
    (event,) = seen.span.events
    return {item.key: item.value.string_value for item in event.attributes}


def test_keys_of_any_type_and_size(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    with instrumented(monkeypatch, sink.endpoint, **NANNIES) as client:
        futures = [client.submit(abs, -number, key=key) for number, key in enumerate(KEYS)]
        assert client.gather(futures) == list(range(len(KEYS)))
    found = Counter(seen.attributes[names.TASK_KEY] for seen in spans(sink, names.ACTION_COMPUTE))
    assert found.total() == len(KEYS)
    assert len({seen.span.span_id for seen in spans(sink, names.ACTION_COMPUTE)}) == len(KEYS)
    assert found.keys() >= {"7", "-2.5", "('a', 0)", "('a', ('b', (1, 'c')))", "k" * 100_000}


@pytest.mark.parametrize("error", ["UnpicklableError", "RudeError", "MuteError"])
def test_errors_that_are_none_or_cannot_be_said(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, error: str
) -> None:
    with instrumented(monkeypatch, sink.endpoint, **NANNIES) as client:
        wait(client.submit(fail, error, key="odd"))
    (seen,) = spans(sink, names.ACTION_COMPUTE)
    assert seen.span.status.code == Status.STATUS_CODE_ERROR
    assert seen.attributes[names.TASK_OUTCOME] == names.OUTCOME_FAILED
    assert seen.attributes[names.ERROR_TYPE]
    # Dask fails at saying what a mute one says, and tells of that.
    where = "in __str__" if error == "MuteError" else "in fail"
    assert where in stringified(seen)[names.EXCEPTION_STACKTRACE]


@pytest.mark.parametrize("n_frames", [0, 200])
def test_messages_and_tracebacks_of_megabytes_are_cut_and_say_so(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, n_frames: int
) -> None:
    with instrumented(monkeypatch, sink.endpoint, **NANNIES) as client:
        future = client.submit(winding, n_frames, key="loud") if n_frames else client.submit(loud)
        assert isinstance(future.exception(), ValueError)
    (seen,) = spans(sink, names.ACTION_COMPUTE)
    said = stringified(seen)
    assert len(said[names.EXCEPTION_STACKTRACE]) < MAX_STACKTRACE + 100
    assert len(said[names.EXCEPTION_MESSAGE]) < MAX_MESSAGE + 100
    assert " characters cut ..." in said[names.EXCEPTION_MESSAGE]
    if n_frames:  # Dask has cut what it writes of the message
        assert " characters cut ..." in said[names.EXCEPTION_STACKTRACE]


def interrupted() -> None:
    """Ends its worker: Dask lets it pass."""
    raise KeyboardInterrupt


def test_a_task_that_interrupts_its_worker_is_lost_with_it(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        instrumented(monkeypatch, sink.endpoint, n_workers=1, **NANNIES) as client,
    ):
        future = client.submit(interrupted, key="interrupted")
        wait(future)
        assert future.status == "error"
        wait_for(lambda: spans(sink, names.ACTION_COMPUTE))
    outcomes = {seen.attributes[names.TASK_OUTCOME] for seen in spans(sink, names.ACTION_COMPUTE)}
    assert outcomes <= {names.OUTCOME_LOST, names.OUTCOME_FAILED}
