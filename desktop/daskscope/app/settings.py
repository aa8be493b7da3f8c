"""What is remembered between two starts: settings of the user, and the view of each recording.

Both are small JSON files of our own folders, written whole or not at all. What cannot be read is
ignored with one line, what another version wrote without one; what cannot be written is not kept.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import platformdirs

from daskscope.app.plain import PlainError, from_plain, to_plain

if TYPE_CHECKING:
    from collections.abc import Callable

#: Grows when what is written means something else.
VERSION: Final = 1
#: Recordings whose view is remembered; the one that was looked at longest ago goes first.
MOST_VIEWS: Final = 200


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands where in the window.

    Attributes
    ----------
    geometry
        The window's place as Qt writes it, in base64; "" for none.
    splitters
        Sizes of the parts of each splitter, in pixels.
    hidden_docks
        Docks that are not shown.
    tabs
        The chosen view of each dock.
    """

    geometry: str = ""
    splitters: tuple[tuple[int, ...], ...] = ()
    hidden_docks: frozenset[str] = frozenset()
    tabs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Settings:
    """What is the same for every recording.

    Attributes
    ----------
    theme
        `light`, `dark`, or "" to follow the system.
    density
        A name of `theme.DENSITIES`.
    worker_sort, is_sort_descending
        Column by which the workers table is sorted.
    are_charts_linked
        Charts show the task stream's time.
    recent
        Ids of what was chosen in the palette, the last one first.
    knows_keys
        The list of keys has been opened once, or its hint put away.
    """

    theme: str = ""
    density: str = "normal"
    worker_sort: str = "worker"
    is_sort_descending: bool = False
    are_charts_linked: bool = True
    recent: tuple[str, ...] = ()
    knows_keys: bool = False
    layout: Layout = Layout()


class Memory:
    """Reads and writes what is remembered for one window.

    Parameters
    ----------
    config, views
        Folders of settings and of the views of recordings.
    recording
        The file whose view is remembered: what is read, or what a live session writes.
    say
        Takes a line about what could not be read.

    Attributes
    ----------
    is_lasting
        What is kept is there at the next start.
    """

    is_lasting = True

    def __init__(
        self, config: Path, views: Path, recording: Path | None, say: Callable[[str], None]
    ) -> None:
        self._settings = config / "settings.json"
        self._views = views
        self._recording = recording
        self._say = say

    def settings(self) -> Settings:
        """The settings, or defaults."""
        plain = self._read(self._settings)
        try:
            return from_plain(Settings, plain) if plain else Settings()
        except PlainError:
            return Settings()

    def keep_settings(self, settings: Settings) -> None:
        """Remember `settings`."""
        _write(self._settings, to_plain(settings))

    def view(self) -> dict[str, object]:
        """What was kept of the recording's view, empty for nothing."""
        return self._read(self._view_path()) if self._recording is not None else {}

    def keep_view(self, view: dict[str, object]) -> None:
        """Remember the view of the recording."""
        if self._recording is None:
            return
        named = {"recording": str(self._recording.resolve()), **view}
        if _write(self._view_path(), named):
            self._drop_oldest()

    def _view_path(self) -> Path:
        name = str(self._recording.resolve()) if self._recording is not None else ""
        digest = hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()
        return self._views / f"{digest[:24]}.json"

    def _drop_oldest(self) -> None:
        try:
            kept = sorted(self._views.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
            for path in kept[:-MOST_VIEWS]:
                path.unlink()
        except OSError:
            return  # another window is at it

    def _read(self, path: Path) -> dict[str, object]:
        try:
            plain = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            self._say(f"{path} is ignored: {error}")
            return {}
        if not isinstance(plain, dict):
            self._say(f"{path} is ignored: it holds no settings")
            return {}
        return plain if plain.get("version") == VERSION else {}


class Forgetful(Memory):
    """Remembers nothing: for pictures and for windows that nobody sees."""

    is_lasting = False

    def __init__(self) -> None:
        super().__init__(Path(), Path(), None, lambda _line: None)

    def settings(self) -> Settings:
        """Defaults."""
        return Settings()

    def keep_settings(self, settings: Settings) -> None:
        """Keep nothing."""


def user_memory(recording: Path | None, say: Callable[[str], None]) -> Memory:
    """What this user's windows remember."""
    config = Path(platformdirs.user_config_dir("daskscope"))
    views = Path(platformdirs.user_data_dir("daskscope")) / "views"
    return Memory(config, views, recording, say)


def _write(path: Path, plain: object) -> bool:
    """Write a file whole or not at all, and say which."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        body = {"version": VERSION, **plain} if isinstance(plain, dict) else plain
        draft.write_text(json.dumps(body, indent=1), encoding="utf-8")
        os.replace(draft, path)
    except (OSError, ValueError):
        return False
    return True
