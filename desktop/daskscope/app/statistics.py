"""When statistics are worked on and shown: a slice of each tick while their panel can be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daskscope.app.clock import elapsed_s
from daskscope.app.pace import Pace
from daskscope.derive.contents import Inventory
from daskscope.derive.statistics.crew import Crew, crew
from daskscope.derive.statistics.frame import statistics_frame
from daskscope.derive.statistics.rows import Scope
from daskscope.derive.statistics.work import Figures, Statistics

if TYPE_CHECKING:
    from daskscope.app.window import Window
    from daskscope.derive.clusters import Clusters
    from daskscope.derive.contents import Contents
    from daskscope.derive.members import Roster
    from daskscope.session import Session, Viewport
    from daskscope.store.snapshot import Snapshot

#: Of a tick, and of one in which the task stream was painted.
WORK_S: Final = 0.003
PAINTED_WORK_S: Final = 0.002
#: What is found in less is shown in the same tick.
SPARE_S: Final = 0.0015
#: Numbers that change faster cannot be read: of what comes in, and of a view that is moved.
LIVE_PERIOD_S: Final = 1.0
VIEW_PERIOD_S: Final = 0.25
#: A selection that is dragged shows its numbers so often at most.
SHOW_PERIOD_S: Final = 0.1
#: Work that takes longer shows what it has so far.
PATIENCE_S: Final = 0.3


class StatisticsShow:
    """Works on the statistics of the selection, or of the view, and shows them."""

    def __init__(self, window: Window, clusters: Clusters) -> None:
        self._window = window
        self._clusters = clusters
        self._statistics = Statistics()
        self._scope: Scope | None = None
        self._generation = -1
        self._inventory = Inventory()
        self._contents: Contents | None = None
        #: Whether something was selected, and the filter.
        self._asked_of: object = None
        self._is_working = self._has_news = False
        self._began_s = 0.0
        self._figures: Figures | None = None
        self._crew: Crew | None = None
        self._crew_of: object = None
        self._shown_of: object = None
        self._refresh = Pace(LIVE_PERIOD_S)
        self._view_pace = Pace(VIEW_PERIOD_S)
        self._show_pace = Pace(SHOW_PERIOD_S)

    @property
    def is_working(self) -> bool:
        """There is more to do in the next tick."""
        return self._is_working or self._has_news

    def show(
        self,
        snapshot: Snapshot,
        session: Session,
        view: Viewport,
        roster: Roster,
        now_ns: int,
        has_painted: bool,
    ) -> None:
        """Go on for a slice, and show what there is; nothing while the panel is not seen.

        `view` and `roster` are what the task stream shows, which `has_painted` in this tick.
        """
        if not self._window.statistics.isVisible():
            self._scope, self._is_working, self._has_news = None, False, False
            self._figures = None  # by the next time they are of something else
            self._window.statistics.forget()
            return
        if self._is_news(session):
            # It takes as long as a slice of work.
            self._show(snapshot, session, roster, now_ns)
            self._has_news = False
            return
        now_s = elapsed_s()
        self._begin_if_due(snapshot, session, view, now_ns, now_s)
        self._work(now_s, PAINTED_WORK_S if has_painted else WORK_S)
        self._has_news = self._is_news(session)
        if self._has_news and elapsed_s() - now_s < SPARE_S:
            self._show(snapshot, session, roster, now_ns)
            self._has_news = False

    def _work(self, now_s: float, work_s: float) -> None:
        if not self._is_working:
            return
        while self._is_working:
            self._is_working = self._statistics.step()
            if elapsed_s() - now_s >= work_s:
                break
        is_long = now_s - self._began_s >= PATIENCE_S and self._show_pace.is_due(now_s)
        if is_long or not self._is_working:
            self._figures = self._statistics.figures()

    def _begin_if_due(
        self, snapshot: Snapshot, session: Session, view: Viewport, now_ns: int, now_s: float
    ) -> None:
        scope, chosen = _scope(snapshot, session, view, now_ns), session.selection_ns is not None
        is_moved = scope != self._scope
        is_asked = chosen or (chosen, scope.filter) != self._asked_of
        if is_asked or self._scope is None:
            is_due = is_moved
        elif session.is_following:
            is_due = is_moved and not self._is_working and self._refresh.is_due(now_s)
        else:
            is_due = is_moved and self._view_pace.is_due(now_s)
        if not is_due and not self._is_working:
            is_due = self._has_news_of(scope, snapshot, now_s)
        if is_due:
            self._scope, self._generation = scope, snapshot.generation
            self._contents = self._inventory.of(snapshot, scope.from_ns, scope.to_ns)
            self._asked_of = chosen, scope.filter
            self._statistics.begin(snapshot, scope)
            self._is_working, self._began_s = True, now_s

    def _has_news_of(self, scope: Scope, snapshot: Snapshot, now_s: float) -> bool:
        """Whether what came since the last time lies in the scope, asked now and then."""
        if snapshot.generation == self._generation or not self._refresh.is_due(now_s):
            return False
        self._generation = snapshot.generation
        return self._inventory.of(snapshot, scope.from_ns, scope.to_ns) != self._contents

    def _is_news(self, session: Session) -> bool:
        """Whether what there is has not been shown, or not as it is asked for now."""
        return self._figures is not None and self._shown_of != (self._figures, _asked(session))

    def _show(self, snapshot: Snapshot, session: Session, roster: Roster, now_ns: int) -> None:
        figures = self._figures
        if figures is None:
            return
        self._shown_of = (figures, _asked(session))
        lanes = figures.scope.lanes
        clusters = self._clusters.labels(snapshot.added_ns)
        crew_of = roster, lanes, clusters, snapshot.added_ns
        if self._crew is None or self._crew_of != crew_of:
            self._crew, self._crew_of = crew(snapshot, roster, lanes, clusters), crew_of
        frame = statistics_frame(snapshot, session, figures, self._crew, now_ns)
        window = self._window
        window.statistics.show_frame(frame)
        tab = window.tabs["statistics"]
        window.docks[tab.dock].set_summary(tab.page, frame.summary)


def _asked(session: Session) -> object:
    """How the figures are to be shown."""
    return (
        session.statistics_prefix,
        session.statistics_sort,
        session.is_statistics_descending,
        session.bins,
        session.selection_ns is None,
    )


def _scope(snapshot: Snapshot, session: Session, view: Viewport, now_ns: int) -> Scope:
    """The selection, or what of the run lies in the view."""
    if session.selection_ns is not None:
        return Scope(*session.selection_ns, session.selection_lanes, session.filter)
    end_ns = max(snapshot.last_ns + 1, now_ns) if snapshot.status.is_live else snapshot.last_ns + 1
    from_ns = max(view.start_ns, snapshot.first_ns)
    to_ns = max(min(view.end_ns, end_ns), from_ns + 1)
    return Scope(from_ns, to_ns, None, session.filter)
