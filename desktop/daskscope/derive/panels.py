"""What derivations of the panels return and views draw: frozen, texts already formatted.

Colours are not in frames: views look them up in the theme by slot, state or token, so that a
change of theme derives nothing anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from daskscope.session import Viewport


@dataclass(frozen=True, slots=True)
class ProgressRow:
    """Progress of one prefix, in Dask's meanings.

    Attributes
    ----------
    memory, released, processing, waiting, no_worker, erred
        Numbers of tasks; `released` includes forgotten ones, `processing` queued ones.
    done
        memory + released + erred.
    done_text, rate_text, left_text
        "30 / 36", "6.0/s", "1 s" or "done".
    """

    name: str
    slot: int
    memory: int
    released: int
    processing: int
    waiting: int
    no_worker: int
    erred: int
    done: int
    total: int
    done_text: str
    rate_text: str
    left_text: str


@dataclass(frozen=True, slots=True)
class ProgressFrame:
    """All prefixes: first what is computed, then what waits, then what is over."""

    rows: tuple[ProgressRow, ...]
    summary: str


class WorkerRowKind(IntEnum):
    """What a row of the workers table sums up."""

    TOTAL = 0
    HOST = 1
    WORKER = 2


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """One row of the workers table; numbers are NaN where nothing was measured.

    Attributes
    ----------
    state
        Of a worker: `running`, `paused`, `silent` or `removed`; "" for sums.
    cpu
        Share of the threads' worth of CPU in use, 0..1 (it can exceed 1).
    memory
        Bytes: managed, unmanaged old, unmanaged recent, spilled.
    limit_bytes
        NaN without a limit.
    alarm
        0 fine, 1 over 60 % of the limit, 2 paused or over 95 %.
    cells
        Text of each column of `WorkersFrame.columns`, "" where nothing was measured.
    """

    kind: WorkerRowKind
    host: str
    name: str
    caption: str
    state: str
    cpu: float
    memory: tuple[float, float, float, float]
    limit_bytes: float
    alarm: int
    cells: tuple[str, ...]
    is_folded: bool = False


@dataclass(frozen=True, slots=True)
class WorkersFrame:
    """The workers table, sorted: the total, then each host with its workers.

    Attributes
    ----------
    columns
        Identifiers of the columns, in order.
    rows
        Each is made when it is asked for.
    summary
        How many run, "" where no worker was ever measured.
    """

    columns: tuple[str, ...]
    rows: Sequence[WorkerRow]
    summary: str
    sort: str
    is_descending: bool


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One curve: float64 of one entry for each column of time, NaN where nothing was read.

    Attributes
    ----------
    x_s
        Seconds since the left edge of the chart.
    y, least, most
        Heights in the mean of each column, at least and at most; of a stacked curve those of the
        curves below it, too.
    """

    name: str
    token: str
    x_s: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    least: npt.NDArray[np.float64]
    most: npt.NDArray[np.float64]
    is_dashed: bool = False

    def is_like(self, other: Curve) -> bool:
        """Whether both have the same points."""
        pairs = (
            (self.x_s, other.x_s),
            (self.y, other.y),
            (self.least, other.least),
            (self.most, other.most),
        )
        return all(np.array_equal(here, there, equal_nan=True) for here, there in pairs)


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """One chart of the resources panel.

    Attributes
    ----------
    value_text
        What it is at the right edge, of what can be there.
    unit
        `cores`, `bytes` or `bytes/s`: how its axis is labelled.
    capacity
        Drawn as a dashed line, NaN for none; `capacity_text` is its label.
    is_stacked
        Curves are bands on top of each other, and filled.
    """

    title: str
    value_text: str
    unit: str
    curves: tuple[Curve, ...]
    capacity: float
    capacity_text: str
    most: float
    is_stacked: bool


@dataclass(frozen=True, slots=True, eq=False)
class ResourcesFrame:
    """The charts, all over the time of `view`, whose pixels are theirs.

    Attributes
    ----------
    first_ns
        Start of the run.
    column_s
        Seconds of a column: where it is more than one, it has a least and a most.
    ticks
        Pixel column and label of each.
    is_linked
        The time is that of the task stream.
    summary
        What they are of, and whose time it is.
    """

    charts: tuple[Chart, ...]
    view: Viewport
    first_ns: int
    column_s: int
    ticks: tuple[tuple[int, str], ...]
    is_linked: bool = True
    summary: str = ""


@dataclass(frozen=True, slots=True)
class ChartReading:
    """What one chart shows at a time: of all of it, and of each of its curves."""

    value_text: str
    curve_texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What all charts show at a time.

    Attributes
    ----------
    x_px
        Where that is, in pixel columns of the charts.
    time_text
        When, and over how long.
    """

    x_px: float
    time_text: str
    charts: tuple[ChartReading, ...]


@dataclass(frozen=True, slots=True)
class StatusField:
    """One field of the status bar; `tone` is `plain`, `ok`, `warn` or `err`.

    Attributes
    ----------
    action
        Id of what a click asks for, "" for nothing.
    """

    label: str
    value: str
    tone: str = "plain"
    tip: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True)
class LoadingFrame:
    """How far a recording is read.

    Attributes
    ----------
    share
        From 0 to 1.
    is_stopped
        The rest will not be read.
    """

    title: str
    detail: str
    share: float
    is_stopped: bool


@dataclass(frozen=True, slots=True)
class StatusFrame:
    """The status bar: connection, then what elides first, then the counters, never hidden."""

    connection: StatusField
    left: tuple[StatusField, ...]
    counters: tuple[StatusField, ...]


@dataclass(frozen=True, slots=True)
class SearchField:
    """The search box: what is searched, and what was found.

    Attributes
    ----------
    count
        "14 of 563"; "" while nothing is searched.
    problem
        Why it cannot be searched, in one line, or "".
    tone
        Of count or problem: `plain`, `warn` or `err`.
    tip
        What the count means.
    """

    text: str = ""
    is_regex: bool = False
    count: str = ""
    problem: str = ""
    tone: str = "plain"
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to start sending: a tab of the empty state, with lines to paste.

    Attributes
    ----------
    blocks
        Explanation and code of each block.
    is_through_collector
        The data come through a Collector, not straight from the cluster.
    """

    title: str
    blocks: tuple[tuple[str, str], ...]
    is_through_collector: bool = False


@dataclass(frozen=True, slots=True)
class PastSession:
    """A recording that can be opened; `is_recovered` when its session ended unexpectedly."""

    path: str
    title: str
    detail: str
    is_recovered: bool


@dataclass(frozen=True, slots=True)
class WelcomeFrame:
    """The empty state: live counters, lines to paste, recordings to open.

    Attributes
    ----------
    title, sentence
        What is waited for; of a recording, that nothing is in it.
    counters
        Label, value and remark of each counter.
    address
        Where this window listens.
    has_received
        Something has come in, though nothing yet that could be drawn.
    """

    title: str
    sentence: str
    counters: tuple[tuple[str, str, str], ...]
    recipes: tuple[Recipe, ...]
    recordings: tuple[PastSession, ...]
    address: str = ""
    has_received: bool = False
