"""What search box, filter and their keys do: other searches, steps from match to match."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from daskscope.app import gestures, search_gestures
from daskscope.derive.details.subject import of_row
from daskscope.derive.filtering import filter_choices
from daskscope.derive.legend import legend
from daskscope.derive.steps import found_at, step
from daskscope.predicate import NO_FILTER

if TYPE_CHECKING:
    from daskscope.app.run import Run
    from daskscope.predicate import Filter


class Finder:
    """The search and the filter of one window."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._box = run.window.toolbar.search
        self._box.searched.connect(self.search)
        self._box.stepped.connect(self.step)
        self._box.left.connect(self.leave)
        timeline = run.window.timeline
        timeline.filtered.connect(self.filter_by)
        timeline.filter.opened.connect(self.open_filter)

    def focus(self) -> None:
        """Let the search box take the keys."""
        self._box.focus()

    def search(self, text: str, is_regex: bool) -> None:
        """Search something else, or nothing with ""."""
        self._run.apply(search_gestures.search, text, is_regex)

    def filter_by(self, meant: Filter) -> None:
        """Hide something else."""
        self._run.apply(search_gestures.filter_by, meant)

    def show_everything(self) -> None:
        """Hide nothing."""
        self.filter_by(NO_FILTER)

    def open_filter(self) -> None:
        """Let the user choose what is hidden."""
        run = self._run
        entries = legend(run.snapshot, run.session)
        choices = filter_choices(run.snapshot, run.session.filter, entries)
        run.window.timeline.open_filter(choices)

    def step(self, is_forward: bool) -> None:
        """Choose the next match, from the last one or else from the edge of the view."""
        run = self._run
        frame, snapshot = run.frame, run.snapshot
        if frame is None:
            return
        last = found_at(snapshot, run.session.found)
        if last is not None:
            after = last.order
        else:
            x_px = gestures.REVEALED_PX if is_forward else frame.view.width_px
            after = (frame.view.time_ns(x_px), -1, -1)
        found = step(snapshot, run.marks, after, is_forward)
        if found is not None:
            run.apply(search_gestures.show_found, frame, found)
            number, row = found.spot
            chunk = snapshot.chunk(number)
            if chunk is not None:
                run.choosing.choose(of_row(chunk, row))

    def escape(self) -> None:
        """Select nothing; where nothing is selected, search nothing."""
        if self._run.session.selection_ns is not None or self._run.session.bins:
            self._run.selecting.clear()
        else:
            self.leave()

    def leave(self) -> None:
        """Search nothing, and give the keys back to the task stream."""
        self.search("", self._run.session.search.is_regex)
        self._run.window.timeline.stream.setFocus(Qt.FocusReason.OtherFocusReason)
