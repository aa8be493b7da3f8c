"""Emitters that send to a sink, and what they count."""

from __future__ import annotations

from typing import Any

import pytest

from dask_otel import config, events
from dask_otel import conventions as names
from dask_otel.config import Settings, Target
from dask_otel.emit import Emitter, patience
from dask_otel.record.spans import SpanMaker

ATTEMPT = events.Attempt("k", "k", 0, None, None, 1.0, 2.0, 1, 1, int, (0,), names.OUTCOME_FINISHED)


@pytest.fixture(autouse=True)
def everybody_is_patient() -> None:
    """What those of one test have waited at their end, those of the next one may wait again."""
    patience.forget()


def emitter(
    endpoint: str,
    n_held: int = 100,
    protocol: config.Protocol = "http/protobuf",
    is_default: bool = False,
    **chosen: Any,
) -> Emitter:
    def target(signal: str) -> Target:
        path = f"/v1/{signal}" if protocol == "http/protobuf" else ""
        return Target(protocol, f"{endpoint}{path}", is_default)

    settings = Settings(
        target("traces"),
        target("metrics"),
        target("logs"),
        export_interval_s=0.01,
        n_held=n_held,
        **chosen,
    )
    return Emitter(settings, {}, SpanMaker("tcp://w:1", "tcp://s:1"))


def counts(tested: Emitter) -> tuple[int, int, int]:
    return tested.n_recorded, tested.n_exported, tested.n_dropped
