"""The status bar: whether data comes, from where, and what was lost on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from dask_otel import conventions
from daskscope.derive import quantity
from daskscope.derive.clusters import at_work
from daskscope.derive.panels import StatusField, StatusFrame
from daskscope.derive.place import APART, split_address
from daskscope.derive.reading import SILENCE_NS, newest_of
from daskscope.derive.sampling import SIZES, Sampler
from daskscope.store.schema import SCHEDULER_ID

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from daskscope.derive.clocks import Skew
    from daskscope.derive.sampling import Samples
    from daskscope.store.schema import SourceStatus
    from daskscope.store.snapshot import Snapshot

_LOCAL: Final = ("127.0.0.1", "::1", "localhost")
_LAG_WARNED_NS: Final = 2_000_000_000
_FRAME_TIP: Final = "Median time of the last frames: taking in, deriving and drawing"
#: The action that opens what was evicted.
EARLIER: Final = "file.earlier"


def status_frame(
    snapshot: Snapshot,
    now_ns: int,
    spans_per_s: float,
    frame_ms: float,
    cap_bytes: int = 0,
    is_connected: bool = True,
) -> StatusFrame:
    """The status bar at one moment.

    Parameters
    ----------
    snapshot
        What is held.
    now_ns
        Wall-clock time of this machine.
    spans_per_s
        Spans that arrived in the last second.
    frame_ms
        Typical time of a whole tick: drain, store, derive, paint. NaN where it is not known.
    cap_bytes
        What the store may hold; 0 where nothing limits it.
    is_connected
        The source is there; a receiver that was killed is not.
    """
    status = snapshot.status
    return StatusFrame(
        connection=_connection(snapshot, now_ns, is_connected),
        left=_received(status, now_ns) if status.is_live else _recording(status),
        counters=(
            *((_lag(snapshot, now_ns), _rate(spans_per_s)) if status.is_live else ()),
            StatusField("Held", quantity.plural(snapshot.n_spans, "span")),
            _memory(snapshot, cap_bytes),
            *_dropped(snapshot),
            StatusField("Frame", quantity.seconds(frame_ms / 1e3), tip=_FRAME_TIP),
        ),
    )


def cluster_field(
    snapshot: Snapshot,
    now_ns: int,
    sampler: Sampler | None = None,
    is_connected: bool = True,
) -> StatusField:
    """What the window shows: the cluster's name, and how large it is; toned as the connection."""
    samples = (sampler or Sampler()).of(snapshot, now_ns, SIZES).heard()
    if not len(samples) and not snapshot.n_spans:
        is_over = snapshot.status.is_over
        return StatusField("No data" if is_over else "Waiting for data", "", "warn")
    workers = _measured(snapshot, samples) if len(samples) else _told(snapshot)
    if not workers:
        return StatusField("Other services", "no Dask worker", "plain")
    name = _name(snapshot, samples, (snapshot.addresses[worker] for worker, _ in workers))
    running = [n for worker, n in workers if worker not in snapshot.removed_ns]
    if not (running or snapshot.status.is_live):  # a recording goes on to the end of its cluster
        running = [n for _, n in workers]
    if not running:
        return StatusField(name, "no worker", "plain")
    size = quantity.plural(len(running), "worker")
    if n_threads := round(sum(running)):
        size = f"{size}, {quantity.plural(n_threads, 'thread')}"
    return StatusField(name, size, _connection(snapshot, now_ns, is_connected).tone)


def _measured(snapshot: Snapshot, samples: Samples) -> list[tuple[int, float]]:
    """Number and threads of workers that were heard of lately."""
    workers = snapshot.worker_of[samples.resource].tolist()
    return list(zip(workers, np.nan_to_num(samples.values["threads"]).tolist(), strict=True))


def _told(snapshot: Snapshot) -> list[tuple[int, float]]:
    """The same of a cluster that sends no metrics: what the senders of spans say of themselves."""
    found = {}
    for worker, attributes in zip(snapshot.worker_of.tolist(), snapshot.resources, strict=True):
        if conventions.WORKER_ADDRESS in attributes:
            n = attributes.get(conventions.WORKER_NTHREADS)
            found[worker] = float(n) if isinstance(n, int) else 0.0
    return list(found.items())


def _name(snapshot: Snapshot, samples: Samples, addresses: Iterable[str]) -> str:
    """The name somebody gave; of several clusters that are there, their number.

    Clusters that are no longer there may have had other names.
    """
    clusters = at_work(samples)
    if len(clusters) > 1:
        return quantity.plural(len(clusters), "cluster")
    for cluster in clusters:
        name, is_given, _ = cluster.partition(APART)
        if is_given:
            return name
    others = {where.cluster_name for where in samples.places if where.cluster not in clusters}
    for attributes in snapshot.resources:
        name = str(attributes.get(conventions.SERVICE_NAMESPACE) or "")
        is_address = name == attributes.get(conventions.SCHEDULER_ADDRESS)
        if name and not (name in others or is_address or SCHEDULER_ID.fullmatch(name)):
            return name
    is_local = all(split_address(address)[0] in _LOCAL for address in addresses)
    return "local cluster" if is_local else "Dask cluster"


def _connection(snapshot: Snapshot, now_ns: int, is_connected: bool) -> StatusField:
    status = snapshot.status
    if status.problem:
        return StatusField("Problem", _without_folders(status), "err", status.problem)
    if not status.is_live:
        if status.is_stopped:
            return StatusField("Recording", f"{quantity.share(read_share(snapshot))} read", "warn")
        if status.progress < 1.0:
            return StatusField("Reading", quantity.share(read_share(snapshot)))
        return StatusField("Recording", "")
    if not (status.http or status.grpc):
        return StatusField("Starting", "", "warn", "The receiver is not ready yet")
    if not is_connected:
        kept = f"The receiver has ended; what it accepted is in {status.journal_path}"
        return StatusField("Disconnected", "– start daskscope again", "err", kept)
    if not status.requests:
        return StatusField("Listening", "", "warn", "Nothing has been received yet")
    if _is_silent(status, now_ns):
        return StatusField("Silent", "", "warn", "Nothing has been received for a while")
    return StatusField("Connected", "", "ok")


def _without_folders(status: SourceStatus) -> str:
    """What is wrong, in as little room as can be."""
    if not status.journal_path:
        return status.problem
    return status.problem.replace(status.journal_path, file_name(status))


def is_heard(snapshot: Snapshot, now_ns: int, is_connected: bool = True) -> bool:
    """Whether what senders last said holds still: a recording ends with it."""
    status = snapshot.status
    return not status.is_live or (is_connected and not _is_silent(status, now_ns))


def _is_silent(status: SourceStatus, now_ns: int) -> bool:
    return bool(status.requests) and now_ns - status.last_request_ns > SILENCE_NS


def _received(status: SourceStatus, now_ns: int) -> tuple[StatusField, ...]:
    """Where data are received, and when the last came."""
    fields = [
        StatusField(label, addresses(held), tip=f"OTLP over {label} is received here")
        for label, held in (("HTTP", status.http), ("gRPC", status.grpc))
        if held
    ]
    if status.last_request_ns:
        ago = quantity.seconds(max(now_ns - status.last_request_ns, 0) / 1e9)
        fields.append(StatusField("Last export", f"{ago} ago"))
    return tuple(fields)


def addresses(held: tuple[str, ...]) -> str:
    """Addresses in few characters: "127.0.0.1:4328, :4318"."""
    texts: list[str] = []
    host = ""
    for address in held:
        this_host, port = split_address(address)
        texts.append(port if texts and this_host == host else address)
        host = this_host
    return ", ".join(texts)


def clock_fields(skews: Mapping[int, Skew]) -> tuple[StatusField, ...]:
    """Which clocks transfers prove wrong; nothing where all may be right."""
    if not skews:
        return ()
    most = max(abs(skew.ahead_ns) for skew in skews.values())
    value = f"{quantity.plural(len(skews), 'worker')}, {quantity.duration(most)}"
    tip = "Clocks that differ from those of most others, or of as many: see tooltips of workers"
    return (StatusField("Clocks off", value, "warn", tip),)


def _recording(status: SourceStatus) -> tuple[StatusField, ...]:
    name = file_name(status)
    fields = [StatusField("File", name, tip=status.journal_path)] if name else []
    if status.part:
        fields.append(StatusField("Part", status.part, "warn", "The rest was not asked for"))
    return tuple(fields)


def read_share(snapshot: Snapshot) -> float:
    """How much of a recording is here, from 0 to 1; the source is always a little ahead."""
    status, n_read = snapshot.status, snapshot.n_spans + snapshot.n_evicted
    if status.spans > n_read and not status.part and status.ends_ns:
        return n_read / status.spans
    return status.progress


def file_name(status: SourceStatus) -> str:
    """Name of the recording without its folder."""
    return status.journal_path.replace("\\", "/").rpartition("/")[2]


def _lag(snapshot: Snapshot, now_ns: int) -> StatusField:
    tip = "How old the newest thing received is"
    if not snapshot.last_ns:
        return StatusField("Lag", "", tip=tip)
    lag_ns = max(now_ns - snapshot.last_ns, 0)
    tone = "warn" if lag_ns > _LAG_WARNED_NS else "plain"
    return StatusField("Lag", quantity.seconds(lag_ns / 1e9), tone, tip)


def _rate(spans_per_s: float) -> StatusField:
    return StatusField("Rate", f"{quantity.count(spans_per_s)}\u2009spans/s")


def _memory(snapshot: Snapshot, cap_bytes: int) -> StatusField:
    limit = float(cap_bytes) if cap_bytes else float("nan")
    return StatusField("Memory", quantity.memory(float(snapshot.memory_bytes), limit))


def _dropped(snapshot: Snapshot) -> tuple[StatusField, ...]:
    kinds = conventions.SPANS_DROPPED, conventions.LOGS_DROPPED
    lost = np.concatenate([newest_of(snapshot, kind)[1] for kind in kinds])
    lost_by_sender = float(lost[np.isfinite(lost)].sum())
    refused = ("receiver", snapshot.status.rejected, "Spans, points and log records refused")
    if not snapshot.status.is_live:
        tip = (
            "What could not be read: the last line of a file may be cut, or it holds something else"
        )
        refused = ("unreadable", snapshot.status.rejected, tip)
    counts = (
        ("Dropped sender", lost_by_sender, "Spans and log records that workers could not deliver"),
        refused,
        ("evicted", snapshot.n_evicted, _evicted_tip(snapshot)),
    )
    return tuple(
        StatusField(
            label,
            quantity.count(number),
            "warn" if number else "plain",
            tip,
            EARLIER if label == "evicted" and number else "",
        )
        for label, number, tip in counts
    )


def _evicted_tip(snapshot: Snapshot) -> str:
    tip = "Oldest spans dropped to stay within memory"
    return f"{tip}; a click opens them from the recording" if snapshot.n_evicted else tip
