"""Frames of the whole task stream to point at, and what is told of what lies there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.derive.lanes import lane_layout
from daskscope.derive.quantity import THIN
from daskscope.derive.taskstream import TaskStream
from daskscope.session import Session, fitted, viewport
from tests.builders import SECOND, T0

if TYPE_CHECKING:
    from daskscope.derive.frames import Hit, TaskStreamFrame
    from daskscope.store.snapshot import Snapshot

WIDTH, HEIGHT = 1_012, 400


def frame_of(
    snapshot: Snapshot, session: Session | None = None, height_px: int = HEIGHT
) -> TaskStreamFrame:
    session = session or fitted(Session(), T0, T0 + 10 * SECOND)
    view = viewport(session, WIDTH, snapshot.last_ns, snapshot.first_ns, 12)
    layout = lane_layout(snapshot, session, height_px)
    return TaskStream().frame(snapshot, session, layout, view, height_px, T0 + 10 * SECOND)


def fields(found: Hit | None) -> dict[str, str]:
    assert found is not None
    return {label: value.replace(THIN, " ") for label, value in found.fields}
