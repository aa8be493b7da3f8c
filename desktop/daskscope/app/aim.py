"""Which time keys mean that zoom, select, measure and mark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.derive.details.subject import subject

if TYPE_CHECKING:
    from daskscope.app.run import Run
    from daskscope.session import Viewport


def aimed_px(run: Run, view: Viewport) -> float:
    """The pointer, else where the chosen task begins, else the middle of a view."""
    at_px = run.window.timeline.stream.pointer_px
    if at_px is None:
        at_px = chosen_px(run, view)
    return view.width_px / 2 if at_px is None else at_px


def chosen_px(run: Run, view: Viewport) -> float | None:
    """Where the chosen task begins, None where none does in a view."""
    chosen = run.session.chosen
    found = subject(run.snapshot, chosen) if chosen is not None else None
    x_px = view.x_px(found.start_ns) if found is not None else -1.0
    return x_px if 0 <= x_px < view.width_px else None
