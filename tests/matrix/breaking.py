"""Runs a program in which every function of `dask_otel` fails again and again.

breaking.py PHASE|hooks OUTPUT SCRIPT ...

It begins when the first task has run, so that there is something that can fail. From then on each
function fails in every third of its calls, so that what is inside of others is reached: PHASE says
which. Functions that Dask or Python call by themselves fail inside, where they guard themselves.
With `hooks` all that is `guarded` fails from the beginning on, each time, and nothing else, but
what begins the rest.
OUTPUT gets the names of those that have failed, a line each.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import itertools
import pkgutil
import re
import runpy
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask_otel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

EVERY = 3
#: What Dask or Python call by themselves, with its own guard in it, and what guards are made of.
GUARDS = re.compile(
    r"dask_otel\.(preload\.(_each|dask_setup|dask_teardown|instrument|uninstrument)"
    r"|emit\.hooks\.guarded"
    r"|emit\.emitter\.Emitter\.(record|log|measure|failed|_complain|_run|_gather|_cycle|_try|_put_spans)"
    r"|client\.adapter\.ClientAdapter\._(annotate|close|open|take_back)"
    r"|compat\.shuffle\.(_file_bytes|_host|_read_bytes|_size|ShuffleWatch\._watch)"
    r"|worker\.shuffle\.ShuffleProbe\.failed"
    r"|compat\.unpickle\._tell"
    r"|compat\.spill\._(n_bytes|recorded)"
    r"|dasklogs\._Handler\.emit"
    r"|worker\.adapter\.WorkerAdapter\._tick"
    r"|worker\.attempts\.Attempts\.transition"
    r"|worker\.context\._(enter|leave|complain)"
    r"|scheduler\.adapter\.SchedulerAdapter\.(transition|_assigned)"
    r")"
)
FIRST = "dask_otel.worker.attempts.Attempts.ran"
#: Where this fails there is nothing else that could.
BEGINNINGS = {
    "dask_otel.worker.adapter.WorkerAdapter._begin",
    "dask_otel.worker.shuffle.ShuffleProbe._plugin_added",
}
begun = threading.Event()
broken: set[str] = set()


def breaking(function: Callable[..., Any], name: str, phase: int | None) -> Callable[..., Any]:
    """`function`, which fails when its turn has come; always without a phase."""
    calls = itertools.count(1)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if name == FIRST:
            begun.set()
        if phase is None or (begun.is_set() and next(calls) % EVERY == phase):
            broken.add(name)
            raise RuntimeError(f"{name} is broken")
        return function(*args, **kwargs)

    return call


def is_ours(found: object) -> bool:
    return inspect.isfunction(found) and found.__module__.startswith("dask_otel.")


def guarded(function: Any) -> Any:
    """The cell of a hook that is `guarded`, None for any other function."""
    names = function.__code__.co_freevars
    return function.__closure__[names.index("hook")] if "hook" in names else None


def dotted(function: Any) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def break_function(owner: Any, attribute: str, function: Any, phase: int | None) -> None:
    name = dotted(function)
    cell = guarded(function)
    if cell is not None and not (phase is None and name in BEGINNINGS):
        cell.cell_contents = breaking(cell.cell_contents, name, phase)
    elif phase is not None and not GUARDS.fullmatch(name):
        setattr(owner, attribute, breaking(function, name, phase))


def functions_of(module: ModuleType) -> Iterator[tuple[Any, str, Any]]:
    """Owner, name and function of all that stand in a module and its classes."""
    owners = [module] + [
        found
        for found in vars(module).values()
        if inspect.isclass(found) and found.__module__ == module.__name__
    ]
    for owner in owners:
        for attribute, found in list(vars(owner).items()):
            if is_ours(found) and not attribute.startswith("__"):
                yield owner, attribute, found


def functions() -> Iterator[tuple[Any, str, Any]]:
    """Those of all modules."""
    for module in list(pkgutil.walk_packages(dask_otel.__path__, "dask_otel.")):
        if "__main__" not in module.name:
            yield from functions_of(importlib.import_module(module.name))


def main() -> None:
    phase = None if sys.argv[1] == "hooks" else int(sys.argv[1])
    output = Path(sys.argv[2])
    del sys.argv[:3]
    for owner, attribute, function in list(functions()):
        break_function(owner, attribute, function, phase)
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    finally:
        output.write_text("".join(f"{name}\n" for name in sorted(broken)))


if __name__ == "__main__":
    main()
