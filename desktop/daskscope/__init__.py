"""daskscope: a native desktop client that shows Dask clusters from their OpenTelemetry data.

`ingest` turns OTLP into batches of columns in a process of its own, `store` keeps them, `derive`
makes draw-ready frames of them, `views` draw frames, `app` wires it all. Imports only go down.
"""
