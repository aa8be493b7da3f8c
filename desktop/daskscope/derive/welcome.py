"""The empty state: what has come in so far, and the lines to paste so that more comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daskscope.derive import quantity
from daskscope.derive.frames import PastSession, Recipe, WelcomeFrame
from daskscope.derive.place import split_address

if TYPE_CHECKING:
    from daskscope.store.schema import SourceStatus

_FALLBACK_HTTP: Final = "127.0.0.1:4328"
#: Where a Collector listens, and an SDK with no settings sends.
_COLLECTOR_PORT: Final = ":4318"
#: Listened on by who wants to be reached from everywhere; nobody can send to it.
_ANYWHERE: Final = ("", "0.0.0.0", "::")

_PRELOADS: Final = (
    "export DASK_DISTRIBUTED__SCHEDULER__PRELOAD=dask_otel\n"
    "export DASK_DISTRIBUTED__WORKER__PRELOAD=dask_otel"
)


def welcome_frame(
    status: SourceStatus, now_ns: int, recordings: tuple[PastSession, ...] = ()
) -> WelcomeFrame:
    """The page that is shown until the first span or task has come."""
    return WelcomeFrame(_counters(status, now_ns), recipes(status.http), recordings)


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
