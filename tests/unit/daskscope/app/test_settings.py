from __future__ import annotations

import os
from pathlib import Path

import pytest

from daskscope.app.settings import MOST_VIEWS, Layout, Memory, Settings

KEPT = Settings(
    theme="dark",
    density="compact",
    worker_sort="cpu",
    is_sort_descending=True,
    are_charts_linked=False,
    recent=("time.fit", "prefix:su\u202em"),
    layout=Layout("AAEC", ((800, 400), (500, 200)), frozenset({"workers"}), frozenset({"x"})),
)


class Place:
    """Two folders and what was said."""

    def __init__(self, root: Path) -> None:
        self.config, self.views, self.lines = root / "config", root / "views", list[str]()
        self.file = self.config / "settings.json"

    def memory(self, recording: Path | None = None) -> Memory:
        return Memory(self.config, self.views, recording, self.lines.append)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_settings_are_there_at_the_next_start(place: Place) -> None:
    assert place.memory().settings() == Settings()
    place.memory().keep_settings(KEPT)
    assert place.memory().settings() == KEPT
    assert place.lines == []
    assert [path.name for path in place.config.iterdir()] == ["settings.json"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe\x00", b"[1]", b'"x"', b"3"])
def test_a_broken_file_is_ignored_with_one_line(place: Place, body: bytes) -> None:
    place.config.mkdir()
    place.file.write_bytes(body)
    assert place.memory().settings() == Settings()
    (line,) = place.lines
    assert str(place.file) in line
    assert "\n" not in line


@pytest.mark.parametrize("version", ["0", "2", '"1"', "null"])
def test_what_another_version_wrote_is_ignored(place: Place, version: str) -> None:
    place.config.mkdir()
    place.file.write_text(f'{{"version": {version}, "theme": "dark"}}')
    assert place.memory().settings() == Settings()
    assert place.lines == []


def test_what_is_not_understood_keeps_its_default(place: Place) -> None:
    place.config.mkdir()
    place.file.write_text('{"version": 1, "theme": 3, "density": "compact", "layout": {"x": 1}}')
    assert place.memory().settings() == Settings(density="compact")


def test_a_place_that_cannot_be_written_is_no_error(place: Place) -> None:
    place.config.write_text("a file where the folder should be")
    memory = place.memory(Path("a.dscope"))
    place.views.write_text("likewise")
    memory.keep_settings(KEPT)
    memory.keep_view({"scroll_px": 3})
    assert place.config.read_text().startswith("a file")


def test_each_recording_has_its_own_view(place: Place, tmp_path: Path) -> None:
    one, two = tmp_path / "one.dscope", tmp_path / "two.dscope"
    place.memory(one).keep_view({"scroll_px": 1})
    place.memory(two).keep_view({"scroll_px": 2})
    assert place.memory(one).view()["scroll_px"] == 1
    assert place.memory(tmp_path / "." / "two.dscope").view()["scroll_px"] == 2
    assert place.memory(tmp_path / "three.dscope").view() == {}
    assert place.memory(None).view() == {}


def test_the_view_that_was_kept_longest_ago_goes(place: Place, tmp_path: Path) -> None:
    for number in range(MOST_VIEWS + 3):
        place.memory(tmp_path / f"{number}.dscope").keep_view({"n": number})
        newest = max(place.views.iterdir(), key=lambda path: path.stat().st_ctime_ns)
        os.utime(newest, ns=(number, number))
    assert len(list(place.views.iterdir())) == MOST_VIEWS
    assert place.memory(tmp_path / "0.dscope").view() == {}
    assert place.memory(tmp_path / f"{MOST_VIEWS}.dscope").view()["n"] == MOST_VIEWS
