"""What has an underscore of OpenTelemetry's logs: a release that moves any of it is noticed."""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource

from dask_otel.compat import otel_logs


def test_a_record_that_a_provider_hands_on_is_encoded() -> None:
    encoded: list[bytes] = []

    class Keep(otel_logs.LogRecordProcessor):
        def on_emit(self, log_record: otel_logs.ReadWriteLogRecord) -> None:
            readable = otel_logs.ReadableLogRecord(
                log_record=log_record.log_record,
                resource=log_record.resource or Resource.get_empty(),
                instrumentation_scope=log_record.instrumentation_scope,
                limits=log_record.limits,
            )
            encoded.append(otel_logs.encode_logs([readable]).SerializeToString())

        def shutdown(self) -> None:
            pass

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return True

    provider = otel_logs.SdkLoggerProvider(Resource({"a": "b"}), shutdown_on_exit=False)
    provider.add_log_record_processor(Keep())
    severity = otel_logs.SeverityNumber.WARN
    record = otel_logs.LogRecord(context=Context(), severity_number=severity, body="said")
    provider.get_logger("tests").emit(record)
    (data,) = encoded
    assert b"said" in data


def test_nobody_has_set_a_provider_of_the_sdk() -> None:
    provider = otel_logs.global_provider()
    assert isinstance(provider, otel_logs.LoggerProvider)
    assert not isinstance(provider, otel_logs.SdkLoggerProvider)
