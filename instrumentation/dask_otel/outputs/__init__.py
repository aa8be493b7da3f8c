"""Where records go: straight to OTLP, or through the providers that somebody has brought."""

from dask_otel.outputs.choice import choose as choose
from dask_otel.outputs.values import Outputs as Outputs
from dask_otel.outputs.values import Providers as Providers
