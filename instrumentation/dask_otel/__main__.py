"""`python -m dask_otel enable|disable|status|attach`: whether Dask is instrumented by itself.

`enable` and `disable` write one marked file into the user's Dask config and touch no other.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


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
        # Imported here: Dask reads its config as it is imported, and raises at a file that is none.
        if chosen.command == "attach":
            from dask_otel.attach import run  # takes a second

            return run(chosen.address, chosen.endpoint, chosen.protocol)
        from dask_otel import autostart

        if chosen.command == "status":
            found = autostart.status()
            for line in [json.dumps(found)] if chosen.json else _lines(found):
                _say(line)
            return 0 if found["starts"] else 1
        _say(autostart.enable() if chosen.command == "enable" else autostart.disable())
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{' '.join(str(error).split())}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
