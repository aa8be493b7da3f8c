"""OpenTelemetry's logs: its modules have an underscore until they are stable."""

from __future__ import annotations

from opentelemetry import _logs
from opentelemetry._logs import LoggerProvider, LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider as SdkLoggerProvider

__all__ = [
    "LogRecord",
    "LoggerProvider",
    "SdkLoggerProvider",
    "SeverityNumber",
    "global_provider",
]


def global_provider() -> LoggerProvider:
    """What somebody has set, else one that does nothing."""
    return _logs.get_logger_provider()
