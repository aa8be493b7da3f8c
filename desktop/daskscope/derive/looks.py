"""Looks of one store, view after view: keeps the picture and, while it is made, the last one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.derive.look import look_between, look_of
from daskscope.derive.picture import Picture
from daskscope.derive.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from daskscope.derive.choice import Choice
    from daskscope.derive.look import Look
    from daskscope.derive.rowing import Rowing
    from daskscope.session import Viewport
    from daskscope.store.snapshot import Snapshot


class Looks:
    """What is seen of a choice of spans.

    Attributes
    ----------
    is_exact
        The last look has everything that was known.

    Parameters
    ----------
    may_go_on
        Asked after each millisecond's work.
    """

    def __init__(self, may_go_on: Callable[[], bool]) -> None:
        self._may_go_on = may_go_on
        self._shelf = Shelf()
        self._picture: Picture | None = None
        self._last: Picture | None = None
        self._view: Viewport | None = None
        self._asked: Hashable = None
        self.is_exact = False

    def look(
        self, snapshot: Snapshot, rows: Rowing, view: Viewport, choice: Choice, asked: Hashable
    ) -> Look:
        """What a view shows of the spans of a choice.

        `choice` may know more each time, as long as `asked`, what it is the answer to, is equal.
        """
        picture = self._picture
        if asked != self._asked:
            self.forget()
            self._asked, picture = asked, None
        is_fresh = picture is None or not picture.reaches(snapshot, rows, view)
        if picture is None or is_fresh:
            last = picture if self.is_exact else self._last
            picture = Picture(rows, view, self._shelf)
            self._keep(picture, last)
        # The same rows in a newer object need not be compared again.
        picture.rows, picture.choice = rows, choice
        picture.show(snapshot, view)
        self._view, self.is_exact = view, False
        if not is_fresh or self._last is None or self._may_go_on():
            self._work(picture, lambda: self._may_go_on() and not picture.is_exact(view))
        last = self._last
        return look_of(picture, view) if last is None else look_between(last, picture, view)

    def learn(self, snapshot: Snapshot) -> None:
        """Take in what is new where the last look was, so that the next one has less to do."""
        picture, view = self._picture, self._view
        if picture is None or view is None:
            return
        # A lane that is new may have a row, which moves the others.
        has_rows = len(picture.rows.row_of_lane) == len(snapshot.lanes)
        if has_rows and picture.reaches(snapshot, picture.rows, view):
            picture.show(snapshot, view)
            self.is_exact = False
            self.go_on()

    def go_on(self) -> bool:
        """Work on what the last look could not wait for, and on what lies beside its view.

        Returns
        -------
        bool
            Whether a look with the same arguments would be exact now, and was not.
        """
        picture, view = self._picture, self._view
        if picture is None or view is None:
            return False
        if self.is_exact and picture.is_idle:
            if self._shelf.is_empty:
                picture.raster.provide(self._shelf)
            self._shelf.wipe(self._may_go_on)
            return False
        was_exact = self.is_exact
        self._work(picture, self._may_go_on)
        return self.is_exact and not was_exact

    def _work(self, picture: Picture, may_go_on: Callable[[], bool]) -> None:
        """Work on the picture of the last view."""
        picture.go_on(may_go_on)
        self.is_exact = self._view is not None and picture.is_exact(self._view)
        if self.is_exact:
            self._keep(picture, None)

    def forget(self) -> None:
        """Know nothing any more."""
        self._keep(None, None)
        self._view = self._asked = None
        self.is_exact = False

    def _keep(self, picture: Picture | None, last: Picture | None) -> None:
        """Keep these two, and the memory of those that were kept before."""
        for old in (self._picture, self._last):
            if old is not None and old is not picture and old is not last:
                old.raster.give_back(self._shelf)
        self._picture, self._last = picture, last
