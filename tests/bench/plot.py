"""Draws frame time against spans held: `python -m tests.bench.plot`, after `tests.bench growth`.

Reads `out/bench.json`, writes `docs/frame-time.svg`, which is readable on light and dark.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.bench.__main__ import HERE, OUTPUT
from tests.bench.bench_growth import PAGE_SIZES, SHARES, SIZES, page_figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PICTURE: Final = HERE.parents[1] / "docs" / "frame-time.svg"
BUDGETS_MS: Final = {"p95": 8.0, "p99": 16.0}

WIDTH, HEIGHT = 760, 420
LEFT, TOP, RIGHT, BOTTOM = 64, 44, 150, 52
LINE_PX = 14
X_RANGE, Y_RANGE = (700.0, 14e6), (1.0, 700.0)
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 14px }
  .grid { stroke: #d1d9e0; stroke-width: 1 }
  .budget { stroke: #818b98; stroke-dasharray: 5 4; stroke-width: 1.2 }
  .dim { fill: #59636e }
  .ours { stroke: #0969da; fill: none; stroke-width: 2 }
  .ours-dot, .ours-text { fill: #0969da }
  .dask { stroke: #bc4c00; fill: none; stroke-width: 2 }
  .dask-dot, .dask-text { fill: #bc4c00 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .grid { stroke: #3d444d } .budget { stroke: #9198a1 }
    .dim { fill: #9198a1 } .ours { stroke: #4493f8 } .ours-dot, .ours-text { fill: #4493f8 }
    .dask { stroke: #f0883e } .dask-dot, .dask-text { fill: #f0883e }
  }
"""


def _share(value: float, bounds: tuple[float, float]) -> float:
    low, high = (math.log10(bound) for bound in bounds)
    return (math.log10(value) - low) / (high - low)


def x_px(spans: float) -> float:
    return LEFT + _share(spans, X_RANGE) * (WIDTH - LEFT - RIGHT)


def y_px(ms: float) -> float:
    return HEIGHT - BOTTOM - _share(ms, Y_RANGE) * (HEIGHT - TOP - BOTTOM)


def text(x: float, y: float, words: str, style: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" class="{style}" text-anchor="{anchor}">{words}</text>'


def line(x0: float, y0: float, x1: float, y1: float, style: str) -> str:
    return f'<line x1="{x0:.0f}" y1="{y0:.1f}" x2="{x1:.0f}" y2="{y1:.1f}" class="{style}"/>'


def curve(points: Mapping[int, float], style: str) -> Iterable[str]:
    """A line through points."""
    places = [(x_px(spans), y_px(ms)) for spans, ms in sorted(points.items())]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline points="{path}" class="{style}"/>'
    for x, y in places:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" class="{style}-dot"/>'


def names(curves: Mapping[str, Mapping[int, float]], style: str) -> Iterable[str]:
    """The name of each curve behind its last point, below one another where they are close."""
    least_y = 0.0
    ends = sorted((y_px(points[max(points)]), max(points), name) for name, points in curves.items())
    for y, spans, name in ends:
        least_y = max(y + 4, least_y)
        yield text(x_px(spans) + 10, least_y, name, f"{style}-text")
        least_y += LINE_PX


def axes() -> Iterable[str]:
    """Grid, its labels, and the budgets."""
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    for ms in (1.0, 3.0, 10.0, 30.0, 100.0, 300.0):
        yield line(LEFT, y_px(ms), right, y_px(ms), "grid")
        yield text(LEFT - 8, y_px(ms) + 4, f"{ms:.0f} ms", "dim", "end")
    decades = {1e3: "1 k", 1e4: "10 k", 1e5: "100 k", 1e6: "1 M", 1e7: "10 M"}
    for spans, words in decades.items():
        yield line(x_px(spans), TOP, x_px(spans), bottom, "grid")
        yield text(x_px(spans), bottom + 18, words, "dim", "middle")
    yield text((LEFT + right) / 2, bottom + 38, "spans held, all of them in view", "dim", "middle")
    for name, ms in BUDGETS_MS.items():
        yield line(LEFT, y_px(ms), right, y_px(ms), "budget")
        yield text(LEFT + 6, y_px(ms) - 4, f"budget of {name}, {ms:.0f} ms", "dim")


def picture(figures: Mapping[str, float]) -> str:
    """The whole drawing."""
    parts = [text(LEFT, 24, "A frame of the task stream, 20,000 new spans a second", "title")]
    parts += axes()
    ours = {
        f"daskscope, {label}": {
            size: figures[f"frame at {size:,} spans, {label}"] for size in SIZES
        }
        for label in SHARES
    }
    page = {"Dask's page, median": {size: figures[page_figure(size)] for size in PAGE_SIZES}}
    for curves, style in ((ours, "ours"), (page, "dask")):
        for points in curves.values():
            parts += curve(points, style)
        parts += names(curves, style)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f"<style>{STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def main() -> None:
    """Draw."""
    results = json.loads(Path(OUTPUT).read_text())["results"]
    figures = {one["name"]: one["value"] for one in results["growth"]["figures"]}
    PICTURE.write_text(picture(figures))
    print(PICTURE)


if __name__ == "__main__":
    main()
