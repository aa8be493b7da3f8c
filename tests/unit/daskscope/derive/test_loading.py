"""The strip over the task stream while a recording is read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from daskscope.derive.loading import loading_frame
from daskscope.derive.quantity import THIN
from daskscope.derive.status import read_share, status_frame
from daskscope.store.schema import SourceStatus
from daskscope.store.writer import Store
from tests.builders import T0, Source, Span

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot

JOURNAL = SourceStatus(
    is_live=False,
    spans=1_000,
    journal_bytes=3 << 20,
    journal_path="/a/run.dscope",
    progress=0.5,
    ends_ns=T0 + 9,
)


def snapshot(status: SourceStatus, n_spans: int = 250) -> Snapshot:
    source, store = Source(), Store(1 << 30)
    worker = source.worker("w")
    batch = source.spans([Span(i, i + 1, resource=worker) for i in range(n_spans)])
    for message in (source.definitions(), batch, status):
        store.apply(message)
    return store.snapshot()


def test_it_says_what_is_read_of_what() -> None:
    frame = loading_frame(snapshot(JOURNAL))
    assert frame is not None
    assert frame.title == "Reading run.dscope"
    assert frame.detail == f"250 of 1{THIN}000{THIN}spans"
    assert (frame.share, frame.is_stopped) == (0.25, False)


def test_a_file_that_does_not_say_how_many_spans_it_has_is_told_in_bytes() -> None:
    frame = loading_frame(snapshot(replace(JOURNAL, spans=250, ends_ns=0)))
    assert frame is not None
    assert frame.detail == f"250{THIN}spans in 50{THIN}% of 3.0{THIN}MiB"
    assert frame.share == 0.5


def test_when_it_was_stopped_it_says_that_there_is_more() -> None:
    stopped = snapshot(replace(JOURNAL, is_stopped=True))
    frame = loading_frame(stopped)
    assert frame is not None
    assert frame.title == "Stopped reading run.dscope"
    assert frame.detail == f"250 of 1{THIN}000{THIN}spans were read, the rest is not shown"
    assert frame.is_stopped
    connection = status_frame(stopped, T0, 0.0, 0.0).connection
    assert (connection.label, connection.value, connection.tone) == (
        "Recording",
        f"25{THIN}% read",
        "warn",
    )


def test_what_cannot_be_read_on_is_no_longer_being_read() -> None:
    frame = loading_frame(snapshot(replace(JOURNAL, problem="/a/run.dscope is damaged")))
    assert frame is not None
    assert frame.title == "Not all of run.dscope can be read"
    assert frame.detail == f"250 of 1{THIN}000{THIN}spans were read"
    assert frame.is_stopped


@pytest.mark.parametrize(
    "status",
    [
        replace(JOURNAL, progress=1.0, spans=250),
        SourceStatus(is_live=True, progress=0.0),
        SourceStatus(is_live=False, progress=0.0),  # before the reader has said anything
    ],
)
def test_otherwise_there_is_no_strip(status: SourceStatus) -> None:
    assert loading_frame(snapshot(status)) is None


def test_of_a_part_the_share_is_that_of_the_file() -> None:
    assert read_share(snapshot(replace(JOURNAL, part="0:00 to 0:10"))) == 0.5
    field = status_frame(snapshot(replace(JOURNAL, part="0:00 to 0:10")), T0, 0.0, 0.0).left[-1]
    assert (field.label, field.value) == ("Part", "0:00 to 0:10")


def test_what_was_evicted_is_not_held_and_can_be_asked_for() -> None:
    held = snapshot(JOURNAL)
    for evicted, action in ((0, ""), (77, "file.earlier")):
        frame = status_frame(replace(held, n_evicted=evicted), T0, 0.0, 0.0)
        counters = {field.label: field for field in frame.counters}
        assert (counters["evicted"].value, counters["evicted"].action) == (f"{evicted}", action)
        assert counters["Held"].value == f"250{THIN}spans"
