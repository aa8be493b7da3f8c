"""Where marks and texts stand in the events lane, so that none covers another."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from daskscope.derive.frames import EventMark

    Stretch = tuple[int, int]

MARK_PX: Final = 9
#: From the middle of a mark to its text.
_TEXT_PX: Final = MARK_PX // 2 + 6
#: Between the end of one text and the next mark.
_APART_PX: Final = 8
#: Besides, between what comes before and a text left of its mark, lest that be taken for its mark.
_ASTRAY_PX: Final = 12
#: A cut text must show this much.
_LEAST_TEXT_PX: Final = 48
_LEAST_SHARE: Final = 0.5
_X_PX: Final = attrgetter("x_px")
#: Which of two marks in one place is kept.
_WEIGHTS: Final = {"paused": 1, "restarted": 1, "removed": 1, "erred": 2, "lost": 3}


class PlacedEvent(NamedTuple):
    """An event with the room its text got: none where `width_px` is 0.

    Attributes
    ----------
    members
        All events that its mark stands for.
    text
        What it says, and how many others stand in its place; "" where there is no room.
    """

    event: EventMark
    left_px: int
    width_px: int
    members: Sequence[EventMark]
    text: str

    def moved(self, shift_px: int) -> PlacedEvent:
        """The same, so many pixels further right."""
        event = self.event._replace(x_px=self.event.x_px + shift_px)
        return self._replace(event=event, left_px=self.left_px + shift_px)


class Placing:
    """Places events as `placed_events` does, and keeps that while all of them move together.

    Then the outermost alone are placed anew: only they can meet an end of the lane.

    Attributes
    ----------
    placed
        Where they stood when all of them were placed.
    shift_px
        By how much they have moved since.
    n_times
        How often all of them were placed.
    is_kept
        Whether that was before the last time.
    """

    def __init__(self, width_of: Callable[[str], float]) -> None:
        self.placed: list[PlacedEvent] = []
        self.shift_px = 0
        self.n_times = 0
        self.is_kept = False
        self._width_of = width_of
        self._seen: list[EventMark] = []

    def place(self, events: Iterable[EventMark], width_px: int, taken_px: Stretch | None) -> None:
        """Place events between 0 and `width_px`, with no text in the stretch `taken_px`."""
        seen = _seen(events, width_px)
        moved_px = _moved_px(self._seen, seen) if taken_px is None else None
        self.is_kept = moved_px is not None
        if moved_px is not None:
            self.shift_px = moved_px
            self._place_outer(-moved_px, width_px - moved_px)
            return
        # With a stretch that is taken they may stand elsewhere the next time.
        self._seen = seen if taken_px is None else []
        self.shift_px = 0
        self.n_times += 1
        self.placed = _placed(seen, width_px, self._width_of, taken_px)

    @property
    def outer(self) -> list[int]:
        """Which are the outermost: the first and the last."""
        return sorted({0, len(self.placed) - 1}) if self.placed else []

    def _place_outer(self, left_px: int, right_px: int) -> None:
        """Place the outermost between two ends of the lane."""
        placed = self.placed
        for number in self.outer:
            free_px = _free_px(placed[number - 1]) if number else left_px
            is_last = number == len(placed) - 1
            next_px = right_px + _APART_PX if is_last else _begin_px(placed[number + 1].event)
            one = placed[number]
            placed[number] = _placed_one(
                one.event, one.members, (free_px, next_px), self._width_of, None
            )


def placed_events(
    events: Iterable[EventMark],
    width_px: int,
    width_of: Callable[[str], float],
    taken_px: Stretch | None = None,
) -> list[PlacedEvent]:
    """Place the texts of events so that none covers another or another's mark.

    A text stands right of its mark, cut if half of it can be shown, else left of it, else it is
    left out. Of marks that would cover each other the first is drawn, unless a later one tells of
    something worse, and the others are counted. `width_px` is the right edge, `taken_px` a stretch
    in which no text may stand, nor close to it.
    """
    return _placed(_seen(events, width_px), width_px, width_of, taken_px)


def _seen(events: Iterable[EventMark], width_px: int) -> list[EventMark]:
    return sorted((one for one in events if -MARK_PX < one.x_px < width_px), key=_X_PX)


def _moved_px(before: Sequence[EventMark], events: Sequence[EventMark]) -> int | None:
    """By how many pixels all events have moved, None where they are others."""
    if not events or len(before) != len(events):
        return None
    moved_px = events[0].x_px - before[0].x_px
    # Where many come and go, the last ones tell.
    if events[-1].x_px - before[-1].x_px != moved_px:
        return None
    pairs = zip(before, events, strict=True)
    is_same = all(now[0] - was[0] == moved_px and now[1:] == was[1:] for was, now in pairs)
    return moved_px if is_same else None


def _placed(
    seen: Sequence[EventMark],
    width_px: int,
    width_of: Callable[[str], float],
    taken_px: Stretch | None,
) -> list[PlacedEvent]:
    kept, firsts = _apart(seen)
    nexts_px = [*map(_begin_px, kept[1:]), width_px + _APART_PX]
    result: list[PlacedEvent] = []
    free_px = 0
    for event, first, end, next_px in zip(
        kept, firsts, [*firsts[1:], len(seen)], nexts_px, strict=False
    ):
        members, left = seen[first:end], event.x_px + _TEXT_PX
        if next_px - _APART_PX < left and event.x_px - _TEXT_PX < free_px:
            # Where marks stand close, as most do when they are many, there is room for no text.
            one = PlacedEvent(event, left, 0, members, "")
        else:
            one = _placed_one(event, members, (free_px, next_px), width_of, taken_px)
        result.append(one)
        free_px = _free_px(one)
    return result


def _placed_one(
    event: EventMark,
    members: Sequence[EventMark],
    room_px: Stretch,
    width_of: Callable[[str], float],
    taken_px: Stretch | None,
) -> PlacedEvent:
    """Place one between what is free on its left and what follows."""
    left, before = event.x_px + _TEXT_PX, event.x_px - _TEXT_PX
    free_px, stop = room_px[0], room_px[1] - _APART_PX
    if taken_px is not None:
        taken_px = taken_px[0] - _APART_PX, taken_px[1] + _APART_PX
        if taken_px[0] <= left < taken_px[1]:
            left = taken_px[1]
        if left <= taken_px[0] < stop:
            stop = taken_px[0]
    room, text = stop - left, _text(event, members)
    text_px = round(width_of(text) + 0.5)
    if text_px <= room or room >= max(_LEAST_TEXT_PX, _LEAST_SHARE * text_px):
        return PlacedEvent(event, left, min(text_px, room), members, text)
    before -= text_px
    if before >= free_px and not _overlap((before, before + text_px), taken_px):
        return PlacedEvent(event, before, text_px, members, text)
    return PlacedEvent(event, left, 0, members, "")


def _begin_px(event: EventMark) -> int:
    return event.x_px - MARK_PX // 2


def _free_px(placed: PlacedEvent) -> int:
    """From where on a text may stand that belongs to the next mark."""
    end_px = placed.event.x_px + MARK_PX
    if placed.width_px and placed.left_px > placed.event.x_px:
        end_px = placed.left_px + placed.width_px + _APART_PX
    return end_px + _ASTRAY_PX


def _overlap(one: Stretch, other: Stretch | None) -> bool:
    return other is not None and one[0] < other[1] and other[0] < one[1]


def _text(event: EventMark, members: Sequence[EventMark]) -> str:
    if len(members) == 1:
        return event.text
    return f"{event.text} +{sum(one.n for one in members) - event.n}"


def _apart(events: Sequence[EventMark]) -> tuple[list[EventMark], list[int]]:
    """Marks that do not cover each other, and which event is the first in the place of each."""
    kept: list[EventMark] = []
    firsts: list[int] = []
    end_px = -MARK_PX
    for number, event in enumerate(events):
        if event.x_px >= end_px:
            firsts.append(number)
            kept.append(event)
        elif _WEIGHTS.get(event.sign, 0) > _WEIGHTS.get(kept[-1].sign, 0):
            kept[-1] = event
        else:
            continue
        end_px = event.x_px + MARK_PX
    return kept, firsts
