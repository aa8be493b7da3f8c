"""The empty state: what has come in so far, and the lines to paste so that more comes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from daskscope.derive import quantity
from daskscope.derive.isolation import isolated
from daskscope.derive.panels import PastSession, Recipe, WelcomeFrame
from daskscope.derive.place import split_address
from daskscope.derive.status import file_name

if TYPE_CHECKING:
    from daskscope.store.schema import SourceStatus

_FALLBACK_HTTP: Final = "127.0.0.1:4328"
WAITING: Final = "Waiting for the first task"
#: Where a Collector listens for HTTP.
_COLLECTOR_PORT: Final = ":4318"
#: Where `dask_otel` sends with no settings, by gRPC; a Collector listens there, too.
_DEFAULT_PORT: Final = ":4317"
#: Listened on by who wants to be reached from everywhere; nobody can send to it.
_ANYWHERE: Final = ("", "0.0.0.0", "::")  # noqa: S104

#: SCHEDULER, USER@HOST: to be replaced by who pastes the line.
_PLACEHOLDER: Final = re.compile(r"([A-Z]{2,}(?:@[A-Z]{2,})?)")
#: Senders take an endpoint on one of these for OTLP over HTTP, on any other for gRPC.
_HTTP_PORTS: Final = (":4318", ":4328")


def welcome_frame(
    status: SourceStatus, now_ns: int, recordings: tuple[PastSession, ...] = ()
) -> WelcomeFrame:
    """The page that is shown until the first span or task has come.

    A window on a recording receives nothing: it has no lines to paste.
    """
    title, sentence = _heading(status)
    return WelcomeFrame(
        title,
        sentence,
        _counters(status, now_ns),
        recipes(status.http, status.grpc) if status.is_live else (),
        recordings,
        address=(status.http or status.grpc or ("",))[0],
        has_received=status.requests > 0,
    )


def _heading(status: SourceStatus) -> tuple[str, str]:
    if status.is_live:
        return WAITING, "Start your cluster in any of these ways and this window fills by itself."
    name = isolated(file_name(status))
    if status.problem:
        return f"{name} cannot be read", status.problem
    if status.progress < 1.0 and not status.is_stopped:
        return f"Reading {name}", "No task has been found so far."
    return f"No task in {name}", f"Nothing happened from {status.part}." if status.part else ""


@dataclass(frozen=True, slots=True)
class Run:
    """Where a recording lies and what is in it.

    Attributes
    ----------
    first_ns, last_ns
        When it began and ended; 0 where nothing was received.
    is_unended
        It was not closed in order.
    """

    path: str
    first_ns: int
    last_ns: int
    n_tasks: int
    n_erred: int
    is_unended: bool


def past_session(run: Run, now_ns: int) -> PastSession:
    """A recording as the list shows it: "Yesterday 22:41, 4:12, 12 408 tasks"."""
    name = run.path.replace("\\", "/").rpartition("/")[2]
    parts = [quantity.plural(run.n_tasks, "task")]
    if run.last_ns:
        length = quantity.elapsed(max(run.last_ns - run.first_ns, 0))
        parts = [when(run.first_ns, now_ns), length, *parts]
    if run.n_erred:
        parts.append(f"{quantity.count(run.n_erred)} erred")
    title = "Session that ended unexpectedly" if run.is_unended else name
    return PastSession(run.path, title, ", ".join(parts), run.is_unended)


def when(time_ns: int, now_ns: int) -> str:
    """Day and time on this machine's clock: "Today 06:14", "18 Nov 09:55"."""
    then = datetime.fromtimestamp(time_ns // 1_000_000_000).astimezone()
    today = datetime.fromtimestamp(now_ns // 1_000_000_000).astimezone().date()
    days = (today - then.date()).days
    if days in (0, 1):
        return f"{('Today', 'Yesterday')[days]} {then:%H:%M}"
    day = f"{then.day} {then:%b}"
    return f"{day} {then:%H:%M}" if then.year == today.year else f"{day} {then:%Y}"


def code_runs(line: str) -> tuple[tuple[str, str], ...]:
    """A line to paste, cut into texts with the token of the colour each is drawn in.

    What one has to replace, and what is assigned, stands out; `export` stands back.
    """
    if line.startswith("export "):
        name, _, value = line.removeprefix("export ").partition("=")
        return (("export ", "t3"), (name, "t1"), ("=", "t3"), (value, "accent_t"))
    return tuple(
        (part, "accent_t" if _PLACEHOLDER.fullmatch(part) else "t1")
        for part in _PLACEHOLDER.split(line)
        if part
    )


def _counters(status: SourceStatus, now_ns: int) -> tuple[tuple[str, str, str], ...]:
    last = ""
    if status.last_request_ns:
        last = f"last {quantity.seconds(max(now_ns - status.last_request_ns, 0) / 1e9)} ago"
    return (
        ("Requests received", quantity.count(status.requests), last),
        ("Metric points", quantity.count(status.points), ""),
        ("Tasks", quantity.count(status.spans), "none finished yet" * (not status.spans)),
        ("Rejected", quantity.count(status.rejected), "not valid OTLP" * bool(status.rejected)),
    )


def recipes(http: tuple[str, ...], grpc: tuple[str, ...] = ()) -> tuple[Recipe, ...]:
    """Ways to start sending, with the address that is listened on filled in.

    Where daskscope is installed, Dask starts the instrumentation by itself, and that sends to
    OpenTelemetry's own port for gRPC: if this window holds it, nothing has to be said.
    """
    address = http[0] if http else _FALLBACK_HTTP
    host, port = split_address(address)
    if host in _ANYWHERE:
        address = f"127.0.0.1{port}"
    endpoint = f"export OTEL_EXPORTER_OTLP_ENDPOINT=http://{address}\n"
    if port not in _HTTP_PORTS:
        endpoint += "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n"
    here = "" if _holds(grpc, _DEFAULT_PORT) else endpoint
    script = "python your_script.py"
    return (
        Recipe(
            "Any script",
            (
                (
                    "In any environment with daskscope in it. The script itself stays as it is.",
                    f"{here}{script}",
                ),
                ("If nothing comes, this says why", "python -m dask_otel status"),
            ),
        ),
        Recipe(
            "dask worker",
            (
                ("The scheduler, with daskscope in its environment", f"{here}dask scheduler"),
                ("Each worker, the same", f"{here}dask worker tcp://SCHEDULER:8786"),
            ),
        ),
        Recipe(
            "Collector",
            (
                (
                    "A Collector passes everything on to this window, to Jaeger and to files."
                    + _port_remark(http),
                    "otelcol --config otel-collector.yaml",
                ),
                ("The script then sends to the Collector", script),
            ),
            is_through_collector=True,
        ),
        Recipe(
            "Another machine",
            (
                (
                    "A cluster on another machine reaches this window through ssh",
                    f"ssh -R {port.removeprefix(':')}:{address} USER@HOST",
                ),
                ("In that ssh session, with daskscope installed there", f"{endpoint}{script}"),
            ),
        ),
    )


def _holds(addresses: tuple[str, ...], port: str) -> bool:
    return any(split_address(address)[1] == port for address in addresses)


def _port_remark(http: tuple[str, ...]) -> str:
    if not _holds(http, _COLLECTOR_PORT):
        return ""
    return " This window holds its port 4318 now: start the Collector first, then the window."
