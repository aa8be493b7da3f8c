"""The minimap: busy threads of the whole run by prefix, and the stretch that is in view."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from daskscope.derive.frames import Minimap
from daskscope.derive.quantity import elapsed

if TYPE_CHECKING:
    import numpy.typing as npt

    from daskscope.derive.errors import Errors
    from daskscope.derive.matches import Marks
    from daskscope.session import Viewport
    from daskscope.store.overview import Overview
    from daskscope.store.snapshot import Snapshot


def minimap(
    snapshot: Snapshot, view: Viewport, width_px: int, now_ns: int, n_threads: int
) -> Minimap:
    """The run from its start to now, over `width_px` columns.

    Spans that were evicted are still counted in it. The curve reaches the top edge where all of
    `n_threads` are busy, or where most ran at once: a thread may run many coroutines.
    """
    overview = snapshot.overview
    length_ns = max(snapshot.last_ns, now_ns) - snapshot.first_ns
    busy = _busy(overview, snapshot.first_ns, max(length_ns, 1), width_px)
    n_most = round(float(busy.sum(axis=0).max(initial=0.0)))
    order = np.argsort(overview.slots)
    return Minimap(
        slots=tuple(overview.slots[i] for i in order.tolist()),
        busy=busy[order],
        most=float(max(n_threads, n_most, 1)),
        most_label="busy threads" if n_most <= n_threads or not n_threads else "most at once",
        brush_px=_brush_px(snapshot, view, width_px, length_ns),
        length_text=elapsed(length_ns) if length_ns > 0 else "",
    )


def with_brush(whole: Minimap, snapshot: Snapshot, view: Viewport, now_ns: int) -> Minimap:
    """`whole`, with another view in its brush."""
    length_ns = max(snapshot.last_ns, now_ns) - snapshot.first_ns
    return replace(whole, brush_px=_brush_px(snapshot, view, whole.busy.shape[1], length_ns))


def _brush_px(snapshot: Snapshot, view: Viewport, width_px: int, length_ns: int) -> tuple[int, int]:
    px_per_ns = width_px / max(length_ns, 1)
    left, right = (
        round(min(max((edge_ns - snapshot.first_ns) * px_per_ns, 0), width_px))
        for edge_ns in (view.start_ns, view.end_ns)
    )
    return left, right


def with_found(whole: Minimap, snapshot: Snapshot, marks: Marks, now_ns: int) -> Minimap:
    """`whole`, with where in the run something is lit."""
    if not marks.is_lighting:
        return whole
    width_px = whole.busy.shape[1]
    length_ns = max(snapshot.last_ns, now_ns) - snapshot.first_ns
    ns_per_px = max(length_ns, 1) / max(width_px, 1)
    found_px = marks.spread.columns(snapshot.first_ns, ns_per_px, width_px)
    return replace(whole, found_px=found_px)


def error_columns(
    snapshot: Snapshot, errors: Errors, width_px: int, now_ns: int
) -> npt.NDArray[np.intp]:
    """Pixel columns of the whole run in which something failed."""
    length_ns = max(snapshot.last_ns, now_ns) - snapshot.first_ns
    at = (errors.end_ns - snapshot.first_ns) * (width_px / max(length_ns, 1))
    columns = np.clip(at.astype(np.intp), 0, max(width_px - 1, 0))
    # They are in order, as their ends are.
    return columns[np.flatnonzero(np.diff(columns, prepend=-1))]


def _busy(
    overview: Overview, first_ns: int, length_ns: int, width_px: int
) -> npt.NDArray[np.float32]:
    """Mean number of busy threads in each pixel column, by slot."""
    n_slots, n_buckets = overview.busy_ns.shape
    if not n_buckets:
        return np.zeros((n_slots, width_px), np.float32)
    edges_ns = np.arange(width_px + 1) * (length_ns / width_px) + (first_ns - overview.start_ns)
    at = np.clip(edges_ns / overview.width_ns, 0, n_buckets)
    known = np.arange(n_buckets + 1)
    busy = np.empty((n_slots, width_px), np.float32)
    for i, row in enumerate(overview.busy_ns):
        total = np.concatenate([[0.0], np.cumsum(row, dtype=np.float64)])
        busy[i] = np.diff(np.interp(at, known, total)) * (width_px / length_ns)
    return busy
