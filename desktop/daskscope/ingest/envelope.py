"""What is known of a request of OTLP before it is parsed."""

from __future__ import annotations

from enum import Enum


class Signal(Enum):
    """What a request carries; the value is its name in paths and files."""

    TRACES = "traces"
    METRICS = "metrics"
    LOGS = "logs"


class Encoding(Enum):
    """How a body is written; the value is its media type."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"
