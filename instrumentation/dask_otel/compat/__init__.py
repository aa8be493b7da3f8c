"""What others keep to themselves: Dask's private attributes, the OTLP exporters' insides, time.

Each private name used here is watched by a test under `tests/unit/dask_otel/compat`, which fails
when it moves. Nothing outside this package touches one.
"""
