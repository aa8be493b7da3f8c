from __future__ import annotations

import os
import signal
import threading
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest

from daskscope.ingest.journal import RecordingError
from daskscope.ingest.journal_reader import JournalReader
from daskscope.ingest.record import record
from daskscope.ingest.source import SourceError
from tests.telemetry import tasks

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK = ("127.0.0.1:0",)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_recording_in_order(tmp_path: Path, number: int) -> None:
    path = tmp_path / "a.dscope"

    def send_and_end(http: tuple[str, ...], _grpc: tuple[str, ...]) -> None:
        def run() -> None:
            body = tasks(50).SerializeToString()
            headers = {"Content-Type": "application/x-protobuf"}
            url = f"http://{http[0]}/v1/traces"
            urllib.request.urlopen(urllib.request.Request(url, body, headers)).close()
            os.kill(os.getpid(), number)

        threading.Thread(target=run).start()

    status = record(path, http=LOOPBACK, grpc=LOOPBACK, seconds=None, on_ready=send_and_end)
    assert status.spans == 50
    reader = JournalReader(path)
    assert reader.meta.is_ended
    assert reader.meta.spans == 50
    reader.close()


def test_it_ends_by_itself(tmp_path: Path) -> None:
    began_s = time.perf_counter()
    ready: list[tuple[str, ...]] = []
    record(
        tmp_path / "a.dscope",
        http=LOOPBACK,
        grpc=LOOPBACK,
        seconds=0.1,
        on_ready=lambda *addresses: ready.extend(addresses),
    )
    assert time.perf_counter() - began_s < 10
    assert [len(addresses) for addresses in ready] == [1, 1]


def test_bad_addresses_and_paths_are_one_line(tmp_path: Path) -> None:
    def never(*_: tuple[str, ...]) -> None:
        raise AssertionError

    with pytest.raises(SourceError, match="HOST:PORT"):
        record(tmp_path / "a.dscope", http=("x",), grpc=LOOPBACK, seconds=1, on_ready=never)
    (tmp_path / "mine.dscope").write_text("mine")
    for name, reason in (("mine.dscope", "there already"), ("a.jsonl", r"ends in \.dscope")):
        with pytest.raises(RecordingError, match=reason):
            record(tmp_path / name, http=LOOPBACK, grpc=LOOPBACK, seconds=1, on_ready=never)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.dscope"]
