"""What gestures make of a session."""

from __future__ import annotations

import pytest

from daskscope.session import (
    LEAST_SPAN_NS,
    WHOLE_RUN,
    Session,
    Viewport,
    asked_view,
    fitted,
    panned,
    viewport,
    zoomed,
)

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND
FIRST = NOW - 600 * SECOND
MARGIN = 12


def test_following_puts_now_left_of_the_margin() -> None:
    view = viewport(Session(span_ns=30 * SECOND), 1012, NOW, FIRST, MARGIN)

    assert abs(view.x_px(NOW) - 1000) <= 1
    assert view.ns_per_px == 30 * SECOND / 1000


def test_following_scrolls_by_whole_pixels() -> None:
    session = Session(span_ns=30 * SECOND)
    starts = [
        viewport(session, 1012, NOW + step * 7_000_000, FIRST, MARGIN).start_ns
        for step in range(50)
    ]
    pixel_ns = 30 * SECOND / 1000

    steps = [(later - starts[0]) / pixel_ns for later in starts]

    assert all(abs(step - round(step)) < 1e-6 for step in steps)
    assert round(steps[-1]) == pytest.approx(49 * 7_000_000 / pixel_ns, abs=1)


def test_whole_run_shows_everything() -> None:
    first = NOW - 3600 * SECOND
    view = viewport(Session(span_ns=WHOLE_RUN), 812, NOW, first, MARGIN)

    assert 0 <= view.x_px(first) < 0.05 * 800
    assert abs(view.x_px(NOW) - 800) <= 1


@pytest.mark.parametrize("x_px", [0.0, 250.0, 800.0])
def test_zoom_keeps_the_time_under_the_pointer(x_px: float) -> None:
    session = Session(is_following=False, span_ns=8 * SECOND, end_ns=NOW)
    view = viewport(session, 812, NOW, FIRST, MARGIN)

    nearer = viewport(zoomed(session, view, x_px, 0.5, MARGIN), 812, NOW, FIRST, MARGIN)

    assert nearer.ns_per_px == pytest.approx(view.ns_per_px / 2)
    assert nearer.x_px(view.time_ns(x_px)) == pytest.approx(x_px, abs=1.5)


def test_zoom_while_following_keeps_following() -> None:
    session = Session(span_ns=8 * SECOND)
    view = viewport(session, 812, NOW, FIRST, MARGIN)

    nearer = zoomed(session, view, 100.0, 0.5, MARGIN)

    assert nearer.is_following
    assert nearer.span_ns == pytest.approx(4 * SECOND, rel=1e-6)


def test_zoom_ends_at_a_microsecond() -> None:
    session = Session(is_following=False, span_ns=LEAST_SPAN_NS, end_ns=NOW)
    view = viewport(session, 812, NOW, FIRST, MARGIN)

    assert zoomed(session, view, 10.0, 0.01, MARGIN).span_ns == LEAST_SPAN_NS


def test_pan_ends_following_and_moves() -> None:
    session = Session(span_ns=8 * SECOND)
    view = viewport(session, 812, NOW, FIRST, MARGIN)

    moved = panned(session, view, -100, MARGIN)
    after = viewport(moved, 812, NOW + 99 * SECOND, FIRST, MARGIN)

    assert not moved.is_following
    assert after.start_ns == pytest.approx(view.start_ns - SECOND, abs=2 * view.ns_per_px)


@pytest.mark.parametrize("is_following", [True, False])
def test_each_gesture_goes_on_from_the_one_before(is_following: bool) -> None:
    """Even where no frame has come between the two."""
    session = Session(is_following=is_following, span_ns=8 * SECOND, end_ns=NOW)
    shown = viewport(session, 812, NOW, FIRST, MARGIN)
    assert asked_view(session, shown, FIRST, MARGIN) == shown

    nearer = session
    for _ in range(3):
        nearer = zoomed(nearer, asked_view(nearer, shown, FIRST, MARGIN), 300, 0.5, MARGIN)
    assert nearer.span_ns == pytest.approx(SECOND, rel=1e-6)
    moved = session
    for _ in range(3):
        moved = panned(moved, asked_view(moved, shown, FIRST, MARGIN), 100, MARGIN)
    assert moved.end_ns == pytest.approx(NOW + 3 * SECOND, abs=2 * shown.ns_per_px)


def test_fit_shows_the_stretch() -> None:
    session = fitted(Session(), NOW - 5 * SECOND, NOW)
    view = viewport(session, 812, NOW + SECOND, FIRST, MARGIN)

    assert view.x_px(NOW - 5 * SECOND) == pytest.approx(0, abs=1)
    assert view.x_px(NOW) == pytest.approx(800, abs=1)


def test_pixels_and_times_are_inverse() -> None:
    view = Viewport(NOW, 12_345.678, 1000)

    assert view.x_px(view.time_ns(437.0)) == pytest.approx(437.0, abs=1e-3)
    assert view.end_ns == NOW + 12_345_678


def test_a_growing_run_keeps_its_scale_for_a_while() -> None:
    session = Session(span_ns=WHOLE_RUN)
    scales = {
        viewport(session, 812, FIRST + step * SECOND, FIRST, MARGIN).ns_per_px
        for step in range(600, 700)
    }

    assert len(scales) <= 5
