"""Where records go: straight to OTLP, or through the providers that somebody has brought."""

from dask_otel.outputs.values import Providers as Providers
