"""A cluster on which everything goes wrong, from the store to the pixels of the window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dask_otel import conventions
from daskscope.app.feed import Feed
from daskscope.app.stage import Stage
from daskscope.app.window import Window
from daskscope.session import Session
from daskscope.store.schema import Kind, Message, Outcome, SourceStatus, Status
from daskscope.store.writer import DEFAULT_CAP_BYTES, Store
from daskscope.theme import DARK, GUTTER_PX, LIGHT, Theme
from tests.builders import SECOND, T0, Source, Span, points

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget
    from pytestqt.qtbot import QtBot

    from daskscope.store.snapshot import Snapshot

END_S = 30
LOST_AT = 20 * SECOND
W1: dict[str, Any] = {
    conventions.WORKER_ADDRESS.replace(".", "_"): "tcp://10.0.4.11:40102",
    conventions.WORKER_NAME.replace(".", "_"): "w1",
}


class NoLink:
    """Where nothing comes from: what is shown is given."""

    is_closed = False

    def ask(self, query: object) -> bool:
        return False

    def drain(self, budget_s: float) -> list[Message]:
        return []


def attempt(n: int, start_s: float, end_s: float, **more: Any) -> Span:
    return Span(
        round(start_s * SECOND),
        round(end_s * SECOND),
        "groupby",
        key=f"groupby-{n}",
        run_id=n,
        **more,
    )


def spans_of(own: int, gone: int, client: int) -> list[Span]:
    """Attempts with every end, beside what the event loop does and what clients ask for."""
    ends = [
        (Outcome.FINISHED, Status.UNSET),
        (Outcome.FAILED, Status.ERROR),
        (Outcome.CANCELLED, Status.UNSET),
        (Outcome.RESCHEDULED, Status.UNSET),
    ]
    return [
        *(
            attempt(n, 6 * n, 6 * n + 5, resource=own, thread=1, outcome=outcome, status=status)
            for n, (outcome, status) in enumerate(ends)
        ),
        attempt(5, 2, 18, resource=gone, thread=2, outcome=Outcome.FINISHED),
        attempt(6, 19, 20, resource=gone, thread=0, outcome=Outcome.LOST, status=Status.ERROR),
        *(
            attempt(n, 9, 20, resource=gone, thread=0, outcome=Outcome.LOST_WAITING,
                    status=Status.ERROR)
            for n in range(10, 300)
        ),
        Span(SECOND, 9 * SECOND, "transfer", own, 99, Kind.TRANSFER, Status.ERROR),
        Span(10 * SECOND, 19 * SECOND, "disk-write", own, 99, Kind.DISK_WRITE),
        Span(0, 29 * SECOND, "send", own, 0, Kind.SEND),
        Span(0, 29 * SECOND, "dask.client.gather", client, 0, Kind.CLIENT),
        Span(0, 29 * SECOND, "dask.graph", client, 0, Kind.GRAPH),
    ]  # fmt: skip


def trouble() -> Snapshot:
    source, store = Source(), Store()
    own, gone = source.worker("w0", port=40101), source.worker("w1", port=40102)
    client = source.resource({conventions.SERVICE_NAME: conventions.SERVICE_CLIENT})
    limit = source.metric(conventions.WORKER_LIMIT, own)
    paused = source.metric(conventions.WORKER_STATUS, own, dask_worker_state="paused")
    messages: list[Message] = [
        SourceStatus(is_live=True, http=("127.0.0.1:4318",), requests=1),
        points([(limit, 29 * SECOND, 2.0**32), (paused, 29 * SECOND, 1.0)]),
        source.running(gone, 19 * SECOND, [("groupby", 19 * SECOND, 6, 3)]),
        source.event(conventions.EVENT_WORKER_REMOVED, LOST_AT, severity=13, **W1),
        source.event(conventions.EVENT_WORKER_LOST, LOST_AT, severity=17, **W1),
        source.event(conventions.EVENT_WORKER_PAUSED, 25 * SECOND, severity=13, **W1),
        source.spans(spans_of(own, gone, client)),
    ]
    for message in (source.definitions(), *messages):
        store.apply(message)
    return store.snapshot()


def shown(qtbot: QtBot, theme: Theme, snapshot: Snapshot) -> tuple[Window, Stage]:
    window = Window(theme)
    qtbot.addWidget(window)
    window.resize(1_600, 900)
    window.show()
    window.show_data()
    stage = Stage(window, theme, DEFAULT_CAP_BYTES)
    now_ns = T0 + END_S * SECOND
    stage.show(snapshot, Session(), now_ns, now_ns, Feed(NoLink(), Store()), 0.0)
    return window, stage


def colours_of(widget: QWidget) -> set[int]:
    image = widget.grab().toImage()
    return {
        image.pixel(x, y) & 0xFFFFFF
        for x in range(GUTTER_PX, image.width())
        for y in range(image.height())
    }


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_every_kind_of_trouble_is_seen(qtbot: QtBot, theme: Theme) -> None:
    window, _ = shown(qtbot, theme, trouble())
    timeline = window.timeline

    assert {theme.erred, theme.disk, theme.lane} <= colours_of(timeline.stream)
    assert {theme.erred, theme.mempause} <= colours_of(timeline.events)


def test_every_kind_of_trouble_is_told(qtbot: QtBot) -> None:
    snapshot = trouble()
    window, stage = shown(qtbot, LIGHT, snapshot)
    lanes = window.timeline.stream
    found = {
        value
        for y in range(0, lanes.height(), 4)
        for x in range(0, lanes.width(), 8)
        if (hit := stage.timeline.hit(snapshot, x, y)) is not None
        for label, value in hit.fields
        if label == "Status"
    }

    assert found == {
        "finished",
        "erred",
        "cancelled",
        "rescheduled",
        "lost with its worker",
        "lost, perhaps before it began",
    }
