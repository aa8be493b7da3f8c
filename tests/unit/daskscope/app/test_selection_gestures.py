"""Selecting is pure: a session and a view make another session."""

from __future__ import annotations

import pytest

from daskscope.app import gestures, selection_gestures
from daskscope.predicate import Bin
from daskscope.session import Session, Viewport, asked_view
from daskscope.theme import NOT_YET_PX

SECOND = 1_000_000_000
FIRST = 1_700_000_000 * SECOND
#: A pixel is 10 ms.
VIEW = Viewport(FIRST, 1e7, 1_000)
WITHIN = (FIRST + SECOND, FIRST + 2 * SECOND)


def test_what_is_lit_stays_within_the_selection() -> None:
    session = selection_gestures.light(Session(statistics_prefix="sum"), (10, 20))
    assert session.bins == (Bin("sum", 10, 20),)
    session = selection_gestures.select(session, *WITHIN, frozenset({3}))
    assert session.selection_ns == WITHIN
    assert session.bins == (Bin("sum", 10, 20, WITHIN, frozenset({3})),)
    session = gestures.choose_prefix(session, "fit")
    assert session.bins == (Bin("fit", 10, 20, WITHIN, frozenset({3})),)
    assert selection_gestures.light(session, None).bins == ()
    cleared = selection_gestures.clear(session)
    assert (cleared.selection_ns, cleared.selection_lanes, cleared.bins) == (None, None, ())


def moved(session: Session, dx_px: float, *, is_start: bool) -> Session:
    return selection_gestures.move_edge(session, VIEW, dx_px, 300.0, is_start=is_start)


@pytest.mark.parametrize(
    ("dx_px", "is_start", "expected_ms"),
    [
        (8, False, (1_000, 2_080)),
        (-8, False, (1_000, 1_920)),
        (8, True, (1_080, 2_000)),
        (-8, True, (920, 2_000)),
        # Not past the other edge, from which it stays a pixel.
        (-500, False, (1_000, 1_010)),
        (500, True, (1_990, 2_000)),
    ],
)
def test_an_edge_moves_alone(dx_px: float, is_start: bool, expected_ms: tuple[int, int]) -> None:
    session = Session(selection_ns=WITHIN, selection_lanes=frozenset({3}))
    after = moved(session, dx_px, is_start=is_start)

    assert after.selection_ns == tuple(FIRST + ms * SECOND // 1000 for ms in expected_ms)
    assert after.selection_lanes == frozenset({3})
    assert after.is_following


@pytest.mark.parametrize("is_start", [False, True])
def test_a_selection_begins_at_the_pointer(is_start: bool) -> None:
    after = moved(Session(), -8 if is_start else 8, is_start=is_start)
    at_ns = FIRST + 3 * SECOND
    step_ns = 80_000_000
    expected = (at_ns - step_ns, at_ns) if is_start else (at_ns, at_ns + step_ns)
    assert after.selection_ns == expected


@pytest.mark.parametrize(("end_s", "x_px"), [(20, 999), (-3, 0)])
def test_an_edge_out_of_view_comes_into_it_at_the_same_scale(end_s: int, x_px: int) -> None:
    end_ns = FIRST + end_s * SECOND
    after = moved(Session(selection_ns=(end_ns - 90 * SECOND, end_ns)), 8, is_start=False)

    assert after.selection_ns is not None
    assert after.selection_ns[1] == end_ns + 80_000_000
    view = asked_view(after, VIEW, FIRST, NOT_YET_PX)
    assert view.ns_per_px == pytest.approx(VIEW.ns_per_px)
    assert view.x_px(after.selection_ns[1]) == pytest.approx(x_px, abs=1)
