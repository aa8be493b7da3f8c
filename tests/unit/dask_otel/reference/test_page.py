"""The page for users says all that there is, and what it says of Dask is all that Dask has."""

from __future__ import annotations

import re
from pathlib import Path

import distributed

from dask_otel import conventions as names
from dask_otel.conventions import attributes as constants
from dask_otel.reference import attributes, signals
from dask_otel.reference.counterparts import DASHBOARD, PROMETHEUS
from dask_otel.reference.page import page

ROOT = Path(__file__).parents[4]
DASK = Path(distributed.__file__).parent
DESCRIBED = (attributes.RESOURCE, attributes.SPAN, attributes.LOG, attributes.POINT)
#: By directory of Dask's collectors: what they put before the names.
COLLECTORS = {
    "http/scheduler/prometheus/core.py": "scheduler",
    "http/scheduler/prometheus/semaphore.py": "semaphore",
    "http/scheduler/prometheus/stealing.py": "stealing",
    "http/worker/prometheus/core.py": "worker",
}

#: The oldest Dask has a name of which it says itself that it is another's.
EXPOSED = re.compile(r'build_name\(\s*"([a-z_]+)"(?!\s*\),\s*\(\s*"Deprecated)')


def test_page_is_what_the_reference_says() -> None:
    written = (ROOT / "docs" / "telemetry.md").read_text(encoding="utf-8")
    assert written == page(), "run: python -m dask_otel.reference > docs/telemetry.md"


def test_every_name_is_described() -> None:
    described = {
        names.EVENT_EXCEPTION,
        names.SPAN_GRAPH,
        names.SPAN_CLIENT,
        *(event.name for event in signals.EVENTS),
        *(name for table in DESCRIBED for name in table),
    }
    named = {
        value: constant
        for constant, value in vars(constants).items()
        if isinstance(value, str) and "." in value and constant.isupper() and "://" not in value
    }
    missing = {constant for value, constant in named.items() if value not in described}
    assert not missing
    assert described - {names.EVENT_EXCEPTION} <= named.keys()


def test_every_action_and_event_stands_once() -> None:
    actions = {value for name, value in vars(constants).items() if name.startswith("ACTION_")}
    assert sorted(span.action for span in signals.SPANS) == sorted(actions)
    events = {value for name, value in vars(constants).items() if name.startswith("EVENT_")}
    told = [event.name for event in signals.EVENTS]
    assert len(told) == len(set(told))
    assert set(told) <= events


def test_what_spans_events_and_metrics_carry_is_described() -> None:
    for span in signals.SPANS:
        assert set(span.attributes) <= attributes.SPAN.keys(), span.action
    for event in signals.EVENTS:
        assert set(event.attributes) <= attributes.LOG.keys(), event.name
    for metric in names.METRICS:
        assert metric.description.endswith("."), metric.name
        assert set(metric.attributes) <= attributes.POINT.keys(), metric.name


def test_nothing_is_described_that_nobody_carries() -> None:
    spans = {name for span in signals.SPANS for name in span.attributes}
    exception = {names.EXCEPTION_TYPE, names.EXCEPTION_MESSAGE, names.EXCEPTION_STACKTRACE}
    assert attributes.SPAN.keys() == spans | exception | {names.ACTION}
    events = {name for event in signals.EVENTS for name in event.attributes}
    assert attributes.LOG.keys() == events | set(signals.EVENT_ALWAYS)
    assert attributes.POINT.keys() == {
        name for metric in names.METRICS for name in metric.attributes
    }


def test_metrics_have_names_of_their_own_and_units() -> None:
    assert len({metric.name for metric in names.METRICS}) == len(names.METRICS)
    unit = re.compile(r"1|s|By|By/s|\{[a-z_]+\}")  # UCUM
    for metric in names.METRICS:
        assert unit.fullmatch(metric.unit), metric.name
        assert re.fullmatch(r"[a-z][a-z0-9_.]*", metric.name)


def test_every_prometheus_metric_of_dask_has_a_counterpart() -> None:
    exposed = {
        f"{subsystem}_{name}"
        for path, subsystem in COLLECTORS.items()
        for name in EXPOSED.findall((DASK / path).read_text())
    }
    assert len(exposed) > 40
    assert {one.dask for one in PROMETHEUS} == exposed
    found = {str(path.relative_to(DASK).as_posix()) for path in DASK.glob("http/*/prometheus/*.py")}
    assert {path for path in found if not path.endswith("__init__.py")} == COLLECTORS.keys()


def test_every_page_of_dask_has_a_counterpart() -> None:
    told = {route for one in DASHBOARD for route in one.dask.split()}
    for path, prefix in (("dashboard/scheduler.py", ""), ("dashboard/worker.py", "worker:")):
        routes = re.findall(r'^ {4,8}"(/[a-z-]+)":', (DASK / path).read_text(), re.MULTILINE)
        assert len(routes) >= 5
        assert {f"{prefix}{route}" for route in routes} <= told
    assert all(one.ours or one.note for one in DASHBOARD)


def test_counterparts_are_ours() -> None:
    told = {event.name for event in signals.EVENTS} | {span.action for span in signals.SPANS}
    used = set()
    for one in (*PROMETHEUS, *DASHBOARD):
        for ours in one.ours:
            if isinstance(ours, names.Metric):
                used.add(ours)
            else:
                assert ours in told or ours == "spans of attempts"
    unused = set(names.METRICS) - used - set(names.OWN_METRICS)
    assert unused == set()
