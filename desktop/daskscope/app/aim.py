"""Which time keys mean that zoom, select, measure and mark; which worker those for lanes mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.app.gestures import scrolled_px
from daskscope.derive.details.subject import subject
from daskscope.views.timeline.gutter import GutterTarget

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


def aimed_target(run: Run) -> GutterTarget | None:
    """The worker or host that keys have gone to, else at the pointer, else of the chosen task.

    None where none of these is in view.
    """
    target, chosen, frame = run.window.timeline.stream.target, run.session.chosen, run.frame
    found = subject(run.snapshot, chosen) if chosen is not None else None
    if target is not None or found is None or frame is None:
        return target
    layout, rows = frame.layout, frame.layout.row_of_lane
    row = int(rows[found.lane]) if 0 <= found.lane < len(rows) else -1
    if row not in layout.rows_within(scrolled_px(run.session, frame), frame.height_px):
        return None
    for block in layout.workers_within(int(layout.row_px[0, row]), 1):
        return GutterTarget(block.key, False, "keys")
    return GutterTarget(layout.rows[row].host, True, "keys")
