"""What graphs look like: layers of tasks, what each works on, how long it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

Indices = npt.NDArray[np.int64]

#: Values that a task of a reduction takes in.
FAN_IN: Final = 8


@dataclass(frozen=True, slots=True)
class Step:
    """What the layers of one name have in common.

    Attributes
    ----------
    name
        The tasks' prefix.
    takes
        How they depend on the layers before: `nothing` (they read their data), `one` (the task of
        the same number), `neighbours` (that one and those beside it), `pair` (that one, and one of
        the layer two before), `group` (`FAN_IN` of them, until one is left).
    duration
        Median of their durations, as a share of the recipe's longest.
    spread
        Standard deviation of its logarithm.
    value
        Name of the type of results.
    flaky
        Share of tasks of which the first attempt fails.
    broken
        Share of tasks that fail for good; only where nothing depends on them.
    spilled
        Share of results that are written to disk and read again.
    """

    name: str
    takes: str
    duration: float
    spread: float
    value: str
    flaky: float = 0.0
    broken: float = 0.0
    spilled: float = 0.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """One kind of computation; `code` is what its user would have written."""

    code: str
    steps: tuple[Step, ...]


_FRAME: Final = "pandas.core.frame.DataFrame"
_ARRAY: Final = "numpy.ndarray"
RECIPES: Final = (
    Recipe(
        "trips.assign(hour=trips.start.dt.hour).groupby('zone').fare.mean().compute()",
        (
            Step("read-parquet", "nothing", 1.0, 0.35, _FRAME, flaky=0.004),
            Step("assign", "one", 0.6, 0.3, _FRAME, spilled=0.01),
            Step("groupby-chunk", "one", 0.8, 0.4, _FRAME),
            Step("groupby-agg", "group", 0.8, 0.3, _FRAME),
        ),
    ),
    Recipe(
        "da.map_overlap(smooth, image, depth=16).sum().compute()",
        (
            Step("random-sample", "nothing", 0.7, 0.15, _ARRAY),
            Step("overlap", "neighbours", 0.9, 0.25, _ARRAY, spilled=0.02),
            Step("smooth", "one", 1.0, 0.2, _ARRAY),
            Step("sum-partial", "group", 0.5, 0.3, _ARRAY),
        ),
    ),
    Recipe(
        "orders.merge(customers, on='id').to_parquet('joined')",
        (
            Step("read-csv", "nothing", 0.6, 0.4, _FRAME, flaky=0.006),
            Step("hash-partition", "one", 0.5, 0.3, _FRAME, spilled=0.015),
            Step("merge", "pair", 1.0, 0.5, _FRAME, flaky=0.002),
            Step("to-parquet", "one", 0.5, 0.4, "builtins.NoneType", broken=0.002),
        ),
    ),
    Recipe(
        "best = max(client.map(fit, grid), key=score)",
        (
            Step("load-fold", "nothing", 0.6, 0.3, _ARRAY),
            Step("fit", "one", 1.0, 0.9, "sklearn.linear_model.LogisticRegression", flaky=0.003),
            Step("score", "one", 0.5, 0.4, "builtins.float"),
            Step("select", "group", 0.4, 0.2, "builtins.dict"),
        ),
    ),
)
#: All names, in an order that never changes.
NAMES: Final = tuple(dict.fromkeys(step.name for recipe in RECIPES for step in recipe.steps))


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """The tasks of one step that can run at the same time.

    Attributes
    ----------
    first
        Number of its first task within the graph.
    n
        How many there are.
    dependencies
        int64, shape (n, k): numbers of the tasks that each works on.
    """

    step: Step
    first: int
    n: int
    dependencies: Indices


def layers(recipe: Recipe, n_tasks: int) -> list[Layer]:
    """The layers of a graph of about `n_tasks` tasks, in the order in which they run."""
    n_wide = sum(step.takes != "group" for step in recipe.steps)
    n = whole_width(max(n_tasks // n_wide, 1))
    found: list[Layer] = []
    for step in recipe.steps:
        if step.takes == "group":
            found.extend(_reduction(step, found[-1]))
        else:
            first = found[-1].first + found[-1].n if found else 0
            found.append(Layer(step, first, n, _takes(step, n, found)))
    return found


def whole_width(n: int) -> int:
    """The greatest width up to `n` that a reduction halves without a rest."""
    size: int = FAN_IN ** int(math.log(n, FAN_IN) + 1e-9)
    return n // size * size


def _takes(step: Step, n: int, before: list[Layer]) -> Indices:
    number = np.arange(n)
    if step.takes == "nothing":
        return np.empty((n, 0), np.int64)
    last = before[-1].first
    if step.takes == "neighbours" and n > 2:
        beside: Indices = last + (number[:, None] + np.array([-1, 0, 1])) % n
        return beside
    if step.takes == "pair":
        # The stride has no factor with most widths, so that data moves between all workers.
        return np.stack([last + number, before[-2].first + (number * 7 + 3) % n], axis=1)
    return (last + number)[:, None]


def _reduction(step: Step, last: Layer) -> Iterator[Layer]:
    while last.n > 1:
        fan_in = FAN_IN if last.n % FAN_IN == 0 else last.n
        n = last.n // fan_in
        taken = last.first + np.arange(last.n).reshape(n, fan_in)
        last = Layer(step, last.first + last.n, n, taken)
        yield last
