"""What keys aim at: a time to zoom, select, measure and mark at, a worker, a place to tell of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.app.gestures import scrolled_px
from daskscope.store.schema import SUB_KINDS
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
    found = run.choosing.held
    x_px = view.x_px(found.start_ns) if found is not None else -1.0
    return x_px if 0 <= x_px < view.width_px else None


def aimed_place_px(run: Run) -> tuple[int, int] | None:
    """The pixel of the lanes that keys tell of: of the chosen task, else the pointer.

    With neither in view it is the middle of the first row, or None where there are no rows.
    """
    frame, row = run.frame, run.lane_walk.row
    if frame is None or row is None or row >= frame.layout.row_px.shape[1]:
        return None
    top_px, height_px = (int(px) for px in frame.layout.row_px[:, row])
    x_px, y_px = frame.view.width_px // 2, top_px - frame.scroll_px + height_px // 3
    found = run.choosing.held
    if found is not None and found.lane >= 0 and frame.layout.row_of_lane[found.lane] == row:
        first_px = frame.view.x_px(found.start_ns)
        end_px = frame.view.x_px(found.known_until_ns(run.extent().last_ns))
        if first_px < frame.view.width_px and end_px >= 0:
            is_sub = found.kind in SUB_KINDS
            return max(round(first_px), 0), y_px + (height_px * 2 // 3 - 2 if is_sub else 0)
    return run.session.hover_px or (x_px, y_px)


def aimed_target(run: Run) -> GutterTarget | None:
    """The worker or host that keys have gone to, else at the pointer, else of the chosen task.

    None where none of these is in view.
    """
    target, found, frame = run.window.timeline.stream.target, run.choosing.held, run.frame
    if target is not None or found is None or frame is None:
        return target
    layout, rows = frame.layout, frame.layout.row_of_lane
    row = int(rows[found.lane]) if 0 <= found.lane < len(rows) else -1
    if row not in layout.rows_within(scrolled_px(run.session, frame), frame.height_px):
        return None
    for block in layout.workers_within(int(layout.row_px[0, row]), 1):
        return GutterTarget(block.key, False, "keys")
    return GutterTarget(layout.rows[row].host, True, "keys")
