"""`python -m dask_otel enable|disable|status|attach`: whether Dask is instrumented by itself.

`enable` and `disable` write one marked file into the user's Dask config and touch no other.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dask.config

from dask_otel import config, startup
from dask_otel.compat import versions

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Dask reads a folder's files by name, and the last one that sets a list wins.
FILE: Final = "zz-dask-otel.yaml"
MARK: Final = "# Written by `python -m dask_otel`; do not edit: enable and disable replace it."
PACKAGES: Final = ("daskscope", "dask", "distributed", "opentelemetry-api", "opentelemetry-sdk")
SIGNALS: Final[tuple[config.Signal, ...]] = ("traces", "metrics", "logs")


class CommandError(RuntimeError):
    """A command cannot do what it is for; the message is one line."""


def _file() -> Path:
    """The file that is ours.

    Raises
    ------
    CommandError
        Where the user's config is a single file, or something else has our file's name.
    """
    folder = Path(dask.config.PATH)
    if folder.is_file():
        raise CommandError(f"{folder} is a file; list dask_otel in its preloads yourself")
    path = folder / FILE
    if path.exists() and not path.read_text(encoding="utf-8").startswith(MARK):
        raise CommandError(f"{path} was not written by this command; move it away")
    return path


def _write(path: Path, settings: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")  # Dask reads .yaml only
    partial.write_text(f"{MARK}\n{json.dumps(settings, indent=2)}\n", encoding="utf-8")  # is YAML
    partial.replace(path)


def enable() -> str:
    """Let Dask start it in whatever this user runs from now on; says what was done."""
    path = _file()
    path.unlink(missing_ok=True)
    if _starts():
        return "Dask starts it already; nothing to write"
    roles: dict[str, Any] = {}
    for way in startup.ways():
        others = way.sources[-1].preloads if way.sources else ()
        entry: dict[str, Any] = {"preload": startup.with_us(others)}
        given = dask.config.get(startup.arguments(way.role), None, config=_files_only())
        if (extended := startup.arguments_with_us(given, others)) is not None:
            entry["preload-argv"] = extended
        roles[way.role] = entry
    _write(path, {"distributed": roles, "dask-otel": {"enabled": True}})
    if not _starts():
        path.unlink(missing_ok=True)
        raise CommandError(f"{_obstacle()} has the last word; change that")
    return f"wrote {path}"


def disable() -> str:
    """Let Dask start it no longer for this user; says what was done."""
    path = _file()
    existed = path.exists()
    path.unlink(missing_ok=True)
    if not _starts():
        return f"removed {path}" if existed else "Dask does not start it; nothing to remove"
    _write(path, {"dask-otel": {"enabled": False}})
    if _starts():
        path.unlink(missing_ok=True)
        raise CommandError(f"{_obstacle()} has the last word; change that")
    return f"wrote {path}, which switches it off"


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


def _lines(found: dict[str, Any]) -> list[str]:
    """`status` in words."""
    lines = []
    for role, way in found["roles"].items():
        if way["starts"]:
            text = f"starts by {way['by']}"
        elif way["hidden"]:
            text = f"does not start: the preload list of {way['hidden_by']} hides {way['hidden']}"
        else:
            text = "does not start: no preload list names dask_otel"
        lines.append(f"{role + ':':<11}{text}")
        lines += [
            f"{'':<11}which hides {', '.join(names)} of {source}"
            for source, names in way["loses"].items()
        ]
    if not found["enabled"]:
        lines.append("switch:    off, by dask-otel.enabled or OTEL_SDK_DISABLED")
    for signal, target in found["sends"].items():
        lines.append(f"{signal + ':':<11}{target['protocol']} to {target['endpoint']}")
    packages = ", ".join(
        f"{name} {number or 'missing'}" for name, number in found["versions"].items()
    )
    word = "supported" if found["supported"] else f"not supported, which needs {found['supports']}"
    lines.append(f"versions:  {packages}: {word}")
    return lines


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command talks to a terminal


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        0 when it did what it is for, for `status` when Dask would be instrumented; else 1.
    """
    parser = argparse.ArgumentParser(prog="python -m dask_otel", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("enable", help="instrument Dask in whatever you run from now on")
    commands.add_parser("disable", help="instrument it no longer")
    say = commands.add_parser("status", help="say whether and how Dask would be instrumented")
    say.add_argument("--json", action="store_true", help="for programs")
    attach = commands.add_parser("attach", help="instrument a cluster that runs, until Ctrl-C")
    attach.add_argument("address", help="of the scheduler, such as tcp://127.0.0.1:8786")
    attach.add_argument("--endpoint", required=True, help="where the cluster shall send: a URL")
    attach.add_argument("--protocol", choices=("grpc", "http/protobuf"))
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "attach":
            from dask_otel.attach import run  # loads distributed, which takes a second

            return run(chosen.address, chosen.endpoint, chosen.protocol)
        if chosen.command == "status":
            found = status()
            for line in [json.dumps(found)] if chosen.json else _lines(found):
                _say(line)
            return 0 if found["starts"] else 1
        _say(enable() if chosen.command == "enable" else disable())
    except (CommandError, OSError, ValueError) as error:
        sys.stderr.write(f"{' '.join(str(error).split())}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
