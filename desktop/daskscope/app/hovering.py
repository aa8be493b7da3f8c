"""What lies under the pointer: framed at once, told of in a tooltip when the pointer rests.

A key tells the same of what keys aim at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication

from daskscope.app import gestures
from daskscope.app.aim import aimed_place_px
from daskscope.app.clock import elapsed_s
from daskscope.paint.speech import announce
from daskscope.theme import GUTTER_PX

if TYPE_CHECKING:
    from daskscope.app.run import Run
    from daskscope.derive.frames import Hit
    from daskscope.session import Chosen

TOOLTIP_DELAY_S: Final = 0.12


class Hovering:
    """The pointer over the lanes of one window.

    Attributes
    ----------
    is_telling
        A key has asked to be told, until it is pressed again or the pointer moves.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self.is_telling = False
        #: Of which choice a screen reader was told, in a tuple; nothing yet.
        self._told: tuple[()] | tuple[Chosen | None] = ()
        self._moved_s = 0.0
        #: What lies under the pointer, and of what that is true.
        self._hit: Hit | None = None
        self._hit_of: object = None
        self._stream = run.window.timeline.stream
        self._stream.hovered.connect(self._move)
        self._stream.left.connect(self._leave)
        self._stream.activated.connect(self._zoom)

    def advance(self, now_s: float) -> None:
        """Frame what lies under the pointer now; the tooltip waits until the pointer rests."""
        place_px = aimed_place_px(self._run) if self.is_telling else self._run.session.hover_px
        if place_px is None:
            return
        if self._is_covered():
            self._stream.show_hit(None)
            return
        x_px, y_px = place_px
        # Not the frame itself, which would be compared by value.
        hit_of = id(self._run.frame), self._run.snapshot.generation, place_px
        if hit_of != self._hit_of:
            self._hit_of, self._hit = hit_of, self._run.hit(x_px, y_px)
            self._speak()
        is_resting = self.is_telling or now_s - self._moved_s >= TOOLTIP_DELAY_S
        pointer = self._stream.mapToGlobal(QPoint(GUTTER_PX + x_px, y_px)) if is_resting else None
        self._stream.show_hit(self._hit, pointer)

    def _speak(self) -> None:
        """Tell a screen reader once what a key has asked for, of each task that is chosen then."""
        chosen = self._run.session.chosen
        if self.is_telling and self._hit is not None and self._told != (chosen,):
            self._told = (chosen,)
            announce(self._stream, hit_words(self._hit))

    def _is_covered(self) -> bool:
        """Something was opened by key over the pointer, which therefore has not left."""
        return self._run.window.has_sheet or QApplication.activePopupWidget() is not None

    def toggle_telling(self) -> None:
        """Tell of what keys aim at, and go on as that changes; or stop."""
        self.is_telling, self._told, self._hit_of = not self.is_telling, (), None
        self._stream.show_hit(None)
        self._run.rouse()

    def _move(self, x_px: int, y_px: int) -> None:
        self.is_telling = False
        self._run.replace(hover_px=(x_px, y_px))
        self._moved_s = elapsed_s()

    def _leave(self) -> None:
        self.is_telling = False
        self._run.replace(hover_px=None)
        self._hit_of = None
        self._stream.show_hit(None)

    def _zoom(self, x_px: int, y_px: int) -> None:
        hit = self._run.hit(x_px, y_px)
        if hit is not None and self._run.frame is not None:
            self._run.apply(gestures.fit_hit, self._run.frame.view, hit)


def hit_words(hit: Hit) -> str:
    """A tooltip in words."""
    fields = (f"{label} {value}" for label, value in hit.fields)
    return ", ".join([hit.title, *([hit.key] if hit.key else []), *fields])
