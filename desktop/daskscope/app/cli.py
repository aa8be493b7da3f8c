"""The command line. Qt, numpy and the receiver are imported by the commands that need them."""

from __future__ import annotations

import math
import sys
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from daskscope.app.options import WindowOptions

P = ParamSpec("P")

VIEWS = ("all", "task-stream", "progress", "workers", "resources")
DEFAULT_HTTP, DEFAULT_GRPC = "127.0.0.1:4328", "127.0.0.1:4327"
#: OpenTelemetry's own ports, taken as well while no Collector holds them.
STANDARD_HTTP, STANDARD_GRPC = "127.0.0.1:4318", "127.0.0.1:4317"


#: Nobody waits for thirty years, and no run lasts so long.
MOST_SECONDS = 1e9


class Number(click.FloatRange):
    """A number within a range; "nan" is in none, though click takes it for a float in each."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number that a text says."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


class DefaultGroup(click.Group):
    """A group whose first command is meant when none is named: `daskscope --http ...`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default command before options that belong to no command."""
        own = {"--help", "--version"}
        if not args or (args[0].startswith("-") and args[0] not in own):
            args = ["connect", *args]
        return super().parse_args(ctx, args)


@click.group(cls=DefaultGroup, context_settings={"help_option_names": ["--help"]})
@click.version_option(package_name="daskscope", prog_name="daskscope")
def main() -> None:
    """See Dask clusters live, from their OpenTelemetry data.

    With no command the window opens and receives (`connect`).
    """


def _size(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    if value is None:
        return None
    width, _, height = value.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise click.BadParameter(f"{value!r} is not of the form WxH, for example 1600x900")
    return int(width), int(height)


def _range(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    if value == "all":
        return 0.0
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MOST_SECONDS:
        raise click.BadParameter(f"{value!r} is neither a number of seconds nor 'all'")
    return seconds


def _page(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str:
    from daskscope.app.jaeger import is_page
    from daskscope.app.options import DEFAULT_JAEGER

    value = value or DEFAULT_JAEGER
    if not is_page(value):
        raise click.BadParameter(f"{value!r} is not of the form http://HOST:PORT")
    return value


def window_options(
    function: Callable[Concatenate[WindowOptions, P], None],
) -> Callable[P, None]:
    """Give a command the options that every window takes, as one value in front."""

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        from daskscope.app.options import WindowOptions

        names = WindowOptions.__dataclass_fields__
        own = {name: kwargs.pop(name) for name in names if name in kwargs}
        function(WindowOptions(**own), *args, **kwargs)  # type: ignore[arg-type]

    for option in reversed(
        (
            click.option(
                "--seconds",
                type=Number(min=0, min_open=True, max=MOST_SECONDS),
                help="Close by itself after so many seconds.",
            ),
            click.option(
                "--screenshot",
                type=click.Path(dir_okay=False, path_type=Path),
                help="Save the picture before closing; without --seconds as soon as it is drawn.",
            ),
            click.option("--size", callback=_size, metavar="WxH", help="Size of the window."),
            click.option("--view", type=click.Choice(VIEWS), default="all", help="Show one view."),
            click.option("--theme", type=click.Choice(("light", "dark")), help="Colours."),
            click.option(
                "--range",
                "range_s",
                callback=_range,
                metavar="SECONDS|all",
                help="Time in view while following.",
            ),
            click.option(
                "--frame-log",
                type=click.Path(dir_okay=False, path_type=Path),
                help="Write the time of each frame to this CSV file.",
            ),
            click.option(
                "--jaeger",
                callback=_page,
                metavar="URL",
                help="Where traces are opened  [default: http://127.0.0.1:16686]",
            ),
        )
    ):
        wrapper = option(wrapper)
    return wrapper


def address_options(function: Callable[P, None]) -> Callable[P, None]:
    """Give a command the addresses on which OTLP is received."""
    for name, default in (("--grpc", DEFAULT_GRPC), ("--http", DEFAULT_HTTP)):
        text = f"Receive OTLP/{name[2:].upper()} here  [default: {default}]"
        function = click.option(name, metavar="HOST:PORT", help=text)(function)
    return function


def _expected() -> tuple[type[Exception], ...]:
    from daskscope.app.failure import EXPECTED

    return EXPECTED


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn what can be expected to go wrong into one line and exit status 1."""
    try:
        yield
    except _expected() as error:  # asked only when something has gone wrong
        reason = " ".join(str(error).split()) or type(error).__name__
        raise click.ClickException(reason) from error


def _addresses(http: str | None, grpc: str | None) -> dict[str, tuple[str, ...]]:
    """What to listen on: a port that was named is that port only."""
    return {
        "http": (http or DEFAULT_HTTP,),
        "grpc": (grpc or DEFAULT_GRPC,),
        "optional_http": () if http else (STANDARD_HTTP,),
        "optional_grpc": () if grpc else (STANDARD_GRPC,),
    }


def _announce(http: tuple[str, ...], grpc: tuple[str, ...]) -> None:
    click.echo(f"listening http={http[0]} grpc={grpc[0]}")
    sys.stdout.flush()


@main.command()
@address_options
@window_options
def connect(options: WindowOptions, http: str | None, grpc: str | None) -> None:
    """Open the window and receive live."""
    from daskscope.app.launch import show_live

    with one_line_errors():
        show_live(options, _addresses(http, grpc), _announce)


@main.command()
@click.option(
    "--workers",
    default=4,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Worker processes.",
)
@address_options
@window_options
def demo(options: WindowOptions, workers: int, http: str | None, grpc: str | None) -> None:
    """Run a real Dask cluster with a mixed workload, shown live."""
    from daskscope.app.launch import show_demo

    with one_line_errors():
        show_demo(options, _addresses(http, grpc), workers, _announce)


@main.command(short_help="Watch a running cluster, and leave it as it was.")
@click.argument("scheduler", metavar="SCHEDULER")
@click.option("--endpoint", metavar="URL", help="Where the cluster shall send  [default: here]")
@address_options
@window_options
def attach(
    options: WindowOptions,
    scheduler: str,
    endpoint: str | None,
    http: str | None,
    grpc: str | None,
) -> None:
    """Instrument the running cluster of SCHEDULER (tcp://HOST:8786), and show it.

    It is left as it was when the window closes.
    """
    from daskscope.app.launch import show_attached

    with one_line_errors():
        show_attached(options, _addresses(http, grpc), scheduler, endpoint, _announce)


@main.command("open")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--since",
    "since_s",
    type=Number(min=0, max=MOST_SECONDS),
    default=0.0,
    metavar="SECONDS",
    help="Leave out what ended before, counted from the start of the run.",
)
@click.option(
    "--until",
    "until_s",
    type=Number(min=0, max=MOST_SECONDS),
    metavar="SECONDS",
    help="Leave out what began after.",
)
@window_options
def open_recording(
    options: WindowOptions, file: Path, since_s: float, until_s: float | None
) -> None:
    """Open a recording (.dscope, or OTLP JSON lines), or part of it."""
    if until_s is not None and until_s <= since_s:
        raise click.UsageError("--until lies before --since")
    from daskscope.app.launch import show_recording

    with one_line_errors():
        show_recording(options, file, since_s, until_s)


@main.command()
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The recording, *.dscope.",
)
@address_options
@click.option(
    "--seconds", type=Number(min=0, min_open=True, max=MOST_SECONDS), help="Stop after so long."
)
def record(output: Path, http: str | None, grpc: str | None, seconds: float | None) -> None:
    """Receive to a file, with no window, until Ctrl-C."""
    from daskscope.app.headless import record_to

    with one_line_errors():
        record_to(output, _addresses(http, grpc), seconds, _announce)


@main.command()
@click.argument("source", metavar="IN", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="By extension: .jsonl (OTLP JSON lines).",
)
@click.option(
    "--signal",
    type=click.Choice(("traces", "metrics", "logs")),
    default="traces",
    help="An OTLP JSON file holds one signal.  [default: traces]",
)
def export(source: Path, output: Path, signal: str) -> None:
    """Write a recording's data to a file that other tools read."""
    from daskscope.app.headless import export_to

    with one_line_errors():
        export_to(source, output, signal)


@main.command()
@click.option("--workers", default=64, show_default=True, type=click.IntRange(1, 100_000))
@click.option(
    "--threads", default=4, show_default=True, type=click.IntRange(1, 64), help="Of each worker."
)
@click.option(
    "--rate",
    default=2_000.0,
    show_default=True,
    type=Number(min=1, max=10_000_000),
    help="Spans a second, on average.",
)
@click.option(
    "--seconds", type=Number(min=0, min_open=True, max=MOST_SECONDS), help="Stop after so long."
)
@click.option(
    "--seed", default=1, show_default=True, type=click.IntRange(0), help="The same gives the same."
)
@click.option(
    "--to",
    "url",
    default=f"http://{DEFAULT_HTTP}",
    show_default=True,
    metavar="URL",
    help="http://HOST:PORT (OTLP/HTTP) or grpc://HOST:PORT (OTLP/gRPC).",
)
def simulate(
    workers: int, threads: int, rate: float, seconds: float | None, seed: int, url: str
) -> None:
    """Send what a Dask cluster of any size would send, until Ctrl-C.

    Graphs, dependencies, transfers, retries, lost workers, spills and metrics come from a seed.
    """
    from daskscope.app.simulation import Shape, simulate_to

    with one_line_errors():
        simulate_to(url, Shape(seed, workers, threads), rate, seconds)


@main.command(short_help="Check ports, Collector, Jaeger and Qt.")
@address_options
@click.option("--collector", metavar="URL", help="Its health check.  [http://127.0.0.1:13133]")
@click.option("--endpoint", metavar="URL", help="Its OTLP/HTTP.  [http://127.0.0.1:4318]")
@click.option("--jaeger", metavar="URL", help="Jaeger's query API.  [http://127.0.0.1:16686]")
def doctor(
    http: str | None,
    grpc: str | None,
    collector: str | None,
    endpoint: str | None,
    jaeger: str | None,
) -> None:
    """Check ports, Collector, the way of a probe span through it, Jaeger and Qt."""
    from daskscope.app.doctor import Targets, examine

    targets = Targets(
        http=http or DEFAULT_HTTP,
        grpc=grpc or DEFAULT_GRPC,
        collector=collector or "http://127.0.0.1:13133",
        endpoint=endpoint or f"http://{STANDARD_HTTP}",
        jaeger=jaeger or "http://127.0.0.1:16686",
    )
    is_well = True
    for finding in examine(targets):
        click.echo(f"{finding.verdict:<5} {finding.subject}: {finding.text}")
        is_well = is_well and finding.verdict != "fail"
    sys.exit(0 if is_well else 1)
