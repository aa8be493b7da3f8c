"""Settings: OpenTelemetry's `OTEL_*` variables, then Dask's config `dask-otel.*`, then defaults.

What the OTLP exporters read from the environment by themselves (headers, compression, TLS, timeout,
resource attributes) is not repeated here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

import dask.config
from dask.utils import parse_timedelta

if TYPE_CHECKING:
    from collections.abc import Mapping

Signal = Literal["traces", "metrics", "logs"]
Protocol = Literal["grpc", "http/protobuf"]

#: OTLP/HTTP's standard port, and the one on which the daskscope window listens for HTTP.
HTTP_PORTS: Final = (4318, 4328)


@dataclass(frozen=True, slots=True)
class Target:
    """Where one signal goes.

    Attributes
    ----------
    protocol
        `grpc` or `http/protobuf`.
    endpoint
        URL to hand to the exporter, or None when the exporter finds it in the environment.
    is_default
        Whether nobody has named an endpoint, so that it is no surprise if none is there.
    """

    protocol: Protocol
    endpoint: str | None
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user chose.

    Attributes
    ----------
    traces, metrics, logs
        Where each signal goes; None when it is switched off.
    export_interval_s
        Time between two exports of spans.
    tick_s
        Time between two reports of running tasks.
    n_held
        Spans kept while nobody listens; the newest are kept.
    n_trace_spans
        Spans of one trace before it is continued in a linked one.
    least_duration_s
        Attempts that took less are not sent, unless they failed or were lost.
    sampling
        Share of attempts that is sent, by prefix (0 to 1); prefixes not named are sent whole, and
        so are those that failed or were lost.
    code
        Whether the source code that submitted a graph is sent.
    tracebacks
        Whether messages and tracebacks of exceptions are sent; their types always are.
    """

    traces: Target | None
    metrics: Target | None
    logs: Target | None
    export_interval_s: float = 0.1
    tick_s: float = 0.2
    n_held: int = 20_000
    n_trace_spans: int = 5_000
    least_duration_s: float = 0.0
    sampling: Mapping[str, float] = field(default_factory=dict)
    code: bool = True
    tracebacks: bool = True


def read() -> Settings | None:
    """Settings of this process, or None when it shall stay silent.

    That is what `OTEL_SDK_DISABLED=true` and `dask-otel.enabled: false` say.

    Raises
    ------
    ValueError
        A setting that cannot be understood.
    """
    if not is_enabled():
        return None
    return Settings(
        traces=_target("traces"),
        metrics=_target("metrics"),
        logs=_target("logs"),
        export_interval_s=_seconds("export-interval", 0.1),
        tick_s=_seconds("tick", 0.2),
        n_held=_positive("held-spans", 20_000),
        n_trace_spans=_positive("trace-spans", 5_000),
        least_duration_s=_seconds("least-duration", 0.0),
        sampling=_shares("sampling"),
        code=_switch("code"),
        tracebacks=_switch("tracebacks"),
    )


def is_enabled() -> bool:
    """Whether neither `OTEL_SDK_DISABLED` nor `dask-otel.enabled` switches everything off.

    Raises
    ------
    ValueError
        A switch that is neither true nor false.
    """
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return not disabled and _switch("enabled")


def towards(settings: Settings, endpoint: str, protocol: Protocol | None = None) -> Settings:
    """`settings` with every signal sent to `endpoint`, whatever this process was told.

    Parameters
    ----------
    settings
        Those of this process.
    endpoint
        Base URL for all signals.
    protocol
        None for what this process uses at such an endpoint.
    """

    def target(signal: Signal) -> Target:
        chosen = protocol or _protocol(signal, endpoint)
        return Target(chosen, _url(signal, chosen, endpoint))

    return replace(
        settings, traces=target("traces"), metrics=target("metrics"), logs=target("logs")
    )


def endpoint(signal: Signal, target: Target) -> str:
    """The URL to which `target` leads, in words: what the exporter finds included."""
    port = 4317 if target.protocol == "grpc" else 4318
    return target.endpoint or _environment(signal, "ENDPOINT") or f"http://localhost:{port}"


def host(signal: Signal, target: Target) -> str:
    """Host and port of `endpoint`, for a log: a URL can have a password or a token in it."""
    url = endpoint(signal, target)
    return urlsplit(url if "://" in url else f"//{url}").netloc.rpartition("@")[2]


def exporters(signal: Signal) -> str:
    """`OTEL_<SIGNAL>_EXPORTER`: names with commas between, or `none`."""
    return os.environ.get(f"OTEL_{signal.upper()}_EXPORTER", "").replace(" ", "") or "otlp"


def _target(signal: Signal) -> Target | None:
    """Where `signal` goes; None where OTLP is not among its exporters."""
    if "otlp" not in exporters(signal).split(","):
        return None
    chosen = _environment(signal, "ENDPOINT")
    configured = None if chosen else dask.config.get("dask-otel.endpoint", None)
    protocol = _protocol(signal, chosen or configured)
    if configured is None:
        return Target(protocol, None, is_default=chosen is None)
    return Target(protocol, _url(signal, protocol, configured))


def _url(signal: Signal, protocol: Protocol, endpoint: str) -> str:
    """What the exporter of `signal` wants where `endpoint` is the one for all signals."""
    return f"{str(endpoint).rstrip('/')}/v1/{signal}" if protocol == "http/protobuf" else endpoint


def _protocol(signal: Signal, endpoint: str | None) -> Protocol:
    """The protocol asked for, else the one that the endpoint's port stands for.

    OpenTelemetry's Python SDK falls back to gRPC, even for an endpoint on the port that the
    specification gives to HTTP, and then fails with an unreadable message. The lines that daskscope
    shows to paste name an endpoint only (`http://127.0.0.1:4328`), so the port decides.
    """
    named = _environment(signal, "PROTOCOL") or dask.config.get("dask-otel.protocol", None)
    if named == "grpc":
        return "grpc"
    if named == "http/protobuf":
        return "http/protobuf"
    if named:
        raise ValueError(f"OTLP protocol {named!r}: must be grpc or http/protobuf")
    if endpoint and urlsplit(endpoint).port in HTTP_PORTS:
        return "http/protobuf"
    return "grpc"


def _environment(signal: Signal, name: str) -> str | None:
    """`OTEL_EXPORTER_OTLP_<SIGNAL>_<name>`, else `OTEL_EXPORTER_OTLP_<name>`."""
    for variable in (
        f"OTEL_EXPORTER_OTLP_{signal.upper()}_{name}",
        f"OTEL_EXPORTER_OTLP_{name}",
    ):
        if value := os.environ.get(variable, "").strip():
            return value
    return None


def _seconds(name: str, default_s: float) -> float:
    """A time; zero only where that is the default."""
    value = dask.config.get(f"dask-otel.{name}", default_s)
    try:
        seconds = float(parse_timedelta(value))
    except (KeyError, TypeError, ValueError):  # KeyError: Dask's answer to an unknown unit
        seconds = -1.0
    if seconds < 0 or (seconds == 0 and default_s > 0):
        raise ValueError(f"dask-otel.{name}: must be a time such as 100ms, got {value!r}")
    return seconds


def _positive(name: str, default: int) -> int:
    value = dask.config.get(f"dask-otel.{name}", default)
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = 0
    if number < 1:
        raise ValueError(f"dask-otel.{name}: must be a number of at least 1, got {value!r}")
    return number


def _switch(name: str) -> bool:
    """A switch that is on by default."""
    value = dask.config.get(f"dask-otel.{name}", True)
    if isinstance(value, bool):
        return value
    raise ValueError(f"dask-otel.{name}: must be true or false, got {value!r}")


def _shares(name: str) -> dict[str, float]:
    value = dask.config.get(f"dask-otel.{name}", {})
    try:
        shares = {str(prefix): float(share) for prefix, share in value.items()}
    except (AttributeError, TypeError, ValueError):
        shares = {"": -1.0}
    if not all(0 <= share <= 1 for share in shares.values()):
        raise ValueError(f"dask-otel.{name}: must be shares from 0 to 1 by prefix, got {value!r}")
    return shares
