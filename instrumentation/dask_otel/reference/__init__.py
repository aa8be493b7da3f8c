"""Everything that is emitted, described for users: `python -m dask_otel.reference` prints it.

`docs/telemetry.md` is that output. Metrics are described where they are named
(`conventions.Metric`); attributes, spans, events and what stands for which part of Dask's own page,
here. Tests hold this to what goes over the wire.
"""
