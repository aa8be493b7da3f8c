"""Details over the real link: from a receiver, from its recording, from JSON lines."""

from __future__ import annotations

import http.client
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from dask_otel import conventions
from daskscope.app.options import WindowOptions
from daskscope.app.run import Run
from daskscope.derive.details.known import Inquired
from daskscope.derive.details.subject import of_row
from daskscope.ingest.export import export
from daskscope.ingest.source import Source
from daskscope.theme import GUTTER_PX
from tests.telemetry import START_NS, set_attributes, span_id, tasks, trace_id
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from pytestqt.qtbot import QtBot

    from daskscope.derive.details.frame import DetailsFrame

#: Attempts, one behind the other; each has links to the next three.
N = 40
CHOSEN = 20
MS = 1_000_000
TRACEBACK = "Traceback (most recent call last):\n  <b>line</b>\nValueError: no"


def requests() -> list[ExportTraceServiceRequest]:
    """Four requests; the attempts last a millisecond and follow each other."""
    made = []
    for first in range(0, N, N // 4):
        request = tasks(N // 4, first)
        for span in request.resource_spans[0].scope_spans[0].spans:
            number = (span.start_time_unix_nano - START_NS) // 1_000
            span.start_time_unix_nano = START_NS + (N - number) * MS
            span.end_time_unix_nano = span.start_time_unix_nano + MS
            if number == CHOSEN:
                span.status.code = span.status.STATUS_CODE_ERROR
                event = span.events.add(name=conventions.EVENT_EXCEPTION)
                told = {
                    conventions.EXCEPTION_TYPE: "ValueError",
                    conventions.EXCEPTION_MESSAGE: "no",
                    conventions.EXCEPTION_STACKTRACE: TRACEBACK,
                }
                set_attributes(event.attributes, told)
                set_attributes(span.attributes, {"my.<b>own</b>": [1, 2]})
        made.append(request)
    return made


def post(source: Source, request: ExportTraceServiceRequest) -> None:
    host, _, port = source.http[0].rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    kind = {"Content-Type": "application/x-protobuf"}
    connection.request("POST", "/v1/traces", request.SerializeToString(), kind)
    assert connection.getresponse().status == 200
    connection.close()


def chosen_details(source: Source, qtbot: QtBot, is_live: bool) -> DetailsFrame:
    """What the panel of a window on a source says of an attempt that is clicked."""
    run = Run(source, WindowOptions(size=(1280, 720), theme="dark"), is_live, lambda: "")
    qtbot.addWidget(run.window)
    run.window.resize(1280, 720)
    run.window.show()

    def ticked() -> bool:
        run.tick(START_NS + 60 * MS)
        assert run.error is None
        return run.snapshot.n_spans == N and run.frame is not None

    wait_for(ticked)
    run.session = type(run.session)(
        is_following=False, span_ns=(N + 10) * MS, end_ns=START_NS + (N + 5) * MS
    )
    wait_for(lambda: ticked() and run.frame is not None and run.frame.is_exact)
    frame = run.frame
    assert frame is not None
    middle_ns = START_NS + (N - CHOSEN) * MS + MS // 2
    lane = int(run.snapshot.chunks[0].columns["lane"][CHOSEN])
    top_px = int(frame.layout.row_px[0, frame.layout.row_of_lane[lane]])
    stream = run.window.timeline.stream
    point = QPoint(GUTTER_PX + round(frame.view.x_px(middle_ns)), top_px - frame.scroll_px + 5)
    QTest.mouseClick(stream, Qt.MouseButton.LeftButton, pos=point)

    def is_known() -> bool:
        run.choosing._panel_pace.hurry()
        ticked()
        known = run.choosing.known
        if known is None or known.details is None:
            return False
        return known.searched is Inquired.ANSWERED and len(known.survey.relatives) == 6

    wait_for(is_known)
    is_known()
    shown = run.window.details.frame_shown
    assert shown is not None
    run.finish()
    return shown


def check(shown: DetailsFrame) -> None:
    assert shown.key == f"('sum-5f3a9b2c1d0e', {CHOSEN}, {CHOSEN})"
    assert shown.pill == "erred"
    assert (shown.trace_id, shown.span_id) == (trace_id(1).hex(), span_id(CHOSEN).hex())
    assert shown.failure is not None
    assert (shown.failure.type, shown.failure.traceback) == ("ValueError", TRACEBACK)
    assert {fact.label: fact.value for fact in shown.others}["my.<b>own</b>"] == ("1, 2",)
    listed = {one.title: {row.text for row in one.rows} for one in shown.listings}
    assert {one.rpartition(", ")[2] for one in listed["Dependencies"]} == {"21", "22", "23"}
    assert {one.rpartition(", ")[2] for one in listed["Dependents"]} == {"17", "18", "19"}


@pytest.fixture
def recorded(tmp_path: Path, qtbot: QtBot) -> Path:
    path = tmp_path / "run.dscope"
    with closing(Source.receive(("127.0.0.1:0",), ("127.0.0.1:0",), path)) as source:
        source.wait()
        for request in requests():
            post(source, request)
        check(chosen_details(source, qtbot, is_live=True))
    return path


def test_live_and_from_a_recording(recorded: Path, qtbot: QtBot) -> None:
    with closing(Source.read(recorded)) as source:
        source.wait()
        check(chosen_details(source, qtbot, is_live=False))


def test_from_json_lines(recorded: Path, tmp_path: Path, qtbot: QtBot) -> None:
    lines = tmp_path / "run.jsonl"
    export(recorded, lines, "traces", lambda _share: None)
    with closing(Source.read(lines)) as source:
        source.wait()
        check(chosen_details(source, qtbot, is_live=False))


def test_a_process_that_is_gone_answers_nothing_and_that_is_said(
    recorded: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daskscope.app.inquiry.PATIENCE_S", 0.2)
    with closing(Source.read(recorded)) as source:
        source.wait()
        run = Run(source, WindowOptions(size=(1280, 720)), False, lambda: "")
        qtbot.addWidget(run.window)
        run.window.show()

        def ticked() -> bool:
            run.tick(START_NS)
            assert run.error is None
            return run.snapshot.n_spans == N and run.frame is not None

        wait_for(ticked)
        source._process.kill()
        run.choosing.choose(of_row(run.snapshot.chunks[0], CHOSEN))

        def is_said() -> bool:
            run.choosing._panel_pace.hurry()
            ticked()
            shown = run.window.details.frame_shown
            return shown is not None and shown.note.startswith("No answer")

        wait_for(is_said)
        run.finish()
