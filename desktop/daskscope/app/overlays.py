"""What the palette and the list of keys show: the table of actions, prefixes, and workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtGui import QKeySequence

from daskscope.app import sort_gestures
from daskscope.app.actions import ACTIONS, ARROWS, GESTURES, GROUPS, keys_of, sentence
from daskscope.derive.commands import Entry, KeyGroup, KeyRow, key_caps
from daskscope.views.statistics.table import LABELS as STATISTICS_LABELS
from daskscope.views.toolbar.bar import RANGES
from daskscope.views.workers import LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daskscope.app.bindings import Binding
    from daskscope.app.run import Run

#: Entries of the palette that are remembered.
MOST_RECENT: Final = 20
SPAN_GROUP: Final = "Time in view"
SORT_GROUP: Final = "Workers"
STATISTICS_GROUP: Final = "Statistics"
PREFIX_GROUP: Final = "Show only this prefix"
WORKER_GROUP: Final = "Scroll to this worker"


def platform_caps(keys: str) -> tuple[str, ...]:
    """The single keys of a shortcut, as this platform calls them."""
    text = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
    return tuple(ARROWS.get(cap, cap) for cap in key_caps(text))


def key_groups() -> tuple[KeyGroup, ...]:
    """Every key and gesture, by groups."""
    result = []
    for group in GROUPS:
        rows = [
            KeyRow(tuple(map(platform_caps, keys)), sentence(about))
            for about, keys in keys_of(group).items()
        ]
        rows += [
            KeyRow(tuple(map(key_caps, map(sentence, row.hands))), sentence(row.about))
            for row in GESTURES
            if row.group == group
        ]
        if rows:
            result.append(KeyGroup(group, tuple(rows)))
    return tuple(result)


class Overlays:
    """Opens palette and list of keys, and does what is chosen.

    Attributes
    ----------
    recent
        Ids of what was chosen in the palette, the last one first.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._bindings: Mapping[str, Binding] = {}
        self.recent = list(run.keeper.settings.recent)
        run.window.hint.dismissed.connect(self._know_keys)
        run.window.commands.chosen.connect(self.perform)

    def bind(self, bindings: Mapping[str, Binding]) -> None:
        """What the actions do."""
        self._bindings = bindings

    def show_hint(self) -> None:
        """Say by which keys all others are found."""
        shortcuts = {row.id: platform_caps(row.shortcuts[0]) for row in ACTIONS if row.shortcuts}
        hints = ((shortcuts["help.keys"], "all keys"), (shortcuts["help.palette"], "every command"))
        self._run.window.hint.show_keys(hints)

    def _know_keys(self) -> None:
        self._run.window.hint.hide()
        self._run.keeper.change(knows_keys=True)

    def toggle_palette(self) -> None:
        """Open the palette, or close it."""
        window = self._run.window
        window.keys.close_sheet()
        if window.commands.isVisible():
            window.commands.close_sheet()
        else:
            self._know_keys()
            window.commands.show_entries(self.entries(), self.recent)

    def toggle_keys(self) -> None:
        """Open the list of keys, or close it."""
        window = self._run.window
        window.commands.close_sheet()
        if window.keys.isVisible():
            window.keys.close_sheet()
        else:
            self._know_keys()
            window.keys.show_groups(key_groups())

    def entries(self) -> list[Entry]:
        """All that the palette offers now."""
        run = self._run
        entries = [
            Entry(
                row.id,
                row.text,
                row.group,
                platform_caps(row.shortcuts[0]) if row.shortcuts else (),
                row.is_checkable and self._bindings[row.id].is_on(),
            )
            for row in ACTIONS
            if self._bindings[row.id].can()
        ]
        entries += [Entry(f"span:{span_ns}", text, SPAN_GROUP) for span_ns, text in RANGES]
        entries += [
            Entry(f"sort:{name}", f"Sort by {text}", SORT_GROUP) for name, text in LABELS.items()
        ]
        entries += [
            Entry(f"statistics:{name}", f"Sort by {text}", STATISTICS_GROUP)
            for name, text in STATISTICS_LABELS.items()
        ]
        entries += [Entry(f"prefix:{name}", name, PREFIX_GROUP) for name in run.prefixes()]
        members = run.roster.members if run.roster is not None else ()
        entries += [
            Entry(f"worker:{m.key}", f"{m.place.name} {m.place.port}".strip(), WORKER_GROUP)
            for m in members
        ]
        return entries

    def perform(self, name: str) -> None:
        """Do what an entry says, and remember that it was chosen."""
        kind, _, rest = name.partition(":")
        run = self._run
        if kind == "prefix":
            run.solo(rest)
        elif kind == "worker":
            run.lane_scroll.to_worker(rest)
        elif kind == "span":
            run.choose_span(int(rest))
        elif kind == "sort":
            run.apply(sort_gestures.sort_workers, rest)
        elif kind == "statistics":
            run.apply(sort_gestures.sort_statistics, rest)
        else:
            self._bindings[name].perform()
        self.recent = [name, *(other for other in self.recent if other != name)][:MOST_RECENT]
        self._run.keeper.change(recent=tuple(self.recent))
