"""The details panel's frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from dask_otel import conventions
from daskscope.derive import quantity
from daskscope.derive.details.failure import failure
from daskscope.derive.details.frame import Among, DetailsFrame, Fact, Share
from daskscope.derive.details.known import Inquired
from daskscope.derive.details.lists import listings
from daskscope.derive.details.submission import submitted_ns
from daskscope.derive.details.survey import MOST_DURATIONS
from daskscope.derive.details.timesplit import Split, Stage, split
from daskscope.derive.frames import BarState
from daskscope.derive.isolation import isolated
from daskscope.derive.lanelayout import RowKind
from daskscope.store.schema import Kind

if TYPE_CHECKING:
    import numpy.typing as npt

    from daskscope.derive.details.known import Known
    from daskscope.derive.details.subject import Subject
    from daskscope.derive.lanelayout import LaneLayout
    from daskscope.store.schema import Attributes, AttributeValue
    from daskscope.store.snapshot import Snapshot

_MS_NS: Final = 1_000_000
#: So many others are drawn one by one; of more their density.
MOST_PLACES: Final = 300
_DENSITY_STEPS: Final = 96
#: What took less of the whole time is left out.
_LEAST_SHARE: Final = 0.001
#: From this ratio on the strip is logarithmic.
_MANY_TIMES: Final = 20
_LABELS: Final = {
    Stage.DEPENDENCIES: "Waiting for dependencies",
    Stage.EARLIER: "Earlier attempts",
    Stage.DATA: "Waiting for its data",
    Stage.QUEUED: "Queued on the worker",
    Stage.TRANSFER: "Transfer",
    Stage.DISK: "Disk",
    Stage.DESERIALIZE: "Deserialize",
    Stage.COMPUTE: "Compute",
}
_PILL_TOKENS: Final = {
    BarState.FINISHED: "ok",
    BarState.ERRED: "err",
    BarState.LOST: "err",
    BarState.DROPPED: "warn",
    BarState.RUNNING: "accent_t",
}
#: Attributes that have a place of their own.
_SHOWN: Final = frozenset(
    {
        conventions.ACTION,
        conventions.TASK_KEY,
        conventions.TASK_PREFIX,
        conventions.TASK_RUN_ID,
        conventions.TASK_OUTCOME,
        conventions.TASK_NBYTES,
        conventions.TASK_TYPE,
        conventions.TASK_PRIORITY,
        conventions.TASK_WAIT_DEPENDENCIES,
        conventions.TASK_WAIT_READY,
        conventions.TASK_DEPENDENCY_COUNT,
        conventions.WORKER_ADDRESS,
        conventions.ERROR_TYPE,
        conventions.TRANSFER_PEER,
        conventions.TRANSFER_BYTES,
        conventions.TRANSFER_BANDWIDTH,
        conventions.DISK_BYTES,
    }
)
#: Of one value; the rest can be copied.
#: In place of a text that says nothing.
_DASH: Final = "–"
_MOST_CHARACTERS: Final = 2_000


def details_frame(
    snapshot: Snapshot, known: Known, layout: LaneLayout | None, now_ns: int
) -> DetailsFrame:
    """Everything about the chosen span.

    Parameters
    ----------
    snapshot
        For names and graphs.
    known
        What was gathered and answered.
    layout
        Rows of the task stream, for the number of a thread.
    now_ns
        Where an attempt that runs ends.
    """
    subject = known.subject
    attributes = (known.details.attributes if known.details else None) or {}
    times = _split(snapshot, known, attributes)
    trace_id = subject.trace_id.hex() if len(subject.trace_id) == 16 else ""
    span_id = f"{subject.chosen.span_id:016x}" if subject.chosen.span_id else ""
    title, note = _attempt_texts(known)
    return DetailsFrame(
        chosen=subject.chosen,
        name=subject.name or "unnamed",
        key=subject.key,
        slot=subject.slot,
        kind=subject.kind,
        state=subject.state,
        pill=subject.status_text,
        # It may be that the worker only hangs.
        pill_ink="warn" if subject.heard_ns else _PILL_TOKENS[subject.state],
        whole_time=_whole_time(times, subject, now_ns),
        shares=_shares(known, times) if times else (),
        facts_title=title,
        facts_note=note,
        facts=_facts(snapshot, known, layout, attributes, now_ns),
        failure=failure(known),
        among=_among(known),
        listings=listings(snapshot, known),
        others=_others(attributes),
        trace_id=trace_id,
        span_id=span_id,
        note=_note(known),
        note_ink="t3" if known.asked is Inquired.NOT_YET else "warn",
    )


def _note(known: Known) -> str:
    if known.asked is Inquired.UNANSWERED:
        return "No answer yet to the question for all attributes."
    if known.subject.heard_ns:
        return "It may run still, or be lost with its worker."
    if known.asked is Inquired.NOT_YET:
        return "Attributes and dependencies are told once it has ended."
    return f"No attributes: {known.problem}." if known.problem else ""


# Time ---------------------------------------------------------------------------------------


def _split(snapshot: Snapshot, known: Known, attributes: Attributes) -> Split | None:
    subject = known.subject
    if not subject.is_attempt or not subject.end_ns:
        return None
    waits_s = (
        _number(attributes.get(conventions.TASK_WAIT_DEPENDENCIES), subject.wait_data_s),
        _number(attributes.get(conventions.TASK_WAIT_READY), subject.wait_thread_s),
    )
    beside = [*known.survey.children, *known.survey.attempts]
    return split(subject, beside, submitted_ns(snapshot, known), waits_s)


def _whole_time(times: Split | None, subject: Subject, now_ns: int) -> str:
    if times is None:
        return " ".join(_duration(subject, now_ns))
    since = "submission" if times.is_since_submission else "it was assigned"
    return f"{quantity.duration(times.total_ns)} since {since}"


def _shares(known: Known, times: Split) -> tuple[Share, ...]:
    whole_ns = max(times.total_ns, 1)
    moved = sum(max(one.nbytes, 0) for one in known.survey.children if one.kind is Kind.TRANSFER)
    return tuple(
        Share(
            stage,
            f"{_LABELS[stage]}, {quantity.nbytes(moved)}"
            if stage is Stage.TRANSFER and moved
            else _LABELS[stage],
            quantity.duration(times.time_ns[stage]),
            quantity.share(times.time_ns[stage] / whole_ns),
            times.time_ns[stage] / whole_ns,
        )
        for stage in Stage
        if times.time_ns[stage] > _LEAST_SHARE * whole_ns or stage is Stage.COMPUTE
    )


# Facts --------------------------------------------------------------------------------------


def _attempt_texts(known: Known) -> tuple[str, str]:
    """Title of the facts, and which attempt of how many it is."""
    subject = known.subject
    if not subject.is_attempt:
        return "Span", ""
    runs = sorted((one.start_ns, one.chosen.span_id) for one in known.survey.attempts)
    own = (subject.start_ns, subject.chosen.span_id)
    if own not in runs:
        runs = sorted([*runs, own])
    return "Attempt", f"{runs.index(own) + 1} of {len(runs)}"


def _facts(
    snapshot: Snapshot,
    known: Known,
    layout: LaneLayout | None,
    attributes: Attributes,
    now_ns: int,
) -> tuple[Fact, ...]:
    subject = known.subject
    heard = _when(snapshot, subject.heard_ns) if subject.heard_ns else ()
    trace, span = subject.trace_id.hex(), f"{subject.chosen.span_id:016x}"
    address = subject.address.rpartition("://")[2]
    facts = [
        Fact("Start", _when(snapshot, subject.start_ns)),
        Fact("Duration", _duration(subject, now_ns)),
        Fact("Last heard", heard),
        Fact(
            "Worker" if subject.address else "Service",
            tuple(dict.fromkeys(part for part in (subject.worker, address) if part)),
        ),
        Fact("Thread", _thread(snapshot, layout, subject)),
        *_amounts(subject),
        Fact("Priority", _priority(attributes.get(conventions.TASK_PRIORITY))),
        Fact("Run", (str(subject.run_id),) if subject.run_id >= 0 else ()),
        Fact("Trace", (_groups(trace),), trace, is_mono=True) if trace else Fact("Trace", ()),
        Fact("Span", (_groups(span),), span, is_mono=True)
        if subject.chosen.span_id
        else Fact("Span", ()),
    ]
    return tuple(fact for fact in facts if any(fact.value))


def _duration(subject: Subject, now_ns: int) -> tuple[str, ...]:
    text = quantity.duration(max(subject.known_until_ns(now_ns) - subject.start_ns, 0))
    if subject.end_ns:
        return (text,)
    return text, "at least" if subject.heard_ns else "so far"


def _amounts(subject: Subject) -> list[Fact]:
    """What it made or moved."""
    size = quantity.nbytes(subject.nbytes) if subject.nbytes >= 0 else ""
    if subject.is_attempt:
        return [Fact("Result", tuple(part for part in (size, subject.type) if part))]
    facts = [Fact("Bytes", (size,))]
    if subject.kind is Kind.TRANSFER and subject.nbytes >= 0 and subject.lasted_ns:
        rate = quantity.byte_rate(subject.nbytes * 1e9 / subject.lasted_ns)
        facts.append(Fact("Rate", (rate,)))
    if subject.peer:
        label = "To" if subject.kind is Kind.SEND else "From"
        facts.append(Fact(label, (subject.peer.rpartition("://")[2],)))
    return facts


def _when(snapshot: Snapshot, time_ns: int) -> tuple[str, str]:
    """Since the start of the run, and by the clock."""
    since = quantity.elapsed(time_ns - snapshot.first_ns, _MS_NS)
    return since, quantity.clock(time_ns, _MS_NS)


def _thread(snapshot: Snapshot, layout: LaneLayout | None, subject: Subject) -> tuple[str, ...]:
    """Number of the thread among those of its worker, as the task stream counts them."""
    if layout is None or not 0 <= subject.lane < len(layout.row_of_lane):
        return ()
    at = int(layout.row_of_lane[subject.lane])
    row = layout.rows[at] if at >= 0 else None
    if row is None or row.kind is not RowKind.LANE or not row.thread:
        return ()
    resource = snapshot.resources[snapshot.lanes[subject.lane].resource]
    n_threads = resource.get(conventions.WORKER_NTHREADS)
    is_told = isinstance(n_threads, int) and n_threads >= row.thread
    return (f"{row.thread} of {n_threads}" if is_told else str(row.thread),)


def _priority(value: AttributeValue) -> tuple[str, ...]:
    """Dask's priorities are tuples of numbers, most of them whole."""
    if not isinstance(value, list):
        return ()
    numbers = [
        f"{part:g}" if isinstance(part, int | float) and abs(part) < 1e15 else str(part)
        for part in value
    ]
    return (f"({', '.join(numbers)})",)


def _groups(digits: str) -> str:
    """Hexadecimal digits in groups of eight."""
    return " ".join(digits[at : at + 8] for at in range(0, len(digits), 8))


def _others(attributes: Attributes) -> tuple[Fact, ...]:
    """Attributes that have no place of their own, as they came."""
    return tuple(
        Fact(name, (_text(value)[:_MOST_CHARACTERS] or _DASH,), _text(value))
        for name, value in sorted(attributes.items())
        if name not in _SHOWN
    )


def _text(value: AttributeValue) -> str:
    if isinstance(value, list):
        return ", ".join(_text(part) for part in value)
    return "" if value is None else str(value)


def _number(value: AttributeValue, otherwise: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else otherwise  # type: ignore[arg-type]


# Among its like -----------------------------------------------------------------------------


def _among(known: Known) -> Among | None:
    """Where its duration lies among those of its prefix."""
    subject = known.subject
    others_ns = known.survey.durations_ns
    if not subject.is_attempt or not subject.end_ns or len(others_ns) < 2:
        return None
    own_ns = subject.lasted_ns
    least_ns = min(int(others_ns.min()), own_ns)
    most_ns = max(int(others_ns.max()), own_ns)
    median_ns = float(np.median(others_ns))
    n_faster = int(np.count_nonzero(others_ns < own_ns))
    places = _places(others_ns, least_ns, most_ns)
    newest = "the newest " if len(others_ns) >= MOST_DURATIONS else ""
    is_few = len(others_ns) <= MOST_PLACES
    own, median = _places(np.array([own_ns, median_ns]), least_ns, most_ns).tolist()
    return Among(
        title=f"Among {newest}{quantity.count(len(others_ns))} {isolated(subject.name)}",
        rank=f"slower than {quantity.share(n_faster / len(others_ns))}",
        places=places if is_few else np.empty(0, np.float32),
        density=np.empty(0, np.float32) if is_few else _density(places),
        place=own,
        median=median,
        least=quantity.duration(least_ns),
        middle=f"median {quantity.duration(median_ns)}",
        most=quantity.duration(most_ns),
    )


def _places(
    values: npt.NDArray[np.generic], least_ns: int, most_ns: int
) -> npt.NDArray[np.float32]:
    """Places along the strip, 0..1; by logarithms where the most is many times the least."""
    ends = np.array([max(least_ns, 1), max(most_ns, 1)], np.float64)
    at = np.maximum(values.astype(np.float64), 1)
    if ends[1] > _MANY_TIMES * ends[0]:
        ends, at = np.log(ends), np.log(at)
    result: npt.NDArray[np.float32] = ((at - ends[0]) / max(ends[1] - ends[0], 1e-9)).astype("f4")
    return np.clip(result, 0, 1)


def _density(places: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    steps = np.minimum((places * _DENSITY_STEPS).astype(np.intp), _DENSITY_STEPS - 1)
    counts = np.bincount(steps, minlength=_DENSITY_STEPS).astype(np.float32)
    shares: npt.NDArray[np.float32] = counts / counts.max()
    return shares
