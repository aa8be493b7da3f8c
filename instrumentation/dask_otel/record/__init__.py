"""Pure: events to OpenTelemetry's spans and log records, and those to OTLP."""
