"""Adapter to Dask's client: its calls in, events out, nothing else."""
