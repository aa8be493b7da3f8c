"""Adapter to a Dask worker: its hooks and ticks in, events out, nothing else."""
