"""Prints the reference."""

from __future__ import annotations

import sys

from dask_otel.reference.page import page

if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write(page())
