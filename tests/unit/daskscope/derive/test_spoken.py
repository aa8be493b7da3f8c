from __future__ import annotations

from dataclasses import replace

from daskscope.derive.spoken import spoken_stream
from daskscope.predicate import Filter
from daskscope.session import Session
from tests.builders import SECOND
from tests.gui import frames

FIRST_NS = frames.START_NS


def said(session: Session) -> str:
    drawn = replace(frames.busy_run(), count_in_view=lambda: 12_381)
    text = spoken_stream(drawn, session, FIRST_NS, FIRST_NS + 20 * SECOND)
    return text.replace("\u2009", " ")


def test_it_says_who_and_when_and_how_much() -> None:
    assert said(Session()) == "6 workers, 24 threads; 12 381 spans from 0:00 to 0:20; following"


def test_it_says_what_was_chosen() -> None:
    chosen = Session(
        is_following=False,
        selection_ns=(FIRST_NS + 3 * SECOND, FIRST_NS + 5 * SECOND),
        filter=Filter(hidden_prefixes=frozenset({"a", "b"})),
    )
    assert said(chosen).endswith("; paused; 2.00 s selected from 0:03; 2 prefixes hidden")
