"""What benchmarks return, and how one is run: in a process of its own."""

from __future__ import annotations

import importlib
import multiprocessing
import traceback
from concurrent.futures import ProcessPoolExecutor
from typing import TypedDict


class Figure(TypedDict):
    """One measured figure.

    `value` is None when the benchmark failed; `budget` is None where the figure has none.
    """

    name: str
    value: float | None
    unit: str
    budget: float | None
    met: bool


def figure(name: str, value: float, unit: str, budget: float | None = None) -> Figure:
    """A figure whose budget, if it has one, is the most that it may be."""
    is_met = budget is None or value <= budget
    return Figure(name=name, value=value, unit=unit, budget=budget, met=is_met)


def measure(name: str) -> list[Figure]:
    """Figures of one benchmark."""
    figures: list[Figure] = importlib.import_module(f"tests.bench.bench_{name}").run()
    return figures


def measured(name: str) -> list[Figure]:
    """Figures of one benchmark, run in a process of its own; a failure is a budget not met."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        try:
            return pool.submit(measure, name).result()
        except Exception:  # noqa: BLE001 - whatever it was, the other benchmarks go on
            traceback.print_exc()
            return [
                {"name": f"{name}: failed", "value": None, "unit": "", "budget": None, "met": False}
            ]
