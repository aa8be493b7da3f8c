"""Adapter to Dask's scheduler: its hooks and ticks in, events out, nothing else."""
