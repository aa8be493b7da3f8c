from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest

from daskscope.app.viewstate import KEPT, view_state, with_view_state
from daskscope.predicate import Filter, Search
from daskscope.session import Session

#: Kept with the settings of the user, or true for a moment only.
NOT_KEPT = {"chosen",
    "bins", "density", "found", "hover_px", "statistics_prefix",
    "are_charts_linked", "is_sort_descending", "lit_prefix", "measured_ns", "worker_sort",
}  # fmt: skip
CHOSEN = Session(
    is_following=False,
    span_ns=5_000_000_000,
    end_ns=1_700_000_000_123_456_789,
    scroll_px=40,
    collapsed_hosts=frozenset({"10.0.4.11"}),
    filter=Filter(hidden_prefixes=frozenset({"inc"}), most_ns=7),
    search=Search("su.*", is_regex=True),
    selection_ns=(1, 2),
    lit_prefix="sum",
    hover_px=(3, 4),
)


def again(state: dict[str, object]) -> dict[str, object]:
    back: dict[str, object] = json.loads(json.dumps(state))
    return back


def test_each_field_of_a_session_is_kept_or_not_on_purpose() -> None:
    assert {field.name for field in fields(Session)} == {*KEPT} | NOT_KEPT
    assert not {*KEPT} & NOT_KEPT


def test_what_was_chosen_is_there_again() -> None:
    restored = with_view_state(Session(), again(view_state(CHOSEN)))
    assert restored == replace(CHOSEN, lit_prefix="", hover_px=None)


def test_of_one_who_followed_the_time_in_view_is_not_kept() -> None:
    following = replace(CHOSEN, is_following=True)
    first = Session(span_ns=0)
    restored = with_view_state(first, again(view_state(following)))
    assert (restored.is_following, restored.span_ns, restored.end_ns) == (True, 0, 0)
    assert restored.filter == CHOSEN.filter


@pytest.mark.parametrize("name", ["is_following", "span_ns", "end_ns"])
def test_a_place_in_time_is_whole_or_not_taken(name: str) -> None:
    state = again(view_state(CHOSEN))
    state[name] = "soon"
    restored = with_view_state(Session(), state)
    first = Session()
    assert restored.span_ns == first.span_ns
    assert restored.is_following
    assert restored.scroll_px == 40


def test_nothing_kept_changes_nothing() -> None:
    assert with_view_state(CHOSEN, {}) == CHOSEN
