"""What becomes known of the chosen span: questions out, answers in, a look through the store.

All of it goes on in slices of ticks. An answer to a question about another span is dropped; a
question that is not answered is said to be, and still answered when the answer comes late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daskscope.derive.details.known import Inquired, Known
from daskscope.derive.details.subject import subject
from daskscope.derive.details.survey import Survey
from daskscope.store.inquiry import Asked, Dependents, Query, SpanDetails

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable

    from daskscope.derive.details.subject import Subject
    from daskscope.session import Chosen
    from daskscope.store.inquiry import Answer, Dependent
    from daskscope.store.snapshot import Snapshot

#: Of a tick, for looking through the store.
SURVEY_BUDGET_S: Final = 0.001
#: A question that was sent so long ago is called unanswered.
PATIENCE_S: Final = 4.0
#: How often the newest requests of a live cluster are searched for dependents.
AGAIN_S: Final = 2.0


class _Question:
    """A question that is sent as soon as the link takes it.

    Attributes
    ----------
    number
        Of its query, 0 while it has not been sent.
    """

    def __init__(self) -> None:
        self.number = 0
        self.state = Inquired.NOT_YET
        self._since_s = 0.0

    def begin(self, now_s: float) -> None:
        """It waits from now on."""
        self.number, self.state, self._since_s = 0, Inquired.WAITING, now_s

    def heard(self, now_s: float) -> None:
        """A part of the answer has come; the rest has as much time again."""
        self.state, self._since_s = Inquired.WAITING, now_s

    def grow_old(self, now_s: float) -> bool:
        """Whether it has just become unanswered."""
        if self.state is not Inquired.WAITING or now_s - self._since_s < PATIENCE_S:
            return False
        self.state = Inquired.UNANSWERED
        return True


class Inquiry:
    """Follows the choice of the session.

    Parameters
    ----------
    ask
        Sends a query without waiting; False when it cannot be sent now.

    Attributes
    ----------
    known
        What is known of the chosen span, None while none is chosen or the store does not hold it.
    """

    def __init__(self, ask: Callable[[Query], bool]) -> None:
        self._ask = ask
        self._chosen: Chosen | None = None
        self._survey: Survey | None = None
        self._n_asked = 0
        self._version = 0
        self._begin_anew()
        self.known: Known | None = None

    def _begin_anew(self) -> None:
        self._about, self._search = _Question(), _Question()
        self._details: SpanDetails | None = None
        self._dependents: dict[int, Dependent] = {}
        self._share = 0.0
        self._until = 0
        self._searched_s = 0.0
        self._has_searched = self._is_cut = False
        self._problem = ""

    def advance(
        self, snapshot: Snapshot, chosen: Chosen | None, answers: deque[Answer], now_s: float
    ) -> Known | None:
        """Go on with what is chosen now, for a little time of a tick.

        Parameters
        ----------
        snapshot
            What is held now.
        chosen
            Of the session.
        answers
            Those that have arrived; they are taken out.
        now_s
            Seconds of a clock that never jumps.
        """
        if chosen != self._chosen:
            self._choose(snapshot, chosen, now_s)
        while answers:
            self._take(answers.popleft(), now_s)
        if self.known is None or self._survey is None:
            return None
        self._look_again(snapshot, self.known)
        self._ask_what_is_due(self.known.subject, snapshot, now_s)
        self._survey.advance(snapshot, SURVEY_BUDGET_S)
        if self._version + self._survey.version != self.known.version:
            self.known = self._made(self.known.subject, self._survey)
        return self.known

    def _choose(self, snapshot: Snapshot, chosen: Chosen | None, now_s: float) -> None:
        self._chosen = chosen
        self._begin_anew()
        self._version += 1
        found = subject(snapshot, chosen) if chosen is not None else None
        self._survey = Survey(found) if found is not None else None
        self.known = self._made(found, self._survey) if found and self._survey else None
        if found is not None and found.chosen.span_id:
            self._about.begin(now_s)
            if found.is_attempt:
                self._search.begin(now_s)

    def _look_again(self, snapshot: Snapshot, known: Known) -> None:
        """The worker of what runs may have fallen silent, or be heard again."""
        found = subject(snapshot, known.subject.chosen) if not known.subject.end_ns else None
        if found is not None and found.heard_ns != known.subject.heard_ns:
            self._version += 1
            self.known = self._made(found, known.survey)

    def _made(self, found: Subject, survey: Survey) -> Known:
        searched = self._search.state
        if self._has_searched and searched is not Inquired.NOT_YET:
            searched = Inquired.ANSWERED  # what has come since is looked through in silence
        return Known(
            subject=found,
            survey=survey,
            details=self._details,
            asked=self._about.state,
            searched=searched,
            dependents=self._dependents,
            searched_share=self._share,
            is_cut=self._is_cut,
            problem=self._problem,
            version=self._version + survey.version,
        )

    # Questions ------------------------------------------------------------------------------

    def _ask_what_is_due(self, found: Subject, snapshot: Snapshot, now_s: float) -> None:
        chosen = found.chosen
        is_more = snapshot.status.requests > self._until
        is_due = self._search.state is Inquired.ANSWERED and now_s - self._searched_s >= AGAIN_S
        if is_due and is_more and not self._is_cut:
            self._search.begin(now_s)
        if self._about.state is Inquired.WAITING and not self._about.number:
            self._send(self._about, Asked.SPAN, chosen.span_id, chosen.request)
        if self._search.state is Inquired.WAITING and not self._search.number:
            least = self._until + 1
            begin = max(chosen.request, least)
            self._send(self._search, Asked.DEPENDENTS, chosen.span_id, begin, least)
        self._version += self._about.grow_old(now_s) + self._search.grow_old(now_s)

    def _send(
        self, question: _Question, asked: Asked, span_id: int, request: int, least: int = 1
    ) -> None:
        number = self._n_asked + 1
        if self._ask(Query(number, asked, span_id, request, least)):
            self._n_asked = question.number = number

    # Answers --------------------------------------------------------------------------------

    def _take(self, answer: Answer, now_s: float) -> None:
        if isinstance(answer, SpanDetails) and answer.number == self._about.number:
            self._about.state = Inquired.ANSWERED
            self._problem = answer.problem
            if not answer.problem and self._survey is not None:
                self._details = answer
                self._survey.want(link.span_id for link in answer.links)
            self._version += 1
        elif isinstance(answer, Dependents) and answer.number == self._search.number:
            self._search.heard(now_s)
            self._take_dependents(answer, now_s)
            self._version += 1

    def _take_dependents(self, answer: Dependents, now_s: float) -> None:
        fresh = [one for one in answer.found if one.span_id not in self._dependents]
        if fresh and self._survey is not None:
            self._dependents = {**self._dependents, **{one.span_id: one for one in fresh}}
            self._survey.look_up(fresh)
        self._share = answer.share
        if answer.is_over:
            self._search.state = Inquired.ANSWERED
            self._searched_s, self._has_searched = now_s, True
            self._until = max(self._until, answer.until)
            self._is_cut |= answer.is_cut
            self._problem = self._problem or answer.problem
