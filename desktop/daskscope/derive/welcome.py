"""The empty state: what has come in so far, and the lines to paste so that more comes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from daskscope.derive import quantity
from daskscope.derive.panels import PastSession, Recipe, WelcomeFrame
from daskscope.derive.place import split_address

if TYPE_CHECKING:
    from daskscope.store.schema import SourceStatus

_FALLBACK_HTTP: Final = "127.0.0.1:4328"
#: Where a Collector listens, and an SDK with no settings sends.
_COLLECTOR_PORT: Final = ":4318"
#: Listened on by who wants to be reached from everywhere; nobody can send to it.
_ANYWHERE: Final = ("", "0.0.0.0", "::")  # noqa: S104

#: SCHEDULER, USER@HOST: to be replaced by who pastes the line.
_PLACEHOLDER: Final = re.compile(r"([A-Z]{2,}(?:@[A-Z]{2,})?)")
#: Senders take an endpoint on one of these for OTLP over HTTP, on any other for gRPC.
_HTTP_PORTS: Final = (":4318", ":4328")
_PRELOADS: Final = (
    "export DASK_DISTRIBUTED__SCHEDULER__PRELOAD=dask_otel\n"
    "export DASK_DISTRIBUTED__WORKER__PRELOAD=dask_otel"
)


def welcome_frame(
    status: SourceStatus, now_ns: int, recordings: tuple[PastSession, ...] = ()
) -> WelcomeFrame:
    """The page that is shown until the first span or task has come."""
    return WelcomeFrame(
        _counters(status, now_ns),
        recipes(status.http),
        recordings,
        address=(status.http or status.grpc or ("",))[0],
        has_received=status.requests > 0,
    )


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
        ("Tasks", quantity.count(status.spans), "none has finished yet" * (not status.spans)),
        ("Rejected", quantity.count(status.rejected), "not valid OTLP" * bool(status.rejected)),
    )


def recipes(http: tuple[str, ...]) -> tuple[Recipe, ...]:
    """Ways to start sending, with the address that is listened on filled in."""
    address = http[0] if http else _FALLBACK_HTTP
    host, port = split_address(address)
    if host in _ANYWHERE:
        address = f"127.0.0.1{port}"
    endpoint = f"export OTEL_EXPORTER_OTLP_ENDPOINT=http://{address}"
    if port not in _HTTP_PORTS:
        endpoint += "\nexport OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"
    collector = "export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"
    script = "python your_script.py"
    return (
        Recipe(
            "Any script",
            (
                (
                    "Set these in the shell that starts the script. "
                    "The script itself stays as it is.",
                    f"{_PRELOADS}\n{endpoint}\n{script}",
                ),
            ),
        ),
        Recipe(
            "dask worker",
            (
                ("The scheduler", f"{endpoint}\ndask scheduler --preload dask_otel"),
                (
                    "Each worker",
                    f"{endpoint}\ndask worker tcp://SCHEDULER:8786 --preload dask_otel",
                ),
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
                ("The script then sends to the Collector", f"{_PRELOADS}\n{collector}\n{script}"),
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
                ("In that ssh session", f"{_PRELOADS}\n{endpoint}\n{script}"),
            ),
        ),
    )


def _port_remark(http: tuple[str, ...]) -> str:
    if not any(split_address(address)[1] == _COLLECTOR_PORT for address in http):
        return ""
    return " This window holds its port 4318 now: start the Collector first, then the window."
