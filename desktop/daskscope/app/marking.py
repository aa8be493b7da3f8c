"""Which spans are lit and hidden: looked for in slices of ticks, and told in the search box."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daskscope.app.clock import elapsed_s
from daskscope.derive.matches import NO_MARKS, Matches
from daskscope.derive.searching import search_field

if TYPE_CHECKING:
    from daskscope.app.tick import Tick
    from daskscope.app.window import Window
    from daskscope.session import Viewport

#: What a tick spends on searching, counted from its begin; more when nothing moves.
SEARCH_BUDGET_S: Final = 0.003
SEARCH_ALONE_S: Final = 0.008


class Marking:
    """Looks for what the session searches and filters.

    Attributes
    ----------
    marks
        As far as it is known.
    drawn
        The same as the task stream was last given it: what is found one by one is drawn now and
        then.
    """

    def __init__(self, window: Window) -> None:
        self._window = window
        self._matches = Matches()
        self.marks = self.drawn = NO_MARKS
        self._shown_of: object = None

    def advance(self, tick: Tick, view: Viewport) -> bool:
        """Look for more, and tell about it; whether everything has just been found."""
        before, snapshot, session = self.marks, tick.snapshot, tick.session
        until_s = tick.now_s + (SEARCH_BUDGET_S if session.is_following else SEARCH_ALONE_S)
        self.marks = self._matches.advance(
            snapshot, session.predicate, view, lambda: elapsed_s() < until_s
        )
        shown_of = (session.search, session.found)
        if self.marks is not before or shown_of != self._shown_of:
            self._shown_of = shown_of
            self._window.toolbar.show_search(search_field(snapshot, session, self.marks))
        return self.marks.is_complete and not before.is_complete

    def draw(self, *, is_due: bool) -> None:
        """Let what is known be drawn: if that is due, or where it answers another question."""
        is_other = self.marks.predicate != self.drawn.predicate
        if is_due or is_other or not self.drawn.is_complete:
            self.drawn = self.marks
