"""Telemetry in: OTLP servers, journal, recordings, and the link to the window. No Qt."""
