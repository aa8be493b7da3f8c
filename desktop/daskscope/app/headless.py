"""The commands without a window: record and export, with their progress on standard error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import click

from daskscope.ingest.export import export
from daskscope.ingest.journal import RecordingError
from daskscope.ingest.record import record

if TYPE_CHECKING:
    from pathlib import Path

Announce = Callable[[tuple[str, ...], tuple[str, ...]], None]

#: What a signal consists of.
ITEMS = {"traces": "spans", "metrics": "metric points", "logs": "log records"}


def record_to(
    path: Path,
    addresses: Mapping[str, tuple[str, ...]],
    seconds: float | None,
    announce: Announce,
) -> None:
    """Receive into `path` until `seconds` are over, or SIGINT or SIGTERM comes.

    Raises
    ------
    RecordingError
        In the end it could not be written.
    """
    counts = record(path, **addresses, seconds=seconds, on_ready=announce)
    text = f"{counts.spans} spans, {counts.points} metric points, {counts.events} log records"
    if counts.rejected:
        text = f"{text}; {counts.rejected} refused"
    click.echo(f"{path}: {text}", err=True)
    if counts.problem:
        raise RecordingError(counts.problem)


def export_to(source: Path, output: Path, signal: str) -> None:
    """Write one signal of a recording to `output`, with a progress bar."""
    with click.progressbar(length=1000, label=f"Exporting {signal}") as bar:
        n_written = export(
            source, output, signal, lambda share: bar.update(round(share * 1000) - bar.pos)
        )
    click.echo(f"{output}: {n_written} {ITEMS[signal]}", err=True)
