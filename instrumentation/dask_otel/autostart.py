"""Whether Dask instruments by itself, and what changes that.

`enable` and `disable` write one marked file into the user's Dask config and touch no other.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dask.config

from dask_otel import config, startup
from dask_otel.compat import versions

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Dask reads a folder's files by name, and the last one that sets a list wins.
FILE: Final = "zz-dask-otel.yaml"
MARK: Final = "# Written by `python -m dask_otel`; do not edit: enable and disable replace it."
PACKAGES: Final = ("daskscope", "dask", "distributed", "opentelemetry-api", "opentelemetry-sdk")
SIGNALS: Final[tuple[config.Signal, ...]] = ("traces", "metrics", "logs")


class ObstacleError(ValueError):
    """Something stands against what was asked for; the message is one line."""


def _file() -> Path:
    """The file that is ours.

    Raises
    ------
    ObstacleError
        Where the user's config is a single file, or something else has our file's name.
    """
    folder = Path(dask.config.PATH)
    if folder.is_file():
        raise ObstacleError(f"{folder} is a file; list dask_otel in its preloads yourself")
    path = folder / FILE
    if path.exists() and not path.read_text(encoding="utf-8").startswith(MARK):
        raise ObstacleError(f"{path} was not written by this command; move it away")
    return path


def _write(path: Path, settings: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")  # Dask reads .yaml only
    partial.write_text(f"{MARK}\n{json.dumps(settings, indent=2)}\n", encoding="utf-8")  # is YAML
    partial.replace(path)


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """The file at `path` changes with all that is done here, or stays as it was."""
    before = path.read_bytes() if path.exists() else None
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        if before is not None:
            path.write_bytes(before)
        raise


def enable() -> str:
    """Let Dask start it in whatever this user runs from now on; says what was done."""
    path = _file()
    with _whole(path):
        path.unlink(missing_ok=True)
        if _starts():
            return "Dask starts it already; nothing to write"
        _write(path, {"distributed": _roles(), "dask-otel": {"enabled": True}})
        if not _starts():
            raise ObstacleError(f"{_obstacle()} has the last word; change that")
    return f"wrote {path}"


def disable() -> str:
    """Let Dask start it no longer for this user; says what was done."""
    path = _file()
    existed = path.exists()
    with _whole(path):
        path.unlink(missing_ok=True)
        if not _starts():
            return f"removed {path}" if existed else "Dask does not start it; nothing to remove"
        _write(path, {"dask-otel": {"enabled": False}})
        if _starts():
            raise ObstacleError(f"{_obstacle()} has the last word; change that")
    return f"wrote {path}, which switches it off"


def _roles() -> dict[str, Any]:
    """What each role is told: what it is told now, and to start `dask_otel`."""
    roles: dict[str, Any] = {}
    for way in startup.ways():
        others = way.sources[-1].preloads if way.sources else ()
        entry: dict[str, Any] = {"preload": startup.with_us(others)}
        given = dask.config.get(startup.arguments(way.role), None, config=_files_only())
        if (extended := startup.arguments_with_us(given, others)) is not None:
            entry["preload-argv"] = extended
        roles[way.role] = entry
    return roles


def _files_only() -> dict[str, Any]:
    return dask.config.merge(*dask.config.collect_yaml(dask.config.paths))


def _starts() -> bool:
    """Whether scheduler and workers that begin now would be instrumented."""
    dask.config.refresh(paths=dask.config.paths)
    return config.is_enabled() and startup.starts(startup.ways())


def _obstacle() -> str:
    """What stands against the file that is ours."""
    for way in startup.ways():
        if way.role != "client" and way.sources and Path(way.sources[-1].name).name != FILE:
            return way.sources[-1].name
    return "the environment"


def status() -> dict[str, Any]:
    """All that decides whether and how Dask would be instrumented in a process that begins now.

    Raises
    ------
    ValueError
        A setting that cannot be understood.
    """
    settings = config.read()
    targets: dict[config.Signal, config.Target | None] = {
        signal: getattr(settings, signal, None) for signal in SIGNALS
    }
    return {
        "starts": _starts(),
        "enabled": settings is not None,
        "roles": {
            way.role: {
                "starts": way.starts,
                "by": way.sources[-1].name if way.starts else None,
                "hidden": way.hidden and way.hidden.name,
                "hidden_by": way.sources[-1].name if way.hidden else None,
                "loses": {source.name: names for source, names in way.lost},
            }
            for way in startup.ways()
        },
        "sends": {
            signal: {"protocol": target.protocol, "endpoint": config.endpoint(signal, target)}
            for signal, target in targets.items()
            if target is not None
        },
        "versions": {name: _version(name) for name in PACKAGES},
        "supported": versions.is_supported(),
        "supports": versions.SUPPORTED,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
