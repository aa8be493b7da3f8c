from __future__ import annotations

import logging
import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from dask_otel import conventions as names
from dask_otel import dasklogs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dask_otel.events import Event


class Sink:
    """As much of an emitter as there is to it here."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.log = self.events.append

    @property
    def texts(self) -> list[str]:
        return [event.body for event in self.events]


def begin(sink: Any, exceptions: bool = True, delay_s: float = 0.0) -> None:
    server: Any = SimpleNamespace(scheduler_delay=delay_s)
    dasklogs.begin(server, sink, exceptions)


@pytest.fixture
def sink() -> Iterator[Sink]:
    found: Any = Sink()
    begin(found)
    yield found
    dasklogs.end(found)


WORKER = logging.getLogger("distributed.worker")


def test_records_from_warning_up_are_sent(sink: Sink) -> None:
    WORKER.info("not this")
    WORKER.warning("worker %s is %d %% full", "tcp://w", 95)
    logging.getLogger("dask.array").error("plain 100 %")
    logging.getLogger("dask_otel.emit").error("our own")
    logging.getLogger("mine").error("somebody's")
    first, second = sink.events
    assert (first.name, first.body, first.severity) == (
        names.EVENT_LOG,
        "worker tcp://w is 95 % full",
        logging.WARNING,
    )
    assert first.attributes == {names.LOGGER_NAME: "distributed.worker"}
    assert (second.body, second.severity) == ("plain 100 %", logging.ERROR)


def test_a_logger_that_keeps_its_records_to_itself_is_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = logging.getLogger("distributed.client")
    monkeypatch.setattr(client, "propagate", False)
    sink = Sink()
    begin(sink)
    client.warning("once")
    WORKER.warning("and again")
    dasklogs.end(sink)  # type: ignore[arg-type]
    client.warning("no more")
    assert sink.texts == ["once", "and again"]


def test_time_is_the_schedulers() -> None:
    sink = Sink()
    begin(sink, delay_s=5.0)
    WORKER.warning("late")
    dasklogs.end(sink)  # type: ignore[arg-type]
    record = logging.makeLogRecord({})
    assert 4.0 < sink.events[0].time_s - record.created <= 5.0


@pytest.mark.parametrize("exceptions", [True, False])
def test_exceptions_are_told_as_far_as_settings_say(exceptions: bool) -> None:
    sink = Sink()
    begin(sink, exceptions)
    try:
        raise ZeroDivisionError("secret")
    except ZeroDivisionError:
        WORKER.exception("it failed")
    dasklogs.end(sink)  # type: ignore[arg-type]
    attributes = dict(sink.events[0].attributes)
    assert attributes.pop(names.EXCEPTION_TYPE) == "ZeroDivisionError"
    assert attributes.pop(names.EXCEPTION_MESSAGE, None) == ("secret" if exceptions else None)
    assert sink.texts == ["it failed"]


def test_newest_of_several_servers_sends_and_nothing_stays_behind() -> None:
    before = {name: list(logging.getLogger(name).handlers) for name in ("dask", "distributed")}
    first, second = Sink(), Sink()
    begin(first)
    begin(second)
    WORKER.warning("a")
    dasklogs.end(second)  # type: ignore[arg-type]
    WORKER.warning("b")
    dasklogs.end(first)  # type: ignore[arg-type]
    WORKER.warning("c")
    assert (first.texts, second.texts) == (["b"], ["a"])
    after = {name: list(logging.getLogger(name).handlers) for name in ("dask", "distributed")}
    assert after == before


def test_a_flood_is_told_once_and_counted(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1_000.0
    make = logging.LogRecord

    def record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        made = make(*args, **kwargs)
        made.created = now_s
        return made

    monkeypatch.setattr(logging, "_logRecordFactory", record)
    for number in range(250):
        WORKER.warning("%d", number)
    assert sink.texts == [str(number) for number in range(dasklogs.MAX_PER_S)]
    assert names.LOG_FLOOD in sink.events[-1].attributes
    assert sum(names.LOG_FLOOD in event.attributes for event in sink.events) == 1
    now_s += 1
    WORKER.warning("after")
    WORKER.warning("and on")
    assert sink.texts[-2:] == ["after", "and on"]
    assert sink.events[-2].attributes[names.EVENT_OMITTED] == 150
    assert names.EVENT_OMITTED not in sink.events[-1].attributes


def test_long_texts_are_cut_and_a_bad_one_harms_nobody(sink: Sink) -> None:
    class Bad:
        def __str__(self) -> str:
            raise RuntimeError("no")

    WORKER.warning("x" * 1_000_000)
    # Straight to ours: others say that they cannot print it.
    dasklogs._handler.handle(logging.LogRecord("distributed", 40, "", 0, Bad(), (), None))
    assert [len(text) for text in sink.texts] == [dasklogs.MAX_TEXT]


def test_what_listens_may_log_itself(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    def log(event: Event) -> None:
        sink.events.append(event)
        WORKER.warning("from within")
        logging.getLogger("dask_otel").warning("dropped")

    monkeypatch.setattr(sink, "log", log)
    WORKER.warning("once")
    assert sink.texts == ["once"]


def test_a_child_that_was_made_while_a_record_was_handed_over_sends_its_own(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dasklogs._handler, "_busy", True)  # as in the midst of it
    child = os.fork()
    if child == 0:
        try:
            own = Sink()
            begin(own)
            WORKER.warning("from the child")
            os._exit(own.texts != ["from the child"])
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sink.texts == []
