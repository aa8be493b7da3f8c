"""A recording that is read in part, or not to its end, by the real process."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from daskscope.ingest.envelope import Encoding, Signal
from daskscope.ingest.journal import Journal
from daskscope.ingest.receiver import Receiver
from daskscope.ingest.source import Source
from tests.telemetry import START_NS, tasks
from tests.viewer import Window, ids

if TYPE_CHECKING:
    from pathlib import Path

N_CHUNK = 65_536
N = 5 * N_CHUNK


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Chunks of tasks that begin a microsecond after each other."""
    path = tmp_path_factory.mktemp("reading") / "long.dscope"
    asyncio.run(record(path))
    return path


async def record(path: Path) -> None:
    receiver = Receiver(Journal(path), lambda: START_NS)
    for first in range(0, N, N_CHUNK):
        body = tasks(N_CHUNK, first=first).SerializeToString()
        await receiver.accept(Signal.TRACES, Encoding.PROTOBUF, body)
    await receiver.close()


def test_reading_can_be_stopped_and_what_was_read_stays(recording: Path) -> None:
    with closing(Source.read(recording)) as source:
        window = Window(source)
        source.wait()
        window.wait_for_spans(N_CHUNK)
        assert source.stop()
        status = window.wait_for_status(lambda status: status.is_stopped)
        found = window.column("span_id")
        assert N_CHUNK <= len(found) < N
        assert found == ids(len(found))
        assert status.progress < 1.0
        assert status.spans == N
        # The reader is still there for questions about what was read.
        assert source.is_alive


def test_what_is_read_to_its_end_cannot_be_stopped_any_more(recording: Path) -> None:
    with closing(Source.read(recording)) as source:
        window = Window(source)
        source.wait()
        status = window.wait_for_status(lambda status: status.ends_ns > 0)
        # The end is known before it is read, so that the window need not grow.
        assert status.ends_ns == START_NS + (N - 1) * 1_000 + 900
        window.wait_for_spans(N)
        window.wait_for_status(lambda status: status.progress == 1.0)
        assert source.stop()
        window.drain()
        assert not window.wait_for_status(lambda status: status.progress == 1.0).is_stopped


def test_a_part_of_a_recording_is_read(recording: Path) -> None:
    with closing(Source.read(recording, since_s=0.1, until_s=0.2)) as source:
        window = Window(source)
        source.wait()
        window.wait_for_status(lambda status: status.progress == 1.0)
        found = window.column("start_ns")
        assert min(found) == START_NS + 100_000_000
        assert max(found) == START_NS + 200_000_000
        assert len(found) == 100_001
        assert window.status.part == "0:00.1 to 0:00.2"


@pytest.mark.parametrize("until_s", [None, 60.0])
def test_of_a_recording_that_is_cut_short_what_is_left_is_read(
    recording: Path, tmp_path: Path, until_s: float | None
) -> None:
    path = tmp_path / "cut.dscope"
    path.write_bytes(recording.read_bytes()[: recording.stat().st_size // 2])
    with closing(Source.read(path, until_s=until_s)) as source:
        source.wait()
        window = Window(source)
        status = window.wait_for_status(lambda status: status.problem != "")
        found = window.column("span_id")
    assert found == ids(len(found))
    n_requests = len(found) // N_CHUNK
    assert 0 < n_requests < 5
    assert len(found) == n_requests * N_CHUNK
    assert f"{5 - n_requests} of 5 requests are missing" in status.problem
    assert status.progress < 1.0
    assert bool(status.part) == (until_s is not None)


def test_a_module_of_the_folder_one_is_in_is_not_taken_for_pythons(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "queue.py").write_text("raise ImportError('somebody else')")
    monkeypatch.chdir(tmp_path)
    with closing(Source.read(recording)) as source:
        source.wait()
