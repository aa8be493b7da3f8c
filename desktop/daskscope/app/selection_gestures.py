"""What selecting makes of the session: pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from daskscope.predicate import Bin
from daskscope.session import panned
from daskscope.theme import NOT_YET_PX

if TYPE_CHECKING:
    from daskscope.session import Session, Viewport


def select(session: Session, start_ns: int, end_ns: int, lanes: frozenset[int] | None) -> Session:
    """A stretch of time and some lanes, None for all; what is lit stays within it."""
    within = (start_ns, end_ns)
    bins = tuple(replace(part, within_ns=within, lanes=lanes) for part in session.bins)
    return replace(session, selection_ns=within, selection_lanes=lanes, bins=bins)


def clear(session: Session) -> Session:
    """Select nothing, and light nothing of it."""
    return replace(session, selection_ns=None, selection_lanes=None, bins=())


def light(session: Session, range_ns: tuple[int, int] | None) -> Session:
    """Light tasks of the chosen prefix that lasted so long, in the selection; None for none."""
    if range_ns is None:
        return replace(session, bins=())
    part = Bin(session.statistics_prefix, *range_ns, session.selection_ns, session.selection_lanes)
    return replace(session, bins=(part,))


def move_edge(
    session: Session, view: Viewport, dx_px: float, at_px: float, *, is_start: bool
) -> Session:
    """Move the start or the end of the selection, but not past the other one.

    An edge that is out of view comes into it; with no selection one begins at `at_px`.
    """
    start_ns, end_ns = session.selection_ns or (view.time_ns(at_px),) * 2
    step_ns, least_ns = round(dx_px * view.ns_per_px), max(round(view.ns_per_px), 1)
    if is_start:
        edge_ns = start_ns = min(start_ns + step_ns, end_ns - least_ns)
    else:
        edge_ns = end_ns = max(end_ns + step_ns, start_ns + least_ns)
    session = select(session, start_ns, end_ns, session.selection_lanes)
    x_px, last_px = view.x_px(edge_ns), view.width_px - 1
    beyond_px = x_px - min(max(x_px, 0), last_px)
    return panned(session, view, beyond_px, NOT_YET_PX) if beyond_px else session
