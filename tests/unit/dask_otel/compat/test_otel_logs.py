"""What has an underscore of OpenTelemetry's logs: a release that moves any of it is noticed."""

from __future__ import annotations

from dask_otel.compat import otel_logs


def test_nobody_has_set_a_provider_of_the_sdk() -> None:
    provider = otel_logs.global_provider()
    assert isinstance(provider, otel_logs.LoggerProvider)
    assert not isinstance(provider, otel_logs.SdkLoggerProvider)
