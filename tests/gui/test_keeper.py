"""A window leaves what was chosen to the next one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from daskscope.app.options import WindowOptions
from daskscope.app.run import Run
from daskscope.app.settings import Memory, Settings
from daskscope.store.schema import Message, SourceStatus
from daskscope.theme import COMPACT
from tests.builders import MS, SECOND
from tests.gui.working import NOW, Link, cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

SIZE = (1400, 800)


class Starts:
    """Windows on one recording, one after the other."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self._qtbot, self._folder = qtbot, folder
        self.lines: list[str] = []
        self.now = NOW
        self._started: list[Run] = []

    def start(self, is_live: bool = True, **options: object) -> Run:
        link = Link()
        has_data = bool(options.pop("has_data", True))
        memory = Memory(
            self._folder / "config",
            self._folder / "views",
            self._folder / "a.dscope",
            self.lines.append,
        )
        run = Run(
            link,  # type: ignore[arg-type]
            WindowOptions(**{"size": SIZE, **options}),  # type: ignore[arg-type]
            is_live,
            lambda: "",
            memory=memory,
        )
        self._qtbot.addWidget(run.window)
        self._started.append(run)
        run.show(SIZE)
        if not has_data:
            return run
        done: list[Message] = [SourceStatus(is_live=is_live, http=Link.http, progress=1.0)]
        link.messages = [*done, *cluster()[1][1:]]
        self.tick(run)
        return run

    def tick(self, run: Run) -> None:
        for _ in range(5):
            self.now += 16 * MS
            run.tick(self.now)

    def kept(self) -> Settings:
        """What the next window would read."""
        return Memory(self._folder / "config", self._folder, None, self.lines.append).settings()

    def end(self) -> None:
        for run in self._started:
            run.finish()


@pytest.fixture
def starts(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Starts]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    made = Starts(qtbot, tmp_path)
    yield made
    made.end()


def test_layout_theme_density_and_order_are_there_again(starts: Starts) -> None:
    run = starts.start()
    run.choose_theme("dark")
    run.choose_density("compact")
    run.window.workers.sort_requested.emit("cpu")
    run.window.toggle_dock("resources")
    left, all_ = run.window.layout_now().splitters[1], run.window.layout_now().splitters[0]
    splitters = run.window.borders.pairs()
    splitters[0].setSizes([all_[0] - 60, all_[1] + 60])
    splitters[1].setSizes([left[0] - 50, left[1] + 50])
    run.overlays.perform("time.fit")
    kept = run.window.layout_now()
    run.finish()

    again = starts.start()

    assert again.theme.name == "dark"
    assert again.session.density == COMPACT
    assert again.window.workers.row_px == COMPACT.table_row_px
    assert (again.session.worker_sort, again.session.is_sort_descending) == ("cpu", True)
    assert not again.window.is_dock_shown("resources")
    assert again.window.layout_now().splitters[:2] == kept.splitters[:2]
    assert again.overlays.recent == ["time.fit"]
    assert starts.lines == []


def test_the_view_of_a_recording_is_there_again(starts: Starts) -> None:
    run = starts.start(is_live=False)
    stream = run.window.timeline.stream
    for key in (Qt.Key.Key_W, Qt.Key.Key_W, Qt.Key.Key_A):
        QTest.keyClick(stream, key)
    run.window.timeline.legend.toggled.emit("sum")
    run.window.timeline.selected.emit(NOW - 12 * SECOND, NOW - 9 * SECOND, None)
    starts.tick(run)
    assert run.frame is not None
    view, session = run.frame.view, run.session
    run.finish()

    again = starts.start(is_live=False)

    assert again.frame is not None
    assert again.frame.view == view
    assert again.session.filter.hidden_prefixes == {"sum"}
    assert again.session.selection_ns == session.selection_ns


def test_a_recording_that_is_another_one_now_is_shown_whole(starts: Starts, tmp_path: Path) -> None:
    run = starts.start(is_live=False)
    QTest.keyClick(run.window.timeline.stream, Qt.Key.Key_A)
    run.finish()
    (file,) = (tmp_path / "views").iterdir()
    state = json.loads(file.read_text())
    state["end_ns"] -= 1_000_000 * SECOND
    file.write_text(json.dumps(state))

    again = starts.start(is_live=False)

    assert again.frame is not None
    assert again.frame.n_spans_in_view == 4


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({"theme": "light"}, lambda run: run.theme.name == "light"),
        ({"range_s": 7.0}, lambda run: run.session.span_ns == 7 * SECOND),
        ({"view": "workers"}, lambda run: not run.window.timeline.isVisible()),
    ],
)
def test_the_command_line_goes_before_what_is_remembered(
    starts: Starts, options: dict[str, object], kept: Callable[[Run], bool]
) -> None:
    run = starts.start(is_live=False)
    run.choose_theme("dark")
    QTest.keyClick(run.window.timeline.stream, Qt.Key.Key_A)
    layout = run.window.layout_now()
    run.finish()

    asked = starts.start(is_live=False, **options)
    assert kept(asked)
    asked.finish()

    again = starts.start(is_live=False)
    assert again.theme.name == "dark"
    assert again.window.layout_now().hidden_docks == layout.hidden_docks


def test_what_was_changed_is_kept_while_the_window_is_open(starts: Starts, qtbot: QtBot) -> None:
    run = starts.start()
    run.choose_theme("dark")
    run.keeper.keep_if_due(1e9, run.session, run.window)
    assert starts.kept().theme == "dark"


def test_without_a_memory_nothing_is_read_or_written(busy: Run, tmp_path: Path) -> None:
    busy.choose_theme("dark")
    busy.keeper.keep(busy.session, busy.window)
    assert not list(tmp_path.rglob("*.json"))


def test_the_place_on_the_screen_is_kept_unless_a_size_was_asked_for(starts: Starts) -> None:
    run = starts.start(size=None)
    run.window.setGeometry(30, 40, 1024, 640)
    run.finish()
    place = starts.kept().layout.geometry
    assert place

    starts.start(size=SIZE).finish()
    assert starts.kept().layout.geometry == place

    again = starts.start(size=None)
    # The offscreen platform's screen is narrower than the window, which moves it to the left.
    assert again.window.y() == run.window.y()
    assert again.window.size() == run.window.size()


def test_the_keys_are_hinted_at_until_one_knows_them(starts: Starts) -> None:
    run = starts.start()
    assert run.window.hint.isVisible()
    run.finish()

    again = starts.start()
    assert again.window.hint.isVisible()  # it was not put away
    again.overlays.toggle_keys()
    again.finish()

    assert not starts.start().window.hint.isVisible()


def test_a_window_that_never_had_data_leaves_the_sizes_of_docks_alone(starts: Starts) -> None:
    run = starts.start()
    run.window.borders.pairs()[0].setSizes([900, 500])
    kept = run.window.layout_now().splitters
    run.finish()

    empty = starts.start(has_data=False, size=(1100, 700))
    empty.tick(NOW)
    assert empty.window.is_welcome
    empty.finish()

    assert starts.kept().layout.splitters == kept
