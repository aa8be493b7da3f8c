from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from dask_otel.scheduler.departures import Departure, Departures


class Stream:
    def __init__(self) -> None:
        self.has_ended = False

    def closed(self) -> bool:
        return self.has_ended


def departure(address: str, stream: Any) -> Departure:
    worker: Any = SimpleNamespace(address=address)
    return Departure(worker, stream, "why", ())


def test_one_that_has_said_so_has_closed_in_good_order() -> None:
    departures = Departures()
    stream: Any = Stream()
    for address in ("a", "b"):
        departures.joined(address, stream)
    departures.closed("a")
    departures.closed("unknown")
    assert departures.removed("a") == (stream, True)
    assert departures.removed("b") == (stream, False)
    assert departures.removed("b") == (None, False)
    departures.joined("a", None)  # another at the same address
    assert departures.removed("a") == (None, False)


def test_one_that_is_removed_before_may_say_so_until_its_stream_ends() -> None:
    departures = Departures()
    good, bad = Stream(), Stream()
    for address, stream in (("good", good), ("bad", bad)):
        departures.wait(departure(address, stream))
    assert departures.killed() == []
    assert [ws.address for ws in departures.waiting()] == ["good", "bad"]
    departures.closed("good")
    good.has_ended = bad.has_ended = True
    assert [found.worker.address for found in departures.killed()] == ["bad"]
    assert departures.killed() == []
    assert departures.waiting() == []


def test_one_whose_stream_is_unknown_can_say_nothing() -> None:
    assert departure("a", None).has_gone
