"""`daskscope simulate` against `daskscope record`, and a window on ten thousand lanes."""

from __future__ import annotations

import signal
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from daskscope.ingest.journal_reader import JournalReader
from daskscope.ingest.source import Source
from daskscope.store.schema import SpanBatch
from daskscope.theme import LIGHT
from tests.e2e.pictures import n_prefixes
from tests.e2e.programs import DASKSCOPE, daskscope, recorder
from tests.viewer import Window

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.e2e


def test_ten_thousand_lanes_are_recorded_and_drawn(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    path, picture = tmp_path / "many.dscope", tmp_path / "many.png"
    http, grpc = free_port(), free_port()
    with recorder(path, http, grpc):
        size = ("--workers", "625", "--threads", "16", "--rate", "20000", "--seconds", "3")
        done = daskscope("simulate", *size, "--to", f"grpc://127.0.0.1:{grpc}")
    assert done.returncode == 0, done.stderr
    meta = JournalReader(path).meta
    said = f"sent {meta.spans:,} spans, {meta.points:,} metric points, {meta.events:,} log records;"
    assert done.stdout.startswith(said)
    assert "refused: nothing;" in done.stdout

    lanes = set()
    with closing(Source.read(path)) as source:
        window = Window(source)
        source.wait()
        window.wait_for_status(lambda status: status.progress == 1.0)
        for batch in window.batches:
            if isinstance(batch, SpanBatch):
                pairs = np.stack([batch.columns["resource"], batch.columns["thread"]], axis=1)
                lanes |= set(map(tuple, pairs[pairs[:, 1] != 0].tolist()))
    assert len(lanes) > 9_900

    drawn = daskscope(
        *("open", path, "--view", "task-stream"), *("--screenshot", picture, "--theme", "light")
    )
    assert drawn.returncode == 0, drawn.stderr
    assert n_prefixes(picture, LIGHT) >= 2


def test_an_interrupt_ends_it_with_what_was_sent(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    path, http = tmp_path / "run.dscope", free_port()
    with recorder(path, http, free_port()):
        command = [DASKSCOPE, "simulate", "--rate", "500", "--to", f"http://127.0.0.1:{http}"]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(5)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    (line,) = output.splitlines()
    assert line.startswith(f"sent {JournalReader(path).meta.spans:,} spans, ")
    assert JournalReader(path).meta.spans > 100


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://127.0.0.1:1", "neither http://HOST:PORT nor grpc://HOST:PORT"),
        ("http://127.0.0.1:port", "is no URL"),
        ("http://127.0.0.1:1", "nobody answers at http://127.0.0.1:1"),
    ],
)
def test_a_receiver_that_is_not_there_is_one_line(url: str, reason: str) -> None:
    done = daskscope("simulate", "--seconds", "60", "--to", url)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert reason in line
