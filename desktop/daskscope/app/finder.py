"""What the search box and its keys do: new searches, and steps from match to match."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from daskscope.app import search_gestures
from daskscope.derive.steps import found_at, step

if TYPE_CHECKING:
    from daskscope.app.run import Run


class Finder:
    """The search of one window."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._box = run.window.toolbar.search
        self._box.searched.connect(self.search)
        self._box.stepped.connect(self.step)
        self._box.left.connect(self.leave)

    def focus(self) -> None:
        """Let the search box take the keys."""
        self._box.focus()

    def search(self, text: str, is_regex: bool) -> None:
        """Search something else, or nothing with ""."""
        self._run.apply(search_gestures.search, text, is_regex)

    def step(self, is_forward: bool) -> None:
        """Go to the next match, from the last one or else from the edge of the view."""
        run = self._run
        frame, snapshot = run.frame, run.snapshot
        if frame is None:
            return
        last = found_at(snapshot, run.session.found)
        if last is not None:
            after = last.order
        else:
            after = (frame.view.start_ns if is_forward else frame.view.end_ns, -1, -1)
        found = step(snapshot, run.marks, after, is_forward)
        if found is not None:
            run.apply(search_gestures.show_found, frame, found)

    def escape(self) -> None:
        """Select nothing; where nothing is selected, search nothing."""
        if self._run.session.selection_ns is not None:
            self._run.clear_selection()
        else:
            self.leave()

    def leave(self) -> None:
        """Search nothing, and give the keys back to the task stream."""
        self.search("", self._run.session.search.is_regex)
        self._run.window.timeline.stream.setFocus(Qt.FocusReason.OtherFocusReason)
