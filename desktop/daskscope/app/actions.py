"""The one table of what a user can do; menus, keys, tooltips, help and docs are made of it.

A row says what an action is called and by which keys it is reached; `app.bindings` says what it
does. What is done with the mouse has rows of its own, which the help and the docs show as well.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence


class Context(Enum):
    """Where the keys of an action are heard."""

    #: Anywhere in the window, but for letters that are typed into a field.
    WINDOW = "window"
    #: While the task stream has the focus.
    STREAM = "task stream"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be asked for.

    Attributes
    ----------
    id
        Its name in `app.bindings`, `group.verb`.
    text
        As it stands in menus and the palette.
    group
        Heading in help and palette; `MENUS` says where it stands in a menu.
    about
        What it is for, in one line: tooltip, help, docs. Actions that go two ways say the same, and
        are one row of help and docs.
    shortcuts
        Key sequences as Qt writes them in English; the first is shown, the others are alternates.
    context
        Where those keys are heard.
    is_checkable
        It is on or off.
    is_repeating
        A key held down asks for it again and again.
    is_held
        The widget hears the key itself, since holding it changes what the mouse does.
    """

    id: str
    text: str
    group: str
    about: str
    shortcuts: tuple[str, ...] = ()
    context: Context = Context.WINDOW
    is_checkable: bool = False
    is_repeating: bool = False
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class Gesture:
    """What is done with the mouse: by which movements, as `Shift + wheel`, and what for."""

    hands: tuple[str, ...]
    group: str
    about: str


_STREAM: Final = Context.STREAM

#: Menus of the toolbar: title, and the groups that stand in it with a line between two.
MENUS: Final = (
    ("File", ("File",)),
    ("View", ("Views", "Panels", "Density", "Theme", "Window")),
    ("Go", ("Time", "Search")),
    ("Lanes", ("Lanes",)),
    ("Tools", ("Selection", "Task")),
    ("Help", ("Help",)),
)

ACTIONS: Final = (
    Action("file.open", "Open recording…", "File", "open a recording in a window of its own", ("Ctrl+O",)),
    Action("file.earlier", "Open the earlier part", "File", "open what had to go from memory, in a window of its own"),
    Action("file.stop", "Stop reading", "File", "read no more of a recording; what was read stays"),
    Action("file.picture", "Save picture…", "File", "save what the window shows", ("Ctrl+Shift+S",)),
    Action("file.copy", "Copy picture", "File", "copy what the window shows", ("Ctrl+Shift+C",)),
    Action("file.quit", "Quit", "File", "close the window", ("Ctrl+Q",)),
    Action("view.stream", "Go to task stream", "Views", "give the task stream the keyboard", ("Ctrl+1",)),
    Action("view.progress", "Go to progress", "Views", "show progress and give it the keyboard", ("Ctrl+2",)),
    Action("view.details", "Go to details", "Views", "show details and give them the keyboard", ("Ctrl+3",)),
    Action("view.resources", "Go to resources", "Views", "show resources and give it the keyboard", ("Ctrl+4",)),
    Action("view.workers", "Go to workers", "Views", "show workers and give it the keyboard", ("Ctrl+5",)),
    Action("view.statistics", "Go to statistics", "Views", "show statistics and give it the keyboard", ("Ctrl+6",)),
    Action("view.events", "Go to events", "Views", "show events and give them the keyboard", ("Ctrl+7",)),
    Action("view.errors", "Go to errors", "Views", "show errors and give them the keyboard", ("Ctrl+8",)),
    Action("panel.progress", "Progress", "Panels", "show or hide the progress panel", is_checkable=True),
    Action("panel.resources", "Resources", "Panels", "show or hide the resources panel", is_checkable=True),
    Action("panel.workers", "Workers", "Panels", "show or hide the workers panel", is_checkable=True),
    Action(
        "panel.link", "Link charts", "Panels", "let charts show the task stream's time, or the last minutes",
        ("Ctrl+Shift+R",), is_checkable=True,
    ),
    Action("density.compact", "Compact", "Density", "low rows", is_checkable=True),
    Action("density.normal", "Normal", "Density", "rows of middle height, higher where there is room", is_checkable=True),
    Action("density.comfortable", "Comfortable", "Density", "high rows, however many there are", is_checkable=True),
    Action("theme.light", "Light", "Theme", "dark on light", is_checkable=True),
    Action("theme.dark", "Dark", "Theme", "light on dark", is_checkable=True),
    Action("theme.toggle", "Change theme", "Theme", "change between light and dark"),
    Action("window.border", "Move a border", "Window", "give the keyboard to the next border of docks", ("F8",)),
    Action("window.layout", "Reset layout", "Window", "show every dock, in the size of the first start"),
    Action("window.full", "Full screen", "Window", "take the whole screen, or give it back", ("F11",), is_checkable=True),
    Action("time.in", "Zoom in", "Time", "zoom in or out at the pointer", ("W", "+", "="), _STREAM, is_repeating=True),
    Action("time.out", "Zoom out", "Time", "zoom in or out at the pointer", ("S", "-"), _STREAM, is_repeating=True),
    Action("time.earlier", "Earlier", "Time", "pan to earlier times, or later ones", ("A", "Left"), _STREAM, is_repeating=True),
    Action("time.later", "Later", "Time", "pan to earlier times, or later ones", ("D", "Right"), _STREAM, is_repeating=True),
    Action("time.fit", "Fit", "Time", "the selection, or the whole run", ("F",), _STREAM),
    Action("time.start", "Start of the run", "Time", "go to the start of the run", ("Home",), _STREAM),
    Action("time.follow", "Follow", "Time", "follow the newest data", ("End",), _STREAM, is_checkable=True),
    Action(
        "time.pause", "Pause", "Time", "hold the picture, and follow again", ("Space",), _STREAM,
        is_checkable=True, is_held=True,
    ),
    Action("time.back", "View before", "Time", "show the view before, or after", ("Backspace", "Alt+Left"), _STREAM),
    Action("time.forward", "View after", "Time", "show the view before, or after", ("Shift+Backspace", "Alt+Right"), _STREAM),
    Action("bookmark.set", "Set bookmark", "Time", "set a bookmark at the pointer, or remove it", ("B",), _STREAM),
    Action(
        "bookmark.name", "Name bookmark…", "Time", "name the bookmark nearest to the pointer",
        ("Ctrl+B",), _STREAM,
    ),
    Action("bookmark.next", "Next bookmark", "Time", "next bookmark, or the one before", ("Shift+B",), _STREAM),
    Action("bookmark.previous", "Previous bookmark", "Time", "next bookmark, or the one before", ("Alt+B",), _STREAM),
    Action("lanes.up", "Scroll up", "Lanes", "scroll the lanes", ("Up",), _STREAM, is_repeating=True),
    Action("lanes.down", "Scroll down", "Lanes", "scroll the lanes", ("Down",), _STREAM, is_repeating=True),
    Action("lanes.next", "Next worker", "Lanes", "next worker or host, or the one before", ("Shift+Down",), _STREAM, is_repeating=True),
    Action("lanes.previous", "Previous worker", "Lanes", "next worker or host, or the one before", ("Shift+Up",), _STREAM, is_repeating=True),
    Action("lanes.fold", "Fold", "Lanes", "fold or unfold the worker or host at the pointer", ("C",), _STREAM),
    Action("lanes.fold_all", "Fold all", "Lanes", "fold all hosts, or unfold them", ("Shift+C",), _STREAM),
    Action("lanes.pin", "Pin", "Lanes", "pin the worker or host to the top, or let it go", ("P",), _STREAM),
    Action("lanes.group", "Next grouping", "Lanes", "rows of threads by host, of threads, of workers", ("G",), _STREAM),
    Action("lanes.by_name", "Sort by name", "Lanes", "sort hosts and workers by name", is_checkable=True),
    Action("lanes.by_busy", "Sort by busy time", "Lanes", "the busiest hosts and workers first", is_checkable=True),
    Action("lanes.by_errors", "Sort by errors", "Lanes", "those with the most failures first", is_checkable=True),
    Action("selection.view", "Select what is in view", "Selection", "select the time in view", ("Ctrl+A",), _STREAM),
    Action("selection.lanes", "Select its lanes", "Selection", "select the whole worker or host", ("Ctrl+Shift+A",), _STREAM),
    Action("selection.end_later", "Move end later", "Selection", "move the end of the selection, or select from the pointer on", ("Shift+Right",), _STREAM, is_repeating=True),
    Action("selection.end_earlier", "Move end earlier", "Selection", "move the end of the selection, or select from the pointer on", ("Shift+Left",), _STREAM, is_repeating=True),
    Action("selection.start_later", "Move start later", "Selection", "move the start of the selection", ("Ctrl+Shift+Right",), _STREAM, is_repeating=True),
    Action("selection.start_earlier", "Move start earlier", "Selection", "move the start of the selection", ("Ctrl+Shift+Left",), _STREAM, is_repeating=True),
    Action("selection.row_more", "Select a row more", "Selection", "select a row more below, or one less", ("Ctrl+Shift+Down",), _STREAM, is_repeating=True),
    Action("selection.row_less", "Select a row less", "Selection", "select a row more below, or one less", ("Ctrl+Shift+Up",), _STREAM, is_repeating=True),
    Action("selection.measure", "Measure", "Selection", "measure from the pointer on; again to stop", ("M",), _STREAM),
    Action("selection.tsv", "Copy statistics as TSV", "Selection", "copy the table of the selection, or of the view"),
    Action("selection.csv", "Copy statistics as CSV", "Selection", "the same with commas"),
    Action("selection.clear", "Clear selection", "Selection", "end telling or reading, clear choice, selection, search: the first there is", ("Esc",), _STREAM),
    Action("task.next", "Next task", "Task", "next task of the row, or the one before", ("Ctrl+Right",), _STREAM, is_repeating=True),
    Action("task.previous", "Task before", "Task", "next task of the row, or the one before", ("Ctrl+Left",), _STREAM, is_repeating=True),
    Action("task.below", "Task below", "Task", "nearest task of the row below, or above", ("Ctrl+Down",), _STREAM, is_repeating=True),
    Action("task.above", "Task above", "Task", "nearest task of the row below, or above", ("Ctrl+Up",), _STREAM, is_repeating=True),
    Action("task.tell", "Tell", "Task", "tell of the chosen task as the pointer does", ("T",), _STREAM, is_checkable=True),
    Action("task.dependency", "To its dependency", "Task", "to the dependency that ended last", ("[", ",")),
    Action("task.dependent", "To its dependent", "Task", "to the dependent that began first", ("]", ".")),
    Action("task.zoom", "Zoom to task", "Task", "fill the view with the chosen task", ("Return", "Enter"), _STREAM),
    Action("task.copy", "Copy key", "Task", "copy the key of the chosen task", ("Ctrl+C",), _STREAM),
    Action("task.jaeger", "Open in Jaeger", "Task", "show the trace of the chosen task in Jaeger", ("J",), _STREAM),
    Action("search.focus", "Search…", "Search", "search keys, prefixes, workers, errors", ("/", "Ctrl+F")),
    Action("search.next", "Next match", "Search", "next match, or the one before", ("N", "F3"), is_repeating=True),
    Action(
        "search.previous", "Previous match", "Search", "next match, or the one before", ("Shift+N", "Shift+F3"),
        is_repeating=True,
    ),
    Action("filter.open", "Filter…", "Search", "choose what is shown", ("Ctrl+L",)),
    Action("filter.clear", "Show everything", "Search", "hide nothing", ("Ctrl+Shift+L",)),
    Action("errors.next", "Next error", "Search", "next failure, or the one before", ("E",), is_repeating=True),
    Action("errors.previous", "Previous error", "Search", "next failure, or the one before", ("Shift+E",), is_repeating=True),
    Action("help.palette", "Command palette…", "Help", "search everything that can be done", ("Ctrl+Shift+P",)),
    Action("help.keys", "Keyboard and mouse", "Help", "all keys and gestures", ("?",)),
    Action("help.manual", "Documentation", "Help", "read the documentation", ("F1",)),
    Action("help.about", "About daskscope", "Help", "which version this is"),
)  # fmt: skip

GESTURES: Final = (
    Gesture(("Wheel",), "Time", "zoom at the pointer; with Ctrl finer"),
    Gesture(("Shift + wheel", "Space + drag", "middle drag"), "Time", "pan in time"),
    Gesture(("Shift + drag",), "Selection", "measure a stretch of time"),
    Gesture(("Double click on a flag",), "Time", "name a bookmark"),
    Gesture(("Click",), "Task", "show its details; beside all tasks, let go"),
    Gesture(("Double click",), "Time", "zoom to a task"),
    Gesture(("Drag in the minimap", "Wheel over it"), "Time", "choose the time in view"),
    Gesture(
        ("Wheel over a chart", "Drag in a chart"), "Time", "zoom and pan, as in the task stream"
    ),
    Gesture(("← in charts", "→ in charts"), "Time", "tell what charts show at a time"),
    Gesture(("Wheel over the names", "Alt + wheel"), "Lanes", "scroll the lanes"),
    Gesture(("Click on a host", "Click before a worker"), "Lanes", "fold it, or unfold it"),
    Gesture(("Click on a pin",), "Lanes", "bring it to the top, or let it go"),
    Gesture(("Drag",), "Selection", "select time; drag an edge to move it"),
    Gesture(("Drag across lanes", "Alt + drag"), "Selection", "select some lanes, too"),
    Gesture(("Click on a prefix",), "Selection", "show its durations over all"),
    Gesture(
        ("Drag over durations", "← in them", "→ in them"),
        "Selection",
        "light the tasks that lasted so long",
    ),
    Gesture(("Ctrl + C",), "Selection", "in the statistics: copy the table as TSV"),
    Gesture(("↑", "↓", "Page up", "Page down", "Home", "End"), "Tables", "go over the rows"),
    Gesture(("Ctrl + ←", "Ctrl + →"), "Tables", "sort by the column before, or after"),
    Gesture(("Ctrl + ↑", "Ctrl + ↓"), "Tables", "sort ascending, or descending"),
    Gesture(("Enter", "Space"), "Tables", "do what a click on the row does"),
    Gesture(("←", "→", "↑", "↓", "Home", "End"), "Window", "move the border; with Shift finer"),
    Gesture(("←", "→"), "Legend", "light a prefix, while the legend has the focus"),
    Gesture(("Space",), "Legend", "hide the prefix that is lit, or show it"),
    Gesture(("Enter",), "Legend", "show the prefix that is lit alone"),
    Gesture(("Click in the legend",), "Legend", "hide a prefix, or show it again"),
    Gesture(("Double click in the legend",), "Legend", "show a prefix alone, or all again"),
)

GROUPS: Final = tuple(dict.fromkeys([*(a.group for a in ACTIONS), *(g.group for g in GESTURES)]))

#: How keys are called that Qt calls otherwise.
ARROWS: Final = {"Left": "←", "Right": "→", "Up": "↑", "Down": "↓", "Esc": "Escape"}


def keys_text(shortcuts: Sequence[str]) -> str:
    """Key sequences, for people: `A, ←`."""
    return ", ".join(ARROWS.get(keys, keys) for keys in shortcuts)


def keys_of(group: str) -> dict[str, list[str]]:
    """Every key sequence of a group, by what it is for."""
    found: dict[str, list[str]] = {}
    for row in ACTIONS:
        if row.group == group and row.shortcuts:
            found.setdefault(row.about, []).extend(row.shortcuts)
    return found


def sentence(text: str) -> str:
    """`text` with a capital at its start."""
    return text[:1].upper() + text[1:]


def page() -> str:
    """The text of docs/keys.md: every key and gesture, by groups."""
    lines = [
        "# Keys and mouse",
        "",
        "Made by `python -m daskscope.app.actions > docs/keys.md`. Keys of Time, Lanes, Selection and "
        "Task are heard while",
        "the task stream has the focus, `[` `,` `]` `.` everywhere. What has no key stands in the menus.",
    ]
    for group in GROUPS:
        rows = [(keys_text(keys), about) for about, keys in keys_of(group).items()]
        rows += [(", ".join(g.hands), g.about) for g in GESTURES if g.group == group]
        if rows:
            lines += ["", f"## {group}", "", "| | |", "|---|---|"]
            lines += [f"| {keys} | {about} |" for keys, about in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
