"""Which part of a session belongs to a recording and is there again when it is opened again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from daskscope.app.plain import PlainError, from_plain, hints, to_plain
from daskscope.session import Session

#: Where in time one was, kept unless the newest was followed.
_PLACE: Final = ("is_following", "span_ns", "end_ns")
#: What is kept whatever is in view.
_CHOICES: Final = (
    "scroll_px",
    "collapsed_hosts",
    "grouping",
    "lane_sort",
    "turned_workers",
    "pinned",
    "filter",
    "search",
    "bookmarks",
    "hidden_kinds",
    "selection_ns",
    "selection_lanes",
    "statistics_sort",
    "is_statistics_descending",
)
KEPT: Final = (*_PLACE, *_CHOICES)


def kept_fields(session: Session) -> tuple[object, ...]:
    """What `view_state` is made of; the same where nothing has changed."""
    return tuple(getattr(session, name) for name in KEPT)


def view_state(session: Session) -> dict[str, object]:
    """What is kept of `session`, as plain values."""
    names = _CHOICES if session.is_following else KEPT
    return {name: to_plain(getattr(session, name)) for name in names}


def with_view_state(session: Session, state: dict[str, object]) -> Session:
    """`session` with what was kept; what cannot be understood is left out."""
    known = hints(Session)
    values: dict[str, Any] = {}
    for name in KEPT:
        try:
            if name in state:
                values[name] = from_plain(known[name], state[name])
        except PlainError:
            continue
    if not set(_PLACE) <= values.keys():
        for name in _PLACE:
            values.pop(name, None)
    return replace(session, **values)
