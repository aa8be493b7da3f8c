"""`python -m daskscope`."""

from __future__ import annotations

from daskscope.app.cli import main

if __name__ == "__main__":
    main(prog_name="daskscope")
