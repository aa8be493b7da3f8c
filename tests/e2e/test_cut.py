"""A recording of which the end is missing, in the window that opens it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

import pytest

from daskscope.app.options import WindowOptions
from daskscope.app.run import Run
from daskscope.ingest.clock import wall_ns
from daskscope.ingest.source import Source
from daskscope.store.chunk import CHUNK_ROWS
from tests.e2e.programs import daskscope, recorder
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytestqt.qtbot import QtBot

pytestmark = pytest.mark.e2e

#: Spans of several chunks: what comes first is then not yet all that is left.
_LOAD: Final = ("--workers", "4", "--threads", "4", "--rate", "60000", "--seconds", "4")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> bytes:
    """A recording of a simulated cluster."""
    path = tmp_path_factory.mktemp("whole") / "run.dscope"
    http, grpc = free_port(), free_port()
    with recorder(path, http, grpc):
        done = daskscope("simulate", *_LOAD, "--to", f"grpc://127.0.0.1:{grpc}")
    assert done.returncode == 0, done.stderr
    return path.read_bytes()


@pytest.mark.parametrize("share", [0.5, 0.8, 1.0])
def test_the_whole_run_is_in_view_however_much_of_it_is_left(
    whole: bytes, tmp_path: Path, qtbot: QtBot, share: float
) -> None:
    path = tmp_path / "run.dscope"
    path.write_bytes(whole[: int(share * len(whole))])
    with closing(Source.read(path)) as source:
        wait_for(lambda: not source._listener.is_alive())  # before a window is there
        run = Run(source, WindowOptions(size=(1280, 720)), is_live=False, failure=lambda: "")
        qtbot.addWidget(run.window)
        run.window.resize(1280, 720)
        run.window.show()

        def is_drawn() -> bool:
            run.tick(wall_ns())
            return run._is_all_drawn()

        wait_for(is_drawn)
        snapshot, frame = run.snapshot, run.frame
        run.finish()
    assert run.error is None
    assert bool(snapshot.status.problem) is (share < 1)
    assert snapshot.n_spans > CHUNK_ROWS
    assert frame is not None
    length_ns = snapshot.last_ns - snapshot.first_ns
    assert frame.view.start_ns <= snapshot.first_ns
    assert snapshot.last_ns <= frame.view.end_ns <= snapshot.last_ns + length_ns // 4
