"""What stands beside lanes is made anew where something is known that it does not tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dask_otel import conventions
from daskscope.derive import lanereadings, lanes
from daskscope.derive.clocks import Clocks, Skew
from daskscope.derive.lanereadings import busy_lanes
from daskscope.derive.lanes import LaneLayouts, lane_layout
from daskscope.session import Session
from daskscope.store.writer import Store
from tests.builders import SECOND, T0, Source, Span
from tests.layouts import HEIGHT
from tests.readings import GIB, Cluster

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daskscope.store.snapshot import Snapshot


class Watch(Clocks):
    """Comes to know of a wrong clock when it looks again, as at the fifth chunk of many."""

    found: Mapping[int, Skew] = {}

    def step(self, _snapshot: Snapshot) -> bool:
        self.skews = self.found
        return True


def test_a_layout_stays_while_nothing_is_known_that_it_does_not_tell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanereadings, "Clocks", Watch)
    source, store, layouts = Source(), Store(), LaneLayouts()
    worker = source.worker("w0", nthreads=1)
    spans = source.spans([Span(0, SECOND, resource=worker)])
    store.apply(source.definitions())
    store.apply(spans)

    def made() -> object:
        return layouts.of(store.snapshot(), Session(), HEIGHT)

    first = made()
    assert made() is first
    store.apply(source.spans([Span(SECOND, 2 * SECOND, resource=worker)]))
    second = made()
    assert second is not first
    monkeypatch.setattr(Watch, "found", {worker: Skew(SECOND, 9, ())})
    third = made()
    assert third is not second
    assert layouts.skews == Watch.found
    assert made() is third


def test_series_that_are_known_later_are_told_though_nothing_more_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "MOST_SERIES", 1)
    readings, layouts = Cluster(), LaneLayouts(is_patient=True)
    for number in range(2):
        readings.worker(f"w{number}", port=40_101 + number, managed=GIB)
    snapshot = readings.snapshot()
    told = []
    while not layouts.learn(snapshot, 64):
        layouts.read(snapshot)
        blocks = layouts.of(snapshot, Session(), HEIGHT, is_reading=False).workers
        told.append([block.memory_text for block in blocks])
    layouts.read(snapshot)
    blocks = layouts.of(snapshot, Session(), HEIGHT, is_reading=False).workers
    assert {block.memory_text for block in blocks} == {"1.0\u2009GiB"}
    assert told[0] == ["1.0\u2009GiB", ""]


@pytest.mark.parametrize("is_removed", [False, True])
def test_a_worker_that_fell_silent_is_marked_until_it_is_removed(is_removed: bool) -> None:
    readings, spans = Cluster(), list[Span]()
    for number, heard_s in enumerate((0, 11)):
        worker = readings.worker(f"w{number}", port=40_101 + number, at_s=heard_s, managed=GIB)
        spans.append(Span(0, SECOND, resource=worker))
    address = "tcp://10.0.4.11:40101" if is_removed else "tcp://10.0.4.11:9"
    removed = conventions.EVENT_WORKER_REMOVED
    event = readings.source.event(removed, 5 * SECOND, dask_worker_address=address)
    store = readings.store(readings.source.spans(spans), event)
    store.judge(T0 + 6 * SECOND)
    silent, heard = lane_layout(store.snapshot(), Session(), HEIGHT).workers
    assert (silent.memory_text, heard.memory_text) == ("", "1.0\u2009GiB")
    assert (silent.warning, heard.warning) == ("" if is_removed else "silent", "")
    assert ("Nothing has been heard" in silent.tip) is not is_removed


def test_a_worker_that_measures_nothing_may_just_have_nothing_to_say() -> None:
    source, store = Source(), Store()
    worker = source.worker("w0")
    spans = source.spans([Span(0, SECOND, resource=worker)])
    store.apply(source.definitions())
    store.apply(spans)
    store.judge(T0 + 60 * SECOND)
    (block,) = lane_layout(store.snapshot(), Session(), HEIGHT).workers
    assert block.warning == ""


def test_lanes_of_a_silent_worker_are_not_busy() -> None:
    source, store = Source(), Store()
    ran = [
        source.running(source.worker(f"w{n}", port=n), 9 * n * SECOND, [("inc", 0, n, n)])
        for n in (1, 2)
    ]
    store.apply(source.definitions())
    for word in ran:
        store.apply(word)
    assert busy_lanes(store.snapshot()).tolist() == [1, 1]
    store.judge(T0 + 10 * SECOND)
    assert busy_lanes(store.snapshot()).tolist() == [0, 1]
