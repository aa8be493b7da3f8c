"""A window in which is searched: its tasks, its search box, ticked after each gesture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QToolButton

from daskscope.app.clock import Clock
from daskscope.store.schema import Message, SourceStatus
from tests.builders import MS, SECOND, Source, Span
from tests.gui.working import NOW, Link

if TYPE_CHECKING:
    from daskscope.app.run import Run


LEFT = Qt.MouseButton.LeftButton


def cluster() -> tuple[Source, list[Message]]:
    """Forty tasks of one second on two workers, every fourth a `sum`, all of them seen."""
    source = Source()
    workers = [
        source.worker(name, host=f"node-{name}", port=40_100 + i) for i, name in enumerate("ab")
    ]
    spans = [
        Span(
            n * SECOND // 2, n * SECOND // 2 + 400 * MS, "sum" if n % 4 == 0 else "inc",
            workers[n % 8 // 4], 11 + n % 2, key=f"('x-{n:02}', {n})",
            error="ValueError: odd" if n == 7 else "",
        )
        for n in range(40)
    ]  # fmt: skip
    batch = source.spans(spans)
    status = SourceStatus(is_live=True, http=Link.http, requests=3)
    return source, [status, source.definitions(), batch]


class Searched:
    """A window and its search box, ticked after each gesture."""

    def __init__(self, run: Run, link: Link) -> None:
        self.run, self.link = run, link
        self.source, link.messages = cluster()
        self._now = NOW
        self.tick(3)

    def tick(self, n: int = 2) -> None:
        for _ in range(n):
            self._now += 16 * MS
            self.run.tick(self._now)
        assert self.run.error is None

    @property
    def field(self) -> QLineEdit:
        found = self.run.window.toolbar.search.findChild(QLineEdit)
        assert isinstance(found, QLineEdit)
        return found

    def button(self, name: str) -> QToolButton:
        buttons = self.run.window.toolbar.search.findChildren(QToolButton)
        return next(button for button in buttons if button.accessibleName() == name)

    def type(self, text: str) -> None:
        self.focus()
        QTest.keyClicks(self.field, text)
        self.tick()

    def focus(self) -> None:
        self.run.window.activateWindow()
        self.run.finder.focus()
        self.field.deselect()
        assert self.field.hasFocus()

    def press(self, key: Qt.Key, shift: bool = False) -> None:
        modifier = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
        assert self.field.hasFocus()
        QTest.keyClick(self.field, key, modifier)
        self.tick()

    @property
    def period_s(self) -> float:
        """Time until the next tick."""
        (clock,) = self.run.findChildren(Clock)
        return clock.period_s

    @property
    def note(self) -> str:
        return self.field.accessibleDescription()

    @property
    def lit(self) -> list[bool]:
        frame = self.run.frame
        assert frame is not None
        assert frame.bars.is_lit is not None
        lit: list[bool] = frame.bars.is_lit.tolist()
        return lit

    @property
    def found(self) -> int:
        """Number of the task that was stepped to."""
        assert self.run.session.found is not None
        return self.run.session.found[1]
