"""OpenTelemetry's logs: its modules and their encoder have an underscore until they are stable."""

from __future__ import annotations

from opentelemetry import _logs
from opentelemetry._logs import LoggerProvider, LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.sdk._logs import LoggerProvider as SdkLoggerProvider
from opentelemetry.sdk._logs import LogRecordProcessor, ReadableLogRecord, ReadWriteLogRecord

__all__ = [
    "LogRecord",
    "LogRecordProcessor",
    "LoggerProvider",
    "ReadWriteLogRecord",
    "ReadableLogRecord",
    "SdkLoggerProvider",
    "SeverityNumber",
    "encode_logs",
    "global_provider",
]


def global_provider() -> LoggerProvider:
    """What somebody has set, else one that does nothing."""
    return _logs.get_logger_provider()
