"""One failure among a hundred thousand folded tasks: seen in the real window, and counted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtTest import QTest

from daskscope.app.hovering import TOOLTIP_DELAY_S
from daskscope.derive.quantity import THIN
from daskscope.session import Grouping, Session
from daskscope.store.schema import SourceStatus, Status
from daskscope.theme import GUTTER_PX
from daskscope.views.timeline.tooltip import Tooltip
from tests.builders import SECOND, T0, Source, Span
from tests.gui.working import Hand, Link

N_TASKS = 100_000
FAILED_NS = 5 * SECOND


@pytest.fixture
def hurt(link: Link, hand: Hand, monkeypatch: pytest.MonkeyPatch) -> Hand:
    """Tasks of 90 us, one every 100 us, of which the one at second 5 failed."""
    source = Source()
    worker = source.worker("w0", "node-01", 40_101, nthreads=1)
    step_ns = 100_000
    spans = [Span(n * step_ns, n * step_ns + 90_000, "inc", worker, 11) for n in range(N_TASKS)]
    at = FAILED_NS // step_ns
    spans[at] = replace(spans[at], status=Status.ERROR, error="ValueError: no")
    batch = source.spans(spans)
    link.messages = [SourceStatus(is_live=True, http=Link.http), source.definitions(), batch]
    monkeypatch.setattr("daskscope.app.hovering.elapsed_s", lambda: hand.now_s)
    settle(hand)
    return hand


def settle(hand: Hand) -> None:
    """Tick until the picture is exact."""
    for _ in range(200):
        hand.tick()
        if hand.run.frame is not None and hand.run.frame.is_exact:
            break
    hand.tick()
    assert hand.run.error is None


@pytest.mark.parametrize(
    "session",
    [
        Session(),
        Session(collapsed_hosts=frozenset({"node-01"})),
        Session(grouping=Grouping.FOLDED),
    ],
    ids=["lane", "host", "worker"],
)
def test_it_is_a_pixel_of_its_own_and_counted_in_the_tooltip(hurt: Hand, session: Session) -> None:
    run = hurt.run
    run.session = replace(session, is_following=False, span_ns=30 * SECOND, end_ns=T0 + 20 * SECOND)
    settle(hurt)
    assert run.frame is not None
    stream = run.window.timeline.stream
    picture = stream.grab().toImage()
    found = {
        (x, y)
        for x in range(GUTTER_PX, picture.width())
        for y in range(picture.height())
        if picture.pixel(x, y) & 0xFFFFFF == run.theme.erred
    }
    expected = GUTTER_PX + run.frame.view.x_px(T0 + FAILED_NS)
    assert found
    assert all(abs(x - expected) <= 2 for x, _ in found)

    QTest.mouseMove(stream, QPoint(*min(found)))
    hurt.now_s += 2 * TOOLTIP_DELAY_S
    hurt.tick()
    tooltip = stream.findChild(Tooltip)
    assert tooltip is not None
    assert tooltip.isVisible()
    told = tooltip.accessibleDescription().replace(THIN, "")
    n_tasks = int(told.split("tasks", 1)[0])
    assert 1_000 < n_tasks < 10_000
    assert f"inc {n_tasks}×, Erred 1" in told
