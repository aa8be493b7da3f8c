"""What is known of the chosen span at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daskscope.derive.details.subject import Subject
    from daskscope.derive.details.survey import Survey
    from daskscope.store.inquiry import Dependent, SpanDetails


class Inquired(Enum):
    """How a question to the process that holds the journal stands."""

    #: It cannot be asked: the span has not ended.
    NOT_YET = 0
    WAITING = 1
    ANSWERED = 2
    #: No answer has come for long.
    UNANSWERED = 3


@dataclass(frozen=True, slots=True)
class Known:
    """All that the panel and the task stream show of the chosen span.

    Attributes
    ----------
    subject
        What the store says, or said before it was evicted.
    survey
        What the store holds beside it; its `version` is part of `version`.
    details
        What its request says, None until that is known.
    asked, searched
        How the questions for details and for dependents stand.
    dependents
        Found so far, by span id.
    searched_share
        How much of the recording has been searched, 0..1.
    is_cut
        There are more dependents than are told.
    problem
        Why there are no details, "" when there are.
    version
        Grows with every change.
    """

    subject: Subject
    survey: Survey
    details: SpanDetails | None
    asked: Inquired
    searched: Inquired
    dependents: dict[int, Dependent]
    searched_share: float
    is_cut: bool
    problem: str
    version: int
