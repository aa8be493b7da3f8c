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
    assert settings() == config.Settings(
        Target("grpc", None), Target("grpc", None), Target("grpc", None)
    )


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
    }
    with dask.config.set(chosen):
        found = settings()
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
    ],
)
def test_what_makes_no_sense_is_named(wrong: dict[str, object]) -> None:
    with dask.config.set(wrong), pytest.raises(ValueError, match="must be"):
        config.read()
