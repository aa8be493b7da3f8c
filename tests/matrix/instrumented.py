"""Runs a program under `DaskInstrumentor`.

instrumented.py SCRIPT ...
instrumented.py -m MODULE ...
"""

from __future__ import annotations

import runpy
import sys

from dask_otel.instrumentor import DaskInstrumentor

if __name__ == "__main__":
    DaskInstrumentor().instrument()
    if sys.argv[1] == "-m":
        del sys.argv[:2]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        del sys.argv[0]
        runpy.run_path(sys.argv[0], run_name="__main__")
