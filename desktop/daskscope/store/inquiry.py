"""What a window asks the process that holds the journal, and what that answers.

The store keeps columns only; all else that is known of one span lies in the request that brought
it. A query names the span and that request. Answers carry the query's number, so that one for a
span that is no longer looked at can be told and dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from daskscope.store.schema import Attributes


class Asked(Enum):
    """What is asked, in most cases about a span."""

    #: Everything that its request says: one `SpanDetails`.
    SPAN = "span"
    #: The spans that have a link to it: `Dependents` in parts, the last one says that it is.
    DEPENDENTS = "dependents"
    #: Nothing about a span: the reader of a recording shall read no further. It has no answer.
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Query:
    """One question; a later one of the same kind takes its place.

    Attributes
    ----------
    number
        Comes back with the answer.
    span_id
        Big-endian value of its 8 bytes.
    request
        Number of the request that brought the span; the search for dependents begins there.
    least
        Requests before this one are not searched: an earlier query did.
    """

    number: int
    asked: Asked
    span_id: int
    request: int
    least: int = 1


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """An event of a span, such as an exception."""

    name: str
    time_ns: int
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class SpanLink:
    """A link of a span: of an attempt, to the one that made a dependency.

    Attributes
    ----------
    key
        Key of the dependency, "" where the link names none.
    """

    span_id: int
    key: str


@dataclass(frozen=True, slots=True)
class SpanDetails:
    """What the request of a span says of it.

    Attributes
    ----------
    problem
        Why there is nothing to tell, in one line; "" when there is.
    trace_id
        32 hexadecimal digits.
    status_text
        Message of its status.
    """

    number: int
    problem: str = ""
    trace_id: str = ""
    status_text: str = ""
    attributes: Attributes | None = None
    events: tuple[SpanEvent, ...] = ()
    links: tuple[SpanLink, ...] = ()


@dataclass(frozen=True, slots=True)
class Dependent:
    """A span with a link to the one that is asked about.

    Attributes
    ----------
    request
        Number of the request that brought it.
    worker
        Address of its worker, "" where nothing says it.
    nbytes
        Size of its result, -1 where it is not known.
    """

    span_id: int
    request: int
    name: str
    key: str
    worker: str
    start_ns: int
    end_ns: int
    nbytes: int = -1


@dataclass(frozen=True, slots=True)
class Dependents:
    """Some dependents, in no order.

    Attributes
    ----------
    share
        Of the requests that are to be searched, how much has been.
    until
        Number of the last request that was there when the search began.
    is_over
        Nothing more will come to this query.
    is_cut
        There are more than are told.
    """

    number: int
    found: tuple[Dependent, ...] = ()
    share: float = 0.0
    until: int = 0
    is_over: bool = False
    is_cut: bool = False
    problem: str = ""


Answer: TypeAlias = SpanDetails | Dependents
