"""The task stream in words, for those who hear it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.derive import quantity

if TYPE_CHECKING:
    from daskscope.derive.frames import TaskStreamFrame
    from daskscope.session import Session


def spoken_stream(frame: TaskStreamFrame, session: Session, first_ns: int, now_ns: int) -> str:
    """What is in view: who, when, how much, and what was chosen.

    Parameters
    ----------
    frame
        What is drawn.
    session
        What was chosen.
    first_ns, now_ns
        Start of the run, and its end so far.
    """
    layout, view = frame.layout, frame.view
    start = quantity.elapsed(max(view.start_ns - first_ns, 0))
    end = quantity.elapsed(max(min(view.end_ns, now_ns) - first_ns, 0))
    workers = quantity.plural(layout.n_workers, "worker")
    parts = [
        f"{workers}, {quantity.plural(layout.n_lanes, 'thread')}",
        f"{quantity.plural(frame.n_spans_in_view, 'span')} from {start} to {end}",
        "following" if session.is_following else "paused",
    ]
    if session.selection_ns is not None:
        left_ns, right_ns = session.selection_ns
        length = quantity.duration(right_ns - left_ns)
        parts.append(f"{length} selected from {quantity.elapsed(left_ns - first_ns)}")
    n_hidden = len(session.filter.hidden_prefixes)
    if n_hidden:
        hidden = "prefix" if n_hidden == 1 else "prefixes"
        parts.append(f"{quantity.count(n_hidden)} {hidden} hidden")
    return "; ".join(parts)
