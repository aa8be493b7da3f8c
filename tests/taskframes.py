"""Frames of the task stream, as a view of some size shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.derive.lanelayout import RowKind
from daskscope.derive.lanes import lane_layout
from daskscope.derive.taskstream import TaskStream
from daskscope.session import Session, fitted, viewport
from daskscope.theme import NOT_YET_PX
from tests.builders import SECOND

if TYPE_CHECKING:
    from daskscope.derive.frames import TaskStreamFrame
    from daskscope.store.snapshot import Snapshot

WIDTH, HEIGHT = 700, 500


def frame_of(
    snapshot: Snapshot,
    session: Session,
    stream: TaskStream | None = None,
    now_ns: int = 0,
    height_px: int = HEIGHT,
) -> TaskStreamFrame:
    now_ns = now_ns or snapshot.last_ns
    view = viewport(session, WIDTH, now_ns, snapshot.first_ns, NOT_YET_PX)
    layout = lane_layout(snapshot, session, height_px)
    stream = stream or TaskStream()
    return stream.frame(snapshot, session, layout, view, height_px, now_ns)


def around_the_middle(snapshot: Snapshot, span_s: float) -> Session:
    middle = snapshot.first_ns + (snapshot.last_ns - snapshot.first_ns) // 2
    half = round(span_s * SECOND / 2)
    return fitted(Session(), middle - half, middle + half)


def lane_rows(frame: TaskStreamFrame) -> list[int]:
    return [i for i, row in enumerate(frame.layout.rows) if row.kind is RowKind.LANE]
