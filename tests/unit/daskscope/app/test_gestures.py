"""Gestures are pure: a session and what was seen make another session."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daskscope.app import gestures
from daskscope.derive.frames import BarState, Hit
from daskscope.session import WHOLE_RUN, Session, Viewport, viewport
from daskscope.theme import NOT_YET_PX
from tests.gui import frames

SECOND = 1_000_000_000
FIRST = 1_700_000_000 * SECOND
EXTENT = gestures.Extent(FIRST, FIRST + 100 * SECOND)
NAMES = frozenset({"inc", "dec", "sum"})


def view_of(session: Session) -> Viewport:
    return viewport(session, 1012, EXTENT.last_ns, FIRST, NOT_YET_PX)


def test_fold_and_unfold() -> None:
    folded = gestures.fold(Session(), None, "node-01")

    assert folded.collapsed_hosts == {"node-01"}
    assert gestures.fold(folded, None, "node-01") == Session()


def test_solo_twice_shows_all_again() -> None:
    alone = gestures.solo_prefix(Session(), "inc", NAMES)

    assert alone.filter.hidden_prefixes == {"dec", "sum"}
    assert gestures.solo_prefix(alone, "inc", NAMES) == Session()


def test_fit_keeps_following_a_growing_run() -> None:
    assert gestures.fit_all(Session(), EXTENT).span_ns == WHOLE_RUN
    held = gestures.fit_all(Session(is_following=False), EXTENT)
    assert (held.end_ns, held.span_ns) == (EXTENT.last_ns, 100 * SECOND)


def test_fit_takes_the_selection_first() -> None:
    chosen = (FIRST + SECOND, FIRST + 3 * SECOND)
    session = gestures.fit_selection(Session(selection_ns=chosen), EXTENT)

    assert (session.end_ns, session.span_ns, session.selection_ns) == (chosen[1], 2 * SECOND, None)


def test_pause_holds_the_moment() -> None:
    paused = gestures.pause(Session(), 42)

    assert (paused.is_following, paused.end_ns) == (False, 42)
    assert gestures.pause(paused, 77) == paused
    assert gestures.follow(paused).is_following


def test_home_keeps_the_scale() -> None:
    session = Session(span_ns=10 * SECOND)
    view = view_of(session)
    home = gestures.go_home(session, view, EXTENT)

    after = viewport(home, 1012, EXTENT.last_ns, FIRST, NOT_YET_PX)

    assert after.start_ns == pytest.approx(FIRST, abs=after.ns_per_px)
    assert after.ns_per_px == pytest.approx(view.ns_per_px)


def test_brush_is_a_share_of_the_run() -> None:
    session = gestures.brush(Session(), EXTENT, 0.25, 0.5)

    assert (session.end_ns, session.span_ns) == (FIRST + 50 * SECOND, 25 * SECOND)


def test_zoom_to_a_task_leaves_room_around_it() -> None:
    session = Session(span_ns=10 * SECOND)
    view = view_of(session)
    task = Hit("inc", "inc-1", 0, 0, BarState.FINISHED, (), 400, 500, 3)

    fitted = gestures.fit_hit(session, view, task)

    assert fitted.span_ns == pytest.approx(200 * view.ns_per_px)
    assert fitted.end_ns == view.time_ns(550)


def test_scrolling_stays_within_the_content() -> None:
    class Layout:
        height_px = 1000

    class Frame:
        layout = Layout
        height_px = 400

    for asked, got in ((-5, 0), (300, 300), (9_999, 600)):
        session = gestures.scroll_to(Session(), Frame, asked)  # type: ignore[arg-type]
        assert session.scroll_px == got


@pytest.mark.parametrize("start_s", [-500, 10, 200])
def test_what_is_chosen_elsewhere_comes_into_view(start_s: int) -> None:
    frame = replace(
        frames.frame(frames.layout(), frames.BarList().bars(), frames.empty_dense(19, 1012)),
        view=view_of(Session(is_following=False, end_ns=EXTENT.last_ns, span_ns=10 * SECOND)),
        height_px=200,
    )
    start_ns, end_ns = FIRST + start_s * SECOND, FIRST + (start_s + 1) * SECOND
    session = gestures.reveal(Session(), frame.view, frame, start_ns, end_ns, 17)
    shown = view_of(session)

    assert not session.is_following
    assert 0 < shown.x_px(start_ns) < shown.x_px(end_ns) < shown.width_px
    assert shown.ns_per_px == pytest.approx(frame.view.ns_per_px, rel=1e-6)
    top = frame.layout.rows[17].y_px
    assert session.scroll_px <= top <= session.scroll_px + 200 - frame.layout.pitch_px


def test_what_is_in_view_stays_where_it_is() -> None:
    frame = replace(
        frames.frame(frames.layout(), frames.BarList().bars(), frames.empty_dense(19, 1012)),
        view=view_of(Session()),
        height_px=200,
    )
    view = frame.view
    seen = gestures.reveal(Session(), frame.view, frame, view.time_ns(500), view.time_ns(600), 2)
    assert seen == Session()
    # It has begun before the view, and goes on in it.
    assert (
        gestures.reveal(Session(), frame.view, frame, FIRST - SECOND, view.time_ns(60), 2)
        == Session()
    )
    # It has no row.
    assert (
        gestures.reveal(Session(), frame.view, frame, view.time_ns(500), view.time_ns(600), -1)
        == Session()
    )


@pytest.mark.parametrize(
    ("scroll_row", "row", "place"), [(3, 2, "top"), (1, 8, "bottom"), (1, 13, "middle"), (3, 5, "")]
)
def test_a_row_comes_into_view_from_nearby_by_as_little_as_is_needed(
    scroll_row: int, row: int, place: str
) -> None:
    """The picture would jump otherwise while keys go from row to row. Its frame is whole."""
    layout, height_px = frames.layout(), 200
    tops, heights = layout.row_px
    shown = frames.frame(layout, frames.BarList().bars(), frames.empty_dense(19, 1012))
    frame = replace(shown, height_px=height_px)
    before = Session(scroll_px=int(tops[scroll_row]) - layout.header_px)
    after = gestures.reveal_row(before, frame, row)

    places_px = {
        "top": layout.header_px + gestures.ROW_ROOM_PX,
        "bottom": height_px - int(heights[row]) - gestures.ROW_ROOM_PX,
        "middle": (height_px - int(heights[row])) // 2,
        "": int(tops[row]) - before.scroll_px,
    }
    assert int(tops[row]) - after.scroll_px == places_px[place]


def test_what_is_longer_than_the_view_is_shown_from_its_beginning() -> None:
    frame = replace(
        frames.frame(frames.layout(), frames.BarList().bars(), frames.empty_dense(19, 1012)),
        view=view_of(Session(is_following=False, end_ns=EXTENT.last_ns, span_ns=10 * SECOND)),
    )
    session = gestures.reveal(Session(), frame.view, frame, FIRST, FIRST + 60 * SECOND, 2)
    assert 0 < view_of(session).x_px(FIRST) < 500


def test_a_prefix_that_is_chosen_again_is_chosen_no_more() -> None:
    session = gestures.choose_prefix(Session(), "sum")
    assert session.statistics_prefix == "sum"
    assert gestures.choose_prefix(session, "sum").statistics_prefix == ""
