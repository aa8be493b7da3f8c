"""What gestures on the timeline make of the session: pure, apart from Qt's signals that carry them.

`Timeline` is what was last drawn: gestures are meant for what the user saw.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from daskscope.app.selection_gestures import clear
from daskscope.derive.frames import LEAST_BAR_PX, Hit, TaskStreamFrame
from daskscope.session import WHOLE_RUN, Chosen, Session, Viewport, fitted, panned, zoomed
from daskscope.theme import NOT_YET_PX

#: Room left and right of a task that is zoomed to, as a share of its length.
FIT_MARGIN = 0.5
#: A span of which so much is in view need not be brought there.
REVEALED_PX = 8
#: Above and below a row that comes into view: frames around bars are drawn there.
ROW_ROOM_PX = 4


@dataclass(frozen=True, slots=True)
class Extent:
    """The run's start and its end so far."""

    first_ns: int
    last_ns: int


def zoom(session: Session, view: Viewport, x_px: float, factor: float) -> Session:
    """Zoom around a position."""
    return zoomed(session, view, x_px, factor, NOT_YET_PX)


def pan(session: Session, view: Viewport, dx_px: float) -> Session:
    """Move in time; following ends."""
    return panned(session, view, dx_px, NOT_YET_PX)


def zoom_share(session: Session, view: Viewport, share: float, factor: float) -> Session:
    """Zoom around a share of the time in view."""
    return zoom(session, view, share * view.width_px, factor)


def pan_share(session: Session, view: Viewport, share: float) -> Session:
    """Move by a share of the time in view; following ends."""
    return pan(session, view, share * view.width_px)


def scroll_to(session: Session, frame: TaskStreamFrame, y_px: int) -> Session:
    """Bring a pixel row of the content to the top, within the content."""
    most = max(frame.layout.height_px - frame.height_px, 0)
    return replace(session, scroll_px=min(max(y_px, 0), most))


def scrolled_px(session: Session, frame: TaskStreamFrame) -> int:
    """Lanes that are scrolled away, or are about to be: there may be fewer than there were."""
    return scroll_to(session, frame, session.scroll_px).scroll_px


def fold(session: Session, frame: TaskStreamFrame | None, host: str) -> Session:
    """Fold a host, or unfold it; a header that stays at the top belongs there from then on."""
    stuck = frame.layout.stuck_header(frame.scroll_px) if frame is not None else None
    if frame is not None and stuck is not None:
        row = frame.layout.rows[stuck[0]]
        session = scroll_to(session, frame, row.y_px) if row.host == host else session
    return replace(session, collapsed_hosts=session.collapsed_hosts ^ {host})


def toggle_prefix(session: Session, name: str) -> Session:
    """Switch a prefix off, or on again."""
    hidden = session.filter.hidden_prefixes ^ {name}
    return replace(session, filter=replace(session.filter, hidden_prefixes=hidden))


def solo_prefix(session: Session, name: str, all_names: frozenset[str]) -> Session:
    """Show one prefix alone; all again when it already is alone."""
    others = all_names - {name}
    hidden = frozenset() if session.filter.hidden_prefixes == others else others
    return replace(session, filter=replace(session.filter, hidden_prefixes=hidden))


def fit_all(session: Session, extent: Extent) -> Session:
    """The whole run: it keeps growing while following."""
    if session.is_following:
        return replace(session, span_ns=WHOLE_RUN)
    return fitted(session, extent.first_ns, extent.last_ns)


def choose_prefix(session: Session, name: str) -> Session:
    """The prefix whose durations are shown and lit, "" for all; all again when it is chosen."""
    name = "" if name == session.statistics_prefix else name
    bins = tuple(replace(part, prefix=name) for part in session.bins)
    return replace(session, statistics_prefix=name, bins=bins)


def fit_selection(session: Session, extent: Extent) -> Session:
    """The selection, or the whole run without one."""
    if session.selection_ns is None:
        return fit_all(session, extent)
    return clear(fitted(session, *session.selection_ns))


def fit_hit(session: Session, view: Viewport, hit: Hit) -> Session:
    """One task with some room around it."""
    length_px = max(hit.x1_px - hit.x0_px, LEAST_BAR_PX)
    room_px = FIT_MARGIN * length_px
    return fitted(session, view.time_ns(hit.x0_px - room_px), view.time_ns(hit.x1_px + room_px))


def choose(session: Session, chosen: Chosen | None) -> Session:
    """Choose a span, or none."""
    return session if chosen == session.chosen else replace(session, chosen=chosen)


def fit_chosen(session: Session, start_ns: int, end_ns: int) -> Session:
    """One span with some room around it."""
    room_ns = round(FIT_MARGIN * max(end_ns - start_ns, 1_000))
    return fitted(session, start_ns - room_ns, end_ns + room_ns)


def reveal(
    session: Session, view: Viewport, frame: TaskStreamFrame, start_ns: int, end_ns: int, row: int
) -> Session:
    """Bring a span into view if it is not there; `row` is one of the layout."""
    if view.x_px(end_ns) < REVEALED_PX or view.x_px(start_ns) > view.width_px - REVEALED_PX:
        # The beginning of what is longer than the view.
        middle_ns = min(
            (start_ns + end_ns) // 2, start_ns + round(view.width_px * view.ns_per_px / 3)
        )
        inner_px = max(view.width_px - NOT_YET_PX, 1)
        span_ns = round(inner_px * view.ns_per_px)
        session = replace(
            session, is_following=False, end_ns=middle_ns + span_ns // 2, span_ns=span_ns
        )
    return reveal_row(session, frame, row)


def reveal_row(session: Session, frame: TaskStreamFrame, row: int) -> Session:
    """Bring a row of the layout into view: by as little as is needed, from afar to the middle."""
    if not 0 <= row < frame.layout.row_px.shape[1]:
        return session
    top_px, height_px = (int(px) for px in frame.layout.row_px[:, row])
    scroll_px = scrolled_px(session, frame)
    least_px = top_px + height_px + ROW_ROOM_PX - frame.height_px
    near_px = min(max(scroll_px, least_px), top_px - ROW_ROOM_PX - frame.layout.header_px)
    if abs(near_px - scroll_px) > frame.height_px // 2:
        return scroll_to(session, frame, top_px - (frame.height_px - height_px) // 2)
    return scroll_to(session, frame, near_px) if near_px != scroll_px else session


def follow(session: Session) -> Session:
    """The right edge is now."""
    return replace(clear(session), is_following=True)


def pause(session: Session, now_ns: int) -> Session:
    """Hold the picture."""
    return replace(session, is_following=False, end_ns=now_ns) if session.is_following else session


def go_home(session: Session, view: Viewport, extent: Extent) -> Session:
    """The start of the run, at the same scale."""
    inner_px = view.width_px - NOT_YET_PX
    end_ns = extent.first_ns + round(inner_px * view.ns_per_px)
    return replace(
        session, is_following=False, end_ns=end_ns, span_ns=round(inner_px * view.ns_per_px)
    )


def brush(session: Session, extent: Extent, left: float, right: float) -> Session:
    """A stretch of the minimap, as shares of the whole run."""
    length_ns = max(extent.last_ns - extent.first_ns, 1)
    start_ns = extent.first_ns + round(left * length_ns)
    return fitted(session, start_ns, extent.first_ns + round(right * length_ns))


def stay_within(session: Session, extent: Extent) -> Session:
    """The whole run where what is in view lies beside it: the file is not what it was."""
    start_ns = session.end_ns - session.span_ns
    is_beside = session.end_ns < extent.first_ns or start_ns > extent.last_ns
    if session.is_following or not is_beside:
        return session
    return fitted(session, extent.first_ns, extent.last_ns)
