"""What commands without a window say in the end."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from daskscope.app.headless import record_to
from daskscope.ingest.journal import Journal, RecordingError, WriteError
from tests.telemetry import tasks

if TYPE_CHECKING:
    from pathlib import Path

ADDRESSES = {"http": ("127.0.0.1:0",), "grpc": ("127.0.0.1:0",)}


def test_a_recording_that_could_not_be_written_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    statuses: list[int] = []

    def full(*_: object) -> int:
        raise WriteError("cannot write: disk is full")

    def send(http: tuple[str, ...], _grpc: tuple[str, ...]) -> None:
        headers = {"Content-Type": "application/x-protobuf"}
        bodies = [b"\xff", *(tasks(2, first=n).SerializeToString() for n in range(2))]

        def run() -> None:
            for body in bodies:
                request = urllib.request.Request(f"http://{http[0]}/v1/traces", body, headers)
                with pytest.raises(urllib.error.HTTPError) as refused:
                    urllib.request.urlopen(request)
                statuses.append(refused.value.code)
                refused.value.close()

        threading.Thread(target=run).start()

    monkeypatch.setattr(Journal, "commit", full)
    with pytest.raises(RecordingError, match="disk is full"):
        record_to(tmp_path / "a.dscope", ADDRESSES, 2.0, send)

    assert statuses == [400, 503, 503]
    assert [record.message.partition(";")[0] for record in caplog.records] == [
        "cannot write: disk is full"
    ]
    assert capsys.readouterr().err.endswith("0 log records; 1 refused\n")
