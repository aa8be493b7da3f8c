"""What is written on widgets, in place of its pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def texts_drawn(
    monkeypatch: pytest.MonkeyPatch, module: str, drawing: str = "draw_text"
) -> list[str]:
    """Every text that a module draws from now on, in order; nothing is drawn of them."""
    drawn: list[str] = []

    def draw(_painter: object, _box: object, text: str, *_rest: object) -> float:
        drawn.append(text)
        return 0.0

    monkeypatch.setattr(f"{module}.{drawing}", draw)
    return drawn
