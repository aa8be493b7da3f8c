"""The window under a hand: live, panned, zoomed, pointed at; left alone, held and minimised.

A real window on a store with a million spans in view and 256 lanes, 1600x900, and another one with
ten times as many held, by turns; 20,000 more come each second meanwhile. Ticks come as from the
window's own clock, a hand moves 60 times a second, and each tick is measured whole: drain, store,
derive, paint.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.bench.figures import Figure, figure
from tests.bench.stand import RATE, Stand, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.bench.stand import Ticks

N_HELD, N_MORE = 1_000_000, 9_000_000
#: How often each scene is measured in either window.
N_TURNS = 2
#: A million spans of 20,000 a second.
RANGE_S = 50.0
SCENE_S = 6.0
REST_S = 6.0
#: How often a paused window is measured and a hidden one, by turns: they differ by little.
N_RESTS = 3
#: An idle window shows itself every two seconds.
IDLE_S = 20.0
#: Wheel notches for a while, then the hand rests.
WHEEL = (0.8,) * 5 + (1.25,) * 5
MOST_SHARE = 0.02


def wheel(stand: Stand) -> Callable[[int], None]:
    """A notch of the wheel in each of ten ticks, in and out again, once a second."""

    def gesture(number: int) -> None:
        if number % 60 < len(WHEEL):
            stand.view.zoomed.emit(900.0, WHEEL[number % 60])

    return gesture


def drag(stand: Stand) -> Callable[[int], None]:
    """Forwards and backwards, each for half a second, by more than is kept ready."""

    def gesture(number: int) -> None:
        stand.view.panned.emit(-22.0 if number // 30 % 2 == 0 else 22.0)

    return gesture


def leap(stand: Stand) -> Callable[[int], None]:
    """Two views back and forth, three times a second."""

    def gesture(number: int) -> None:
        if number % 20 == 0:
            stand.view.panned.emit(-3_000.0 if number // 20 % 2 == 0 else 3_000.0)

    return gesture


def point(stand: Stand) -> Callable[[int], None]:
    """A pointer that crosses the lanes."""
    return lambda number: stand.view.stream.hovered.emit(
        100 + number * 7 % 1_200, 40 + number * 3 % 500
    )


SCENES: dict[str, Callable[[Stand], Callable[[int], None]] | None] = {
    "live": None,
    "wheel": wheel,
    "drag": drag,
    "far pan": leap,
    "hover": point,
}


def scene(stand: Stand, name: str) -> Ticks:
    """Ticks of one scene, from a view that follows."""
    stand.run.follow()
    stand.run.replace(span_ns=round(RANGE_S * 1e9))
    stand.settle()
    begin = SCENES[name]
    return stand.ticks(SCENE_S, gesture=None if begin is None else begin(stand))


def until_exact_ms(stand: Stand) -> float:
    """Time from a notch of the wheel to the finished picture, by the window's own clock.

    Data come until then: an idle window would take the time for all of it in one tick.
    """
    stand.ticks(1.0)
    stand.view.zoomed.emit(900.0, 0.5)
    begin_s = time.perf_counter()
    stand.run.tick(stand.now_ns())
    while stand.run.frame is None or not stand.run.frame.is_exact:
        stand.application.processEvents()
        time.sleep(0.002)
        stand.run.tick(stand.now_ns())
    taken_ms = (time.perf_counter() - begin_s) * 1e3
    stand.view.zoomed.emit(900.0, 2.0)
    return taken_ms


def scenes(stands: Mapping[str, Stand]) -> list[Figure]:
    """All scenes in all windows, by turns: the machine is not the same from minute to minute."""
    found = []
    live: list[float] = []
    for name in SCENES:
        turns = [{about: scene(stands[about], name) for about in stands} for _ in range(N_TURNS)]
        # A pointer makes no frame: what it costs lies in all ticks.
        is_painted = name != "hover"
        for about in stands:
            ticks = joined([turn[about] for turn in turns])
            for share, budget in ((50, None), (95, 8.0), (99, 16.0)):
                value = ticks.of(share, painted=is_painted)
                label = "median" if share == 50 else f"p{share}"
                found.append(figure(f"tick, {about}, {name}, {label}", value, "ms", budget))
            if name == "live":
                live.append(ticks.of(95))
    few, many = live
    return [
        *found,
        figure("live at 10,000,000 held, p95 to that of 1,000,000", many / few, "", 1.3),
    ]


def left_alone(stand: Stand) -> Iterator[Figure]:
    """A window that nobody needs."""
    stand.run.follow()
    yield figure("an idle window that follows, of a core", stand.share(IDLE_S, 0), "", MOST_SHARE)
    stand.run.toggle_pause()
    paused = hidden = 0.0
    for _ in range(N_RESTS):
        paused += stand.share(REST_S, RATE) / N_RESTS
        stand.run.window.showMinimized()
        hidden += stand.share(REST_S, RATE, idle_s=1.0) / N_RESTS
        stand.run.window.showNormal()
    yield figure("a paused view beyond a hidden one, of a core", paused - hidden, "", MOST_SHARE)
    yield figure("a hidden window that receives 20,000 spans/s", hidden, "of a core")


def run() -> list[Figure]:
    """Measure."""
    stands = {"1,000,000 held": Stand(N_HELD, RANGE_S), "10,000,000 held": Stand(N_HELD, RANGE_S)}
    few, many = stands.values()
    found = list(left_alone(few))
    many.fill(N_MORE)
    found += scenes(stands)
    for about, stand in stands.items():
        exact_ms = min(until_exact_ms(stand) for _ in range(3))
        found.append(figure(f"zoom, {about}, to the exact picture", exact_ms, "ms", 100.0))
        stand.close()
    return found
