"""Measures the budgets: `python -m tests.bench [NAME ...]`, for example `latency`; by default all
but those that take many minutes.

Each `bench_<name>.py` has `run()`, which returns its figures, and runs in a process of its own, one
after the other, so that none disturbs another. A figure over its budget is printed as not met, and
so is a benchmark that failed; either makes the exit status 1. Everything is in `out/bench.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

import psutil

from tests.bench.figures import Figure, measured

HERE = Path(__file__).parent
OUTPUT = HERE.parents[1] / "out" / "bench.json"
#: Run only when they are named.
LONG = ("soak",)
PACKAGES = (
    *("daskscope", "dask", "distributed", "numpy", "PySide6-Essentials", "pyqtgraph"),
    *("opentelemetry-sdk", "aiohttp", "grpcio", "protobuf"),
)


def machine() -> dict[str, object]:
    """What the figures depend on."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "load": psutil.getloadavg(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
    }


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def row(figure: Figure) -> str:
    """A line of the table."""
    value, budget = figure["value"], figure["budget"]
    shown = "-" if value is None else _number(value)
    limit = ""
    if value is not None and budget is not None:
        is_most = (value <= budget) is figure["met"]
        limit = f"{'<=' if is_most else '>='} {_number(budget)}"
    verdict = "met" if figure["met"] else "not met"
    return f"{figure['name']:<62} {shown:>10} {figure['unit']:<8} {limit:<12} {verdict}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def main() -> int:
    """Measure, print and write."""
    known = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}")
    names = parser.parse_args().names or [name for name in known if name not in LONG]
    unknown = sorted(set(names) - set(known))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}")

    results: dict[str, object] = {}
    n_missed = 0
    about = machine()
    for name in names:
        started_s = time.perf_counter()
        figures = measured(name)
        took_s = time.perf_counter() - started_s
        results[name] = {"took_s": round(took_s, 1), "figures": figures}
        n_missed += sum(not figure["met"] for figure in figures)
        print(f"{name} ({took_s:.0f} s)", *map(row, figures), sep="\n  ", flush=True)

    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps({"machine": about, "results": results}, indent=2) + "\n")
    print(f"{OUTPUT}: {n_missed} not met")
    return 1 if n_missed else 0


if __name__ == "__main__":
    sys.exit(main())
