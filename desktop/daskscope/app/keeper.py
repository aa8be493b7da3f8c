"""What one window takes over from the last time, and what it leaves to the next."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from daskscope.app.pace import Pace
from daskscope.app.viewstate import kept_fields, view_state, with_view_state
from daskscope.session import WHOLE_RUN, Session
from daskscope.theme import DENSITIES, NORMAL

if TYPE_CHECKING:
    from daskscope.app.options import WindowOptions
    from daskscope.app.settings import Layout, Memory
    from daskscope.app.window import Window

#: What was changed shortly before the window was killed is lost.
KEEPING_PERIOD_S: Final = 5.0


class Keeper:
    """Remembers session, layout and choices of one window.

    Attributes
    ----------
    settings
        What is the same for every recording; whoever changes it puts a new one here.
    """

    def __init__(self, memory: Memory, options: WindowOptions) -> None:
        self._memory = memory
        self._options = options
        self._pace = Pace(KEEPING_PERIOD_S, KEEPING_PERIOD_S)
        self.settings = memory.settings()
        self._kept_settings = self.settings
        self._kept_choices: tuple[object, ...] = ()

    def session(self, is_live: bool) -> Session:
        """The session to begin with: what the command line says, then what is remembered."""
        asked_ns, settings = self._options.span_ns, self.settings
        first = Session(density=DENSITIES.get(settings.density, NORMAL))
        if asked_ns is not None or not is_live:
            first = replace(first, span_ns=asked_ns if asked_ns is not None else WHOLE_RUN)
        first = replace(
            first,
            worker_sort=settings.worker_sort,
            is_sort_descending=settings.is_sort_descending,
            are_charts_linked=settings.are_charts_linked,
        )
        return first if asked_ns is not None else with_view_state(first, self._memory.view())

    def theme_name(self) -> str:
        """`light` or `dark`: as the command line says, as is remembered, as the system has it."""
        name = self._options.theme or self.settings.theme
        if name in ("light", "dark"):
            return name
        is_dark = QApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        return "dark" if is_dark else "light"

    def lay_out(self, window: Window, size: tuple[int, int]) -> None:
        """Put window, docks and tabs where they were, unless the command line says otherwise."""
        window.resize(*size)
        layout = self.settings.layout
        if self._options.size is None:
            window.restore_place(layout.geometry)
        if self._options.view == "all":
            window.lay_out(layout)
        else:
            window.show_only(self._options.view)

    @property
    def is_first_time(self) -> bool:
        """Nobody has been told of the keys yet; where nothing is remembered, nobody is."""
        return self._memory.is_lasting and not self.settings.knows_keys

    def change(self, **fields: object) -> None:
        """Change settings."""
        self.settings = replace(self.settings, **fields)  # type: ignore[arg-type]

    def keep_if_due(self, now_s: float, session: Session, window: Window) -> None:
        """Remember every few seconds what has changed."""
        if self._pace.is_due(now_s):
            self.keep(session, window)

    def keep(self, session: Session, window: Window) -> None:
        """Remember what has changed since the last time."""
        # Compared before it is written out: with thousands of folded workers that takes its time.
        choices = kept_fields(session)
        if choices != self._kept_choices and not window.is_welcome:
            self._kept_choices = choices
            self._memory.keep_view(view_state(session))
        names = {density: name for name, density in DENSITIES.items()}
        self.change(
            density=names[session.density],
            worker_sort=session.worker_sort,
            is_sort_descending=session.is_sort_descending,
            are_charts_linked=session.are_charts_linked,
            layout=self._layout(window),
        )
        if self.settings != self._kept_settings:
            self._kept_settings = self.settings
            self._memory.keep_settings(self.settings)

    def _layout(self, window: Window) -> Layout:
        """What of the layout is the user's choice; the rest is as it was remembered."""
        before = self.settings.layout
        if self._options.view != "all":
            return before
        now = window.layout_now()
        if self._options.size is not None:
            now = replace(now, geometry=before.geometry)
        if window.is_welcome:  # docks that were not seen have sizes that nobody chose
            now = replace(now, splitters=before.splitters)
        return now
