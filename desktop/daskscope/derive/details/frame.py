"""What the details panel draws: frozen, texts already formatted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from daskscope.derive.details.timesplit import Stage
    from daskscope.derive.frames import BarState
    from daskscope.session import Chosen


@dataclass(frozen=True, slots=True)
class Share:
    """One line, and one stretch of the bar, of where the time went.

    Attributes
    ----------
    share
        Of the whole time, 0..1.
    """

    stage: Stage
    label: str
    time: str
    percent: str
    share: float


@dataclass(frozen=True, slots=True)
class Fact:
    """A label and a value.

    Attributes
    ----------
    value
        May have several parts with a wide gap between them.
    copied
        What its button copies, "" for no button.
    is_mono
        An id.
    """

    label: str
    value: tuple[str, ...]
    copied: str = ""
    is_mono: bool = False


@dataclass(frozen=True, slots=True)
class Related:
    """One line of a list of spans.

    Attributes
    ----------
    chosen
        What a click chooses, None where the store does not hold it.
    cells
        Texts of the columns at the right, "" where nothing is known.
    """

    chosen: Chosen | None
    slot: int
    kind: int
    state: BarState
    text: str
    cells: tuple[str, ...]


class Rows(Sequence[Related]):
    """Lines that are made when they are asked for: of a thousand, a panel draws thirty.

    Parameters
    ----------
    n
        Number of lines.
    make
        The line of a number.
    """

    def __init__(self, n: int = 0, make: Callable[[int], Related] | None = None) -> None:
        self._n = n
        self._make = make
        self._made: dict[int, Related] = {}

    def __len__(self) -> int:
        return self._n

    @overload
    def __getitem__(self, index: int) -> Related: ...

    @overload
    def __getitem__(self, index: slice) -> list[Related]: ...

    def __getitem__(self, index: int | slice) -> Related | list[Related]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._n))]
        at = range(self._n)[index]
        made = self._made.get(at)
        if made is None and self._make is not None:
            made = self._made[at] = self._make(at)
        assert made is not None
        return made


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of spans.

    Attributes
    ----------
    count
        Beside the title.
    note
        Under the rows: that something is still searched, or not known.
    more
        What is said of the rows that do not fit: "getitem" of "197 more, all getitem".
    """

    title: str
    count: str
    rows: Rows
    note: str = ""
    more: str = ""


@dataclass(frozen=True, slots=True)
class Among:
    """How long it took among the others of its prefix.

    Attributes
    ----------
    title, rank
        "Among 13 groupby-agg", "slower than 54 %".
    places
        float32, places of the others along the strip, 0..1; empty where `density` is given.
    density
        float32, share of the others at each of equal stretches of the strip, the most is 1.
    place, median
        Of the subject and of the median, 0..1.
    least, middle, most
        Texts under the strip.
    """

    title: str
    rank: str
    places: npt.NDArray[np.float32]
    density: npt.NDArray[np.float32]
    place: float
    median: float
    least: str
    middle: str
    most: str


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as it was raised."""

    type: str
    message: str
    traceback: str


@dataclass(frozen=True, slots=True, eq=False)
class DetailsFrame:
    """Everything about one span; sections that have nothing to say are None or empty.

    Attributes
    ----------
    pill, pill_ink
        How it ended, and the colour of that.
    whole_time
        "14.56 s since submission".
    trace_id, span_id
        Hexadecimal digits, "" where they are not known: then there is nothing to open in Jaeger.
    note, note_ink
        Why something is missing, "" when nothing is, and the colour of that.
    """

    chosen: Chosen
    name: str
    key: str
    slot: int
    kind: int
    state: BarState
    pill: str
    pill_ink: str
    whole_time: str
    shares: tuple[Share, ...]
    facts_title: str
    facts_note: str
    facts: tuple[Fact, ...]
    failure: Failure | None
    among: Among | None
    listings: tuple[Listing, ...]
    others: tuple[Fact, ...]
    trace_id: str
    span_id: str
    note: str
    note_ink: str
