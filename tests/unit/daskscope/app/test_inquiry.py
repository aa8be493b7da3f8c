"""Questions and answers about the chosen span, ticked by hand."""

from __future__ import annotations

from collections import deque

import pytest

from daskscope.app.inquiry import AGAIN_S, PATIENCE_S, Inquiry
from daskscope.derive.details.known import Inquired, Known
from daskscope.session import Chosen
from daskscope.store.inquiry import (
    Answer,
    Asked,
    Dependent,
    Dependents,
    Query,
    SpanDetails,
    SpanLink,
)
from daskscope.store.schema import Kind, SourceStatus
from daskscope.store.writer import Store
from tests.builders import SECOND, Source, Span


class Desk:
    """What an inquiry asks, and what is answered."""

    def __init__(self, requests: int = 1) -> None:
        source = Source()
        worker = source.worker("w0")
        names = ["read", "sum", "agg"]
        spans = [
            Span(n * SECOND, (n + 1) * SECOND, name, worker, key=name, run_id=n)
            for n, name in enumerate(names)
        ]
        spans.append(Span(0, 1, "transfer", worker, kind=Kind.TRANSFER))
        batch = source.spans(spans)
        self.store = Store()
        self.store.apply(source.definitions())
        self.store.apply(batch)
        self.see(requests)
        self.queries: list[Query] = []
        self.is_full = False
        self.answers: deque[Answer] = deque()
        self.inquiry = Inquiry(self.ask)
        self.chosen: Chosen | None = None

    def see(self, requests: int) -> None:
        self.store.apply(SourceStatus(is_live=True, requests=requests))

    def ask(self, query: Query) -> bool:
        if not self.is_full:
            self.queries.append(query)
        return not self.is_full

    def choose(self, row: int, now_s: float = 0.0) -> Known:
        self.chosen = Chosen(0, row, row + 1, 0)
        return self.tick(now_s)

    def tick(self, now_s: float) -> Known:
        known = self.inquiry.advance(self.store.snapshot(), self.chosen, self.answers, now_s)
        assert known is not None
        return known

    def answered(self, *answers: Answer, now_s: float = 0.1) -> Known:
        self.answers.extend(answers)
        return self.tick(now_s)

    def number(self, asked: Asked) -> int:
        return next(query.number for query in reversed(self.queries) if query.asked is asked)


def details(number: int, *links: int) -> SpanDetails:
    return SpanDetails(number, attributes={}, links=tuple(SpanLink(one, "") for one in links))


def dependent(span_id: int) -> Dependent:
    return Dependent(span_id, 0, "agg", "agg", "", 0, 1)


def test_choosing_asks_for_details_and_dependents() -> None:
    desk = Desk()
    known = desk.choose(1)
    assert [(q.asked, q.span_id) for q in desk.queries] == [
        (Asked.SPAN, 2),
        (Asked.DEPENDENTS, 2),
    ]
    assert (known.asked, known.searched) == (Inquired.WAITING, Inquired.WAITING)
    assert known.subject.key == "sum"

    desk.tick(0.5)
    assert len(desk.queries) == 2


def test_answers_become_known_and_their_spans_are_found() -> None:
    desk = Desk()
    desk.choose(1)
    before = desk.tick(0.0).version
    known = desk.answered(
        details(desk.number(Asked.SPAN), 1, 77),
        Dependents(desk.number(Asked.DEPENDENTS), (dependent(3),), 1.0, 1, is_over=True),
    )
    known = desk.tick(0.2)

    assert known.version > before
    assert (known.asked, known.searched) == (Inquired.ANSWERED, Inquired.ANSWERED)
    assert set(known.survey.relatives) == {1, 3}
    assert known.survey.relatives[1].key == "read"


def test_an_answer_for_what_is_no_longer_chosen_is_dropped() -> None:
    desk = Desk()
    desk.choose(1)
    late = details(desk.number(Asked.SPAN), 1)
    lost = Dependents(desk.number(Asked.DEPENDENTS), (dependent(3),), 1.0, 1, is_over=True)
    desk.choose(0, 0.1)
    known = desk.answered(late, lost, now_s=0.2)

    assert known.subject.key == "read"
    assert known.details is None
    assert known.dependents == {}
    assert known.asked is Inquired.WAITING


def test_a_question_that_is_not_answered_is_said_to_be_and_may_be_late() -> None:
    desk = Desk()
    desk.choose(1)
    assert desk.tick(PATIENCE_S - 0.1).asked is Inquired.WAITING
    known = desk.tick(PATIENCE_S + 0.1)
    assert (known.asked, known.searched) == (Inquired.UNANSWERED, Inquired.UNANSWERED)

    known = desk.answered(details(desk.number(Asked.SPAN), 1), now_s=PATIENCE_S + 5)
    assert known.asked is Inquired.ANSWERED
    assert known.searched is Inquired.UNANSWERED


def test_a_search_that_goes_on_is_not_unanswered() -> None:
    desk = Desk()
    desk.choose(1)
    for second in range(1, 10):
        part = Dependents(desk.number(Asked.DEPENDENTS), (), second / 10, 1)
        known = desk.answered(part, now_s=second)
        assert known.searched is Inquired.WAITING
        assert known.searched_share == pytest.approx(second / 10)


def test_a_link_that_is_full_is_asked_again() -> None:
    desk = Desk()
    desk.is_full = True
    desk.choose(1)
    assert desk.queries == []
    desk.is_full = False
    desk.tick(0.1)
    assert len(desk.queries) == 2


def test_what_has_come_since_is_searched_in_silence() -> None:
    desk = Desk(requests=5)
    desk.choose(1)
    first = desk.number(Asked.DEPENDENTS)
    desk.answered(Dependents(first, (dependent(3),), 1.0, 5, is_over=True))
    desk.tick(2 * AGAIN_S)
    assert desk.number(Asked.DEPENDENTS) == first  # nothing has come

    desk.see(9)
    desk.tick(2 * AGAIN_S)
    assert desk.queries[-1] == Query(desk.queries[-1].number, Asked.DEPENDENTS, 2, 6, 6)
    assert desk.tick(2 * AGAIN_S).searched is Inquired.ANSWERED
    known = desk.answered(
        Dependents(desk.queries[-1].number, (dependent(9),), 1.0, 9, is_over=True),
        now_s=2 * AGAIN_S,
    )
    assert set(known.dependents) == {3, 9}


def test_a_search_that_was_cut_is_not_gone_on_with() -> None:
    desk = Desk(requests=5)
    desk.choose(1)
    number = desk.number(Asked.DEPENDENTS)
    known = desk.answered(Dependents(number, (), 1.0, 5, is_over=True, is_cut=True))
    assert known.is_cut
    desk.see(9)
    desk.tick(100.0)
    assert desk.number(Asked.DEPENDENTS) == number


def test_a_refusal_is_told() -> None:
    desk = Desk()
    desk.choose(1)
    known = desk.answered(SpanDetails(desk.number(Asked.SPAN), "the file is damaged"))
    assert known.problem == "the file is damaged"
    assert known.details is None
    assert known.asked is Inquired.ANSWERED


def test_only_attempts_have_dependents() -> None:
    desk = Desk()
    known = desk.choose(3)
    assert [query.asked for query in desk.queries] == [Asked.SPAN]
    assert known.searched is Inquired.NOT_YET


def test_letting_go_forgets() -> None:
    desk = Desk()
    desk.choose(1)
    found = desk.inquiry.advance(desk.store.snapshot(), None, desk.answers, 1.0)
    assert found is None
    assert desk.inquiry.known is None
    # A chunk that was never held.
    gone = Chosen(-1, 0, 1, 1)
    assert desk.inquiry.advance(desk.store.snapshot(), gone, desk.answers, 1.0) is None
