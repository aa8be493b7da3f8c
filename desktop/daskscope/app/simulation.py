"""The command `simulate`: a cluster that is not there, from a seed to a receiver."""

from __future__ import annotations

import signal
import threading
from typing import Final, NamedTuple

import click

from daskscope.ingest.clock import wall_ns
from daskscope.simulate.cluster import Cluster
from daskscope.simulate.requests import POINTS, RECORDS, SPANS
from daskscope.simulate.run import Totals, send_all
from daskscope.simulate.send import SendError
from daskscope.simulate.session import Session

_ITEMS: Final = {SPANS: "spans", POINTS: "metric points", RECORDS: "log records"}


class Shape(NamedTuple):
    """What the cluster is like."""

    seed: int
    n_workers: int
    n_threads: int


def simulate_to(url: str, shape: Shape, rate: float, seconds: float | None) -> None:
    """Send until `seconds` are over, or SIGINT or SIGTERM comes; one line says what was sent.

    Raises
    ------
    SendError
        Nobody took it, or nobody any more.
    """
    session = Session(Cluster(*shape), rate, wall_ns())
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _signal, _frame: stop.set())
    totals = send_all(session.requests(seconds), url, stop.is_set)
    click.echo(summary(totals))
    if totals.is_lost:
        raise SendError(f"{url} takes nothing any more: {totals.reason}")


def summary(totals: Totals) -> str:
    """What was sent, in one line."""
    parts = [", ".join(f"{totals.sent[signal]:,} {name}" for signal, name in _ITEMS.items())]
    rate = totals.sent[SPANS] / totals.took_s if totals.took_s else 0.0
    parts.append(f"in {totals.took_s:.1f} s, {rate:,.0f} spans/s")
    refused, unsent = (
        ", ".join(f"{n:,} {_ITEMS[signal]}" for signal, n in counts.items() if n)
        for counts in (totals.refused, totals.unsent)
    )
    parts.append(f"refused: {refused or 'nothing'}")
    if unsent:
        parts.append(f"not taken: {unsent}")
    parts.append(f"{totals.retries:,} retries, at most {totals.late_s:.1f} s late")
    if totals.reason:
        parts.append(f"last said: {totals.reason}")
    return f"sent {'; '.join(parts)}"
