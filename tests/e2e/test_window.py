"""The window as a user meets it: a recording offscreen, and live data in a real X display."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import time
import urllib.request
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from PySide6.QtGui import QImage

from daskscope.theme import DARK, LIGHT, Theme
from tests.e2e.pictures import n_prefixes
from tests.e2e.programs import MARK, daskscope, homes, marked, recorder, running_daskscope
from tests.e2e.screen import Screen
from tests.telemetry import tasks
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

N_TASKS = 48
TASK_NS = 400_000_000


def send_tasks(http: int) -> None:
    """Send tasks of four threads and three prefixes, one after the other, that end now."""
    request = tasks(N_TASKS)
    start_ns = time.time_ns() - N_TASKS // 4 * TASK_NS
    for number, span in enumerate(request.resource_spans[0].scope_spans[0].spans):
        span.start_time_unix_nano = start_ns + number // 4 * TASK_NS
        span.end_time_unix_nano = span.start_time_unix_nano + TASK_NS * 9 // 10
    send(http, request.SerializeToString())


def send(http: int, body: bytes) -> None:
    urllib.request.urlopen(
        urllib.request.Request(
            f"http://127.0.0.1:{http}/v1/traces",
            body,
            {"Content-Type": "application/x-protobuf"},
        )
    ).close()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Path:
    path = tmp_path_factory.mktemp("window") / "run.dscope"
    http = free_port()
    with recorder(path, http, free_port()):
        send_tasks(http)
    return path


@pytest.fixture
def display() -> Iterator[str]:
    """Run an X server of its own, on a display that it finds free."""
    readable, writable = os.pipe()
    command = ["Xvfb", "-displayfd", str(writable), "-screen", "0", "1700x1000x24"]
    process = subprocess.Popen(
        [*command, "-nolisten", "tcp"], pass_fds=[writable], stderr=subprocess.DEVNULL
    )
    os.close(writable)
    try:
        with os.fdopen(readable) as number:
            yield f":{number.readline().strip()}"
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_open_draws_a_recording(recording: Path, tmp_path: Path, theme: Theme) -> None:
    picture = tmp_path / "picture.png"
    result = daskscope(
        *("open", recording),
        *("--screenshot", picture),
        *("--size", "1280x720"),
        *("--theme", theme.name),
        **homes(tmp_path),
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert str(picture) in result.stdout
    assert QImage(str(picture)).size().toTuple() == (1280, 720)
    assert n_prefixes(picture, theme) == 3


def test_open_shows_an_export_as_well(recording: Path, tmp_path: Path) -> None:
    lines, picture = tmp_path / "run.jsonl", tmp_path / "picture.png"
    assert daskscope("export", recording, "-o", lines).returncode == 0
    result = daskscope(
        *("open", lines),
        *("--screenshot", picture),
        *("--theme", "light"),
        **homes(tmp_path),
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert n_prefixes(picture, LIGHT) == 3


def test_of_a_recording_that_is_cut_short_all_that_is_left_is_drawn_and_exported(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    path, picture, lines = (tmp_path / name for name in ("run.dscope", "x.png", "x.jsonl"))
    http = free_port()
    with recorder(path, http, free_port()):
        for number in range(200):
            send(http, tasks(20, first=20 * number).SerializeToString())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])

    drawn = daskscope(
        *("open", path), *("--screenshot", picture), *("--theme", "light"), **homes(tmp_path)
    )
    assert drawn.returncode == 1
    (line,) = drawn.stderr.splitlines()
    assert re.search(r"run\.dscope is cut short: .* of 200 requests are missing", line)
    assert n_prefixes(picture, LIGHT) == 3
    exported = daskscope("export", path, "-o", lines)
    assert exported.returncode == 1
    assert "what is there has been written" in exported.stderr
    assert 0 < len(lines.read_text().splitlines()) < 200


@pytest.mark.parametrize(
    ("name", "content"),
    [("absent.dscope", None), ("foreign.dscope", b"\x00PK not ours"), ("empty.jsonl", b"")],
)
def test_open_refuses_what_is_no_recording(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    result = daskscope("open", path, "--screenshot", tmp_path / "x.png", **homes(tmp_path))
    assert result.returncode != 0
    assert len(result.stderr.splitlines()) == 1
    assert name in result.stderr
    assert not (tmp_path / "x.png").exists()


def test_a_real_window_draws_what_arrives(
    tmp_path: Path, display: str, free_port: Callable[[], int]
) -> None:
    picture = tmp_path / "picture.png"
    http = free_port()
    with running_daskscope(
        *("connect", "--seconds", "4"),
        *("--http", f"127.0.0.1:{http}"),
        *("--grpc", f"127.0.0.1:{free_port()}"),
        *("--screenshot", picture),
        *("--theme", "light"),
        DISPLAY=display,
        QT_QPA_PLATFORM="xcb",
        **homes(tmp_path),
    ) as (process, line):
        assert line.startswith("listening ")
        send_tasks(http)
        _, errors = process.communicate(timeout=30)  # it closes by itself
    assert (process.returncode, errors) == (0, "")
    assert n_prefixes(picture, LIGHT) == 3


def test_a_real_window_that_is_hidden_draws_nothing(
    tmp_path: Path, display: str, free_port: Callable[[], int]
) -> None:
    """As one that is minimised or on another desktop; of one that is covered X says nothing."""
    frames, http, hidden_s = tmp_path / "frames.csv", free_port(), 2.0
    with running_daskscope(
        *("connect", "--seconds", "7"),
        *("--http", f"127.0.0.1:{http}"),
        *("--grpc", f"127.0.0.1:{free_port()}"),
        *("--frame-log", frames),
        DISPLAY=display,
        QT_QPA_PLATFORM="xcb",
        **homes(tmp_path),
    ) as (process, _):
        with closing(Screen(display)) as screen:

            def live(seconds: float) -> None:
                """Send tasks all the time."""
                until_s = time.monotonic() + seconds
                while time.monotonic() < until_s:
                    send_tasks(http)
                    time.sleep(0.1)

            wait_for(screen.windows)
            live(1.5)
            (window,) = screen.windows()
            screen.show(window, is_shown=False)
            live(hidden_s)
            screen.show(window, is_shown=True)
            live(1.0)
        process.communicate(timeout=30)
    _, *lines = frames.read_text().splitlines()
    times_s = [float(line.split(",")[0]) for line in lines]
    waits_s = [after - before for before, after in itertools.pairwise(times_s)]
    assert max(waits_s[:-10]) > hidden_s * 0.8  # those of an idle window come after


def test_without_its_display_it_says_so_in_one_line(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    result = daskscope(
        *("connect", "--seconds", "1"),
        *("--http", f"127.0.0.1:{free_port()}"),
        *("--grpc", f"127.0.0.1:{free_port()}"),
        DISPLAY=":no-such-display",
        QT_QPA_PLATFORM="xcb",
        **{MARK: str(tmp_path)},
        **homes(tmp_path),
    )
    wait_for(lambda: not marked(str(tmp_path)))
    assert result.returncode == 3
    assert result.stderr == (
        "daskscope: Qt cannot open a window: could not connect to display :no-such-display\n"
    )


def test_a_picture_of_a_part_in_which_nothing_happened_is_made_as_well(
    recording: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "nothing.png"
    result = daskscope("open", recording, "--since", "900000", "--screenshot", picture)

    assert (result.returncode, result.stderr) == (0, "")
    assert picture.exists()


def test_a_window_remembers_and_one_that_nobody_sees_does_not(
    recording: Path, tmp_path: Path
) -> None:
    """Qt's platform `minimal` needs no display, and is a window to us."""
    settings = tmp_path / "config" / "daskscope" / "settings.json"
    views = tmp_path / "data" / "daskscope" / "views"

    def opened(platform: str) -> tuple[int, str]:
        result = daskscope(
            *("open", recording, "--seconds", "2"), QT_QPA_PLATFORM=platform, **homes(tmp_path)
        )
        return result.returncode, result.stderr

    assert opened("offscreen") == (0, "")
    assert not settings.exists()
    assert not views.exists()

    assert opened("minimal:enable_fonts") == (0, "")
    assert settings.exists()
    assert len(list(views.iterdir())) == 1

    settings.write_text("{")
    status, errors = opened("minimal:enable_fonts")
    assert status == 0
    assert len(errors.splitlines()) == 1
    assert str(settings) in errors
    assert opened("minimal:enable_fonts") == (0, "")  # it was written anew
