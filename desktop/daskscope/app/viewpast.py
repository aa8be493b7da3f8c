"""Which stretches of time were in view before: what zooming and panning can be undone to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from daskscope.session import Session

    View = tuple[bool, int, int]

#: Views that are remembered.
MOST_VIEWS: Final = 100
#: Changes that follow each other within so much time are one, as those of the wheel are.
MERGED_S: Final = 0.6


class ViewPast:
    """Views of one window, as they were left."""

    def __init__(self) -> None:
        self._past: list[View] = []
        self._future: list[View] = []
        self._now: View | None = None
        self._changed_s = float("-inf")

    def see(self, session: Session, now_s: float) -> None:
        """Note what is in view now, once a tick; the clock is the caller's."""
        view = _view(session)
        if view == self._now:
            return
        if self._now is not None and now_s - self._changed_s > MERGED_S:
            self._past = [*self._past[1 - MOST_VIEWS :], self._now]
            self._future = []
        self._now, self._changed_s = view, now_s

    def back(self, session: Session) -> Session:
        """`session` with the view before this one."""
        return self._gone(session, self._past, self._future)

    def forward(self, session: Session) -> Session:
        """`session` with the view that was left by going back."""
        return self._gone(session, self._future, self._past)

    def _gone(self, session: Session, source: list[View], target: list[View]) -> Session:
        if not source or self._now is None:
            return session
        target.append(self._now)
        self._now = source.pop()
        self._changed_s = float("-inf")
        is_following, span_ns, end_ns = self._now
        return replace(session, is_following=is_following, span_ns=span_ns, end_ns=end_ns)


def _view(session: Session) -> View:
    # While following, the edge is that of another time.
    end_ns = 0 if session.is_following else session.end_ns
    return session.is_following, session.span_ns, end_ns
