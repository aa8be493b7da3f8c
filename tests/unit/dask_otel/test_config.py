from __future__ import annotations

import dask
import pytest

from dask_otel import config
from dask_otel.config import Target


def settings() -> config.Settings:
    found = config.read()
    assert found is not None
    return found


def test_nothing_set_follows_the_sdk() -> None:
    nowhere = Target("grpc", None, is_default=True)
    assert settings() == config.Settings(nowhere, nowhere, nowhere)


@pytest.mark.parametrize(
    ("endpoint", "protocol"),
    [
        ("http://127.0.0.1:4328", "http/protobuf"),
        ("http://collector:4318", "http/protobuf"),
        ("http://127.0.0.1:4327", "grpc"),
        ("http://collector:4317", "grpc"),
        ("https://collector", "grpc"),
        ("collector:4318", "grpc"),
    ],
)
def test_the_port_decides_where_nobody_else_does(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, protocol: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    found = settings().traces
    assert found is not None
    assert (found.protocol, found.endpoint) == (protocol, None)  # the exporter reads it itself


def test_the_environment_wins_over_dasks_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "grpc")
    with dask.config.set({"dask-otel.endpoint": "http://elsewhere:4317"}):
        found = settings()
    assert found.traces == Target("http/protobuf", None)
    assert found.logs == Target("grpc", None)


def test_dasks_config_stands_in_for_the_environment() -> None:
    chosen = {
        "dask-otel.endpoint": "http://collector:4318/",
        "dask-otel.export-interval": "50ms",
        "dask-otel.tick": 1,
        "dask-otel.held-spans": "30",
        "dask-otel.trace-spans": 7,
        "dask-otel.least-duration": "2ms",
        "dask-otel.sampling": {"inc": "0.5", "add": 0},
        "dask-otel.code": False,
        "dask-otel.tracebacks": False,
    }
    with dask.config.set(chosen):
        found = settings()
    assert (found.n_trace_spans, found.least_duration_s) == (7, 0.002)
    assert found.sampling == {"inc": 0.5, "add": 0.0}
    assert (found.code, found.tracebacks) == (False, False)
    assert found.metrics == Target("http/protobuf", "http://collector:4318/v1/metrics")
    assert (found.export_interval_s, found.tick_s, found.n_held) == (0.05, 1.0, 30)
    with dask.config.set({**chosen, "dask-otel.protocol": "grpc"}):
        assert settings().logs == Target("grpc", "http://collector:4318/")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("none", False), ("otlp", True), ("console, otlp", True), ("console", False), ("", True)],
)
def test_signals_can_be_switched_off(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: bool
) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", value)
    assert (settings().metrics is not None) is expected
    assert settings().traces is not None


def test_exporters_are_named_as_the_environment_does(monkeypatch: pytest.MonkeyPatch) -> None:
    assert config.exporters("traces") == "otlp"
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console, zipkin")
    assert config.exporters("traces") == "console,zipkin"


def test_a_share_of_nothing_and_no_least_duration_are_settings_too() -> None:
    with dask.config.set({"dask-otel.sampling": {}, "dask-otel.least-duration": 0}):
        assert (settings().sampling, settings().least_duration_s) == ({}, 0.0)


@pytest.mark.parametrize(("value", "silent"), [("true", True), (" TRUE ", True), ("false", False)])
def test_the_sdk_can_be_disabled(monkeypatch: pytest.MonkeyPatch, value: str, silent: bool) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", value)
    assert (config.read() is None) is silent


@pytest.mark.parametrize(
    "wrong",
    [
        {"dask-otel.protocol": "http/json"},
        {"dask-otel.tick": 0},
        {"dask-otel.export-interval": "-1s"},
        {"dask-otel.tick": "soon"},
        {"dask-otel.held-spans": 0},
        {"dask-otel.held-spans": "many"},
        {"dask-otel.trace-spans": 0},
        {"dask-otel.least-duration": "-1ms"},
        {"dask-otel.sampling": {"inc": 1.5}},
        {"dask-otel.sampling": {"inc": "half"}},
        {"dask-otel.sampling": 0.5},
        {"dask-otel.tracebacks": "no"},
        {"dask-otel.code": 0},
    ],
)
def test_what_makes_no_sense_is_named(wrong: dict[str, object]) -> None:
    with dask.config.set(wrong), pytest.raises(ValueError, match="must be"):
        config.read()


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("https://user:secret@example.org/v1/traces?token=secret", "example.org"),
        ("http://127.0.0.1:4318", "127.0.0.1:4318"),
        ("collector:4317", "collector:4317"),
        (None, "localhost:4317"),
    ],
)
def test_a_log_names_the_host_and_no_secret(endpoint: str | None, host: str) -> None:
    assert config.host("traces", config.Target("grpc", endpoint)) == host
