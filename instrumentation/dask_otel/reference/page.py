"""Writes the reference as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dask_otel import conventions as c
from dask_otel.reference import attributes, counterparts, signals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dask_otel.reference.counterparts import Counterpart

_INTRODUCTION: Final = f"""\
# What is emitted

Written by `python -m dask_otel.reference`; edit that package, not this page.

Instrumentation scope `{c.SCOPE_NAME}`, schema `{c.SCHEMA_URL}`. Names are those of OpenTelemetry's
semantic conventions where one fits, else they begin with `dask.`. Units are UCUM.

Spans, events and metrics have the scheduler's clock as far as Dask knows it. A worker measures its
distance anew with each heartbeat and errs by at most half of what that takes; of the last sixteen
the one that took the shortest is believed, by Dask as well (`Worker.scheduler_delay`). An attempt
keeps what was known when it began, and what was done for it (batches fetched before it, values
read, written and unpickled) has the same. What a client sends has its sender's clock, and so have
metrics that your provider or the SDK makes (differences), and spans that user code opens in a task:
your provider makes them, on the clock of the worker's machine. Where that differs from the
scheduler's, or Dask errs, they are as far from their attempt.

[Resources](#resources) · [Spans](#spans) · [Events](#events) · [Metrics](#metrics) ·
[Dask's page and ours](#dasks-page-and-ours) · [Prometheus and ours](#prometheus-and-ours)
"""
_RESOURCES: Final = """\
## Resources

Each scheduler, worker and client is a resource of its own, several workers of one process as well.
"""
_SPANS: Final = """\
## Spans

One trace holds what one submission has caused; very large ones go on in linked traces. The status
is ERROR where something failed, with an event `exception`, and unset otherwise.
"""
_EVENTS: Final = """\
## Events

Log records with an event name.
"""
_METRICS: Final = f"""\
## Metrics

Counters are cumulative. Read twice a second, of the cluster every second; tasks also at once when
they begin after a quiet time and when a graph ends. What charts draw as lines is sent each time;
the rest when it has changed, and all again every ten seconds. Workers that share a
process each report that process: `{c.PROCESS_PID}` tells.
"""
_DASHBOARD: Final = """\
## Dask's page and ours

"""
_PROMETHEUS: Final = """\
## Prometheus and ours

Dask's endpoint puts `dask_` in front, and units and `_total` behind.
"""


def page() -> str:
    """The whole page."""
    parts = [
        _INTRODUCTION,
        _RESOURCES,
        _attributes(attributes.RESOURCE),
        _SPANS,
        _spans(),
        "### Attributes of spans\n",
        _attributes(attributes.SPAN),
        _EVENTS,
        _events(),
        "### Attributes of events\n",
        _attributes(attributes.LOG),
        _METRICS,
        *(
            f"### {title}\n\n{_metrics(metrics)}"
            for title, metrics in (
                ("Of every process", c.PROCESS_METRICS),
                ("Of the scheduler", c.SCHEDULER_METRICS),
                ("Of workers", c.WORKER_METRICS),
                ("Of the instrumentation itself", c.OWN_METRICS),
            )
        ),
        "### Attributes of metrics\n",
        _attributes(attributes.POINT),
        _DASHBOARD.rstrip() + "\n",
        _counterparts("Dask's page", counterparts.DASHBOARD),
        _PROMETHEUS,
        _counterparts("Prometheus", counterparts.PROMETHEUS),
    ]
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell or ' ' for cell in line)} |\n" for line in lines)


def _code(name: str) -> str:
    return f"`{name}`"


def _codes(names: Iterable[str]) -> str:
    return ", ".join(map(_code, names))


def _attributes(described: Mapping[str, tuple[str, str]]) -> str:
    rows = ((_code(name), kind, text) for name, (kind, text) in described.items())
    return _table(("attribute", "type", "what it says"), rows)


def _spans() -> str:
    rows = [
        (_code(span.action), span.name, span.kind, span.sender, span.when, span.parent)
        for span in signals.SPANS
    ]
    carried = (f"- {_code(span.action)}: {_codes(span.attributes)}\n" for span in signals.SPANS)
    head = (_code(c.ACTION), "name", "kind", "sent by", "for", "parent")
    return _table(head, rows) + "\nAttributes, by action:\n\n" + "".join(carried)


def _events() -> str:
    rows = (
        (_code(event.name), event.sender, event.when, _codes(event.attributes))
        for event in signals.EVENTS
    )
    always = f"\nEach can carry {_codes(signals.EVENT_ALWAYS)}.\n"
    return _table(("event", "sent by", "when", "attributes"), rows) + always


def _metrics(metrics: Iterable[c.Metric]) -> str:
    rows = (
        (
            _code(metric.name),
            _code(metric.unit),
            metric.kind,
            metric.description + (f" Sent {metric.when}." if metric.when else ""),
            _codes(metric.attributes),
        )
        for metric in metrics
    )
    return _table(("metric", "unit", "kind", "what it says", "attributes"), rows)


def _counterparts(head: str, found: Iterable[Counterpart]) -> str:
    rows = (
        (_codes(one.dask.split()), ", ".join(map(_ours, one.ours)) or "–", one.note)
        for one in found
    )
    return _table((head, "ours", "note"), rows)


def _ours(one: c.Metric | str) -> str:
    if isinstance(one, str):
        return one if " " in one else _code(one)
    return f"{_code(one.name)} ({one.kind}, {_code(one.unit)})"
