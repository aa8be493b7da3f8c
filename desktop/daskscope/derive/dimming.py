"""Which of the spans that are drawn one by one are lit, and which are not to be drawn at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from daskscope.derive.matches import Mark

if TYPE_CHECKING:
    import numpy.typing as npt

    from daskscope.derive.matches import Marks
    from daskscope.derive.singles import Spans
    from daskscope.store.snapshot import Snapshot


def marks_of(snapshot: Snapshot, spans: Spans, marks: Marks) -> npt.NDArray[np.uint8]:
    """`Mark` of each of some spans of a picture, those that run included."""
    if marks.predicate.is_idle:
        return np.zeros(len(spans), np.uint8)
    result = marks.of(spans["chunk"], spans["index"])
    at = np.flatnonzero(spans["chunk"] < 0)
    if not len(at):
        return result
    plain = np.zeros(0, np.uint8)
    parts = [plain]
    for resource, running in snapshot.running.items():
        known = marks.running.get(resource, plain)
        is_known = len(known) == len(running.lane)  # else it has said more since
        parts.append(known if is_known else np.zeros(len(running.lane), np.uint8))
    result[at] = np.concatenate(parts)[spans["index"][at]]
    return result


def lit(marks_of_spans: npt.NDArray[np.uint8], marks: Marks) -> npt.NDArray[np.bool_] | None:
    """Which spans are not dimmed; None for all."""
    return marks_of_spans == Mark.LIT.value if marks.is_lighting else None
