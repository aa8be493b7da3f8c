"""Tells of what P2P shuffles and rechunks of a worker send, receive, write and read.

Their data goes round Dask's transfers and its `SpillBuffer`. A batch is what one message carries to
a worker, a file what one flush of a buffer appends for one output partition: many shards each.

Runs are watched from the moment the worker makes them: `distributed.shuffle` is asked for nothing
that it has not imported by itself, and one run costs a few overridden methods of its own objects.
"""

from __future__ import annotations

from contextvars import ContextVar
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol
from weakref import WeakKeyDictionary

from distributed.comm.addressing import get_address_host
from distributed.utils import nbytes

from dask_otel.compat import clock
from dask_otel.compat.override import Override

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from distributed import Worker

#: Name of Dask's plugin in `worker.plugins`.
PLUGIN_NAME: Final = "shuffle"

#: Address of the connection by which the batch at hand came, and when it had come.
_arrival: ContextVar[tuple[str, float] | None] = ContextVar("dask_otel_arrival", default=None)


class Run(NamedTuple):
    """One run of a shuffle on one worker.

    Attributes
    ----------
    run_id
        Tells it from other runs of the shuffle; the same on all workers.
    span_id
        Dask span of the shuffle's tasks.
    """

    shuffle_id: str
    run_id: int
    span_id: str | None


class Batch(NamedTuple):
    """What one message has carried, in seconds of this machine's clock.

    Attributes
    ----------
    sent
        Whether it was sent: until the receiver had taken it in. A batch received lasts from when it
        had arrived until it was regrouped and handed to the buffers of the disk.
    peer
        Address of the other worker. A receiver is told only the connection: empty unless just one
        worker on the sender's host takes part in the shuffle.
    partitions
        Input partitions that it carries a part of. With the receiver, they tell it from all other
        batches of the run.
    """

    sent: bool
    peer: str
    partitions: tuple[Hashable, ...]
    start_s: float
    stop_s: float
    n_bytes: int
    error: BaseException | None


class File(NamedTuple):
    """What was appended to the file of an output partition, or the whole file read.

    Arrays are mapped into memory, not read: their time tells of the index alone.
    """

    written: bool
    start_s: float
    stop_s: float
    n_bytes: int | None
    error: BaseException | None


class Listener(Protocol):
    """Who is told; `file` is called in the thread that reads, everything else on the event loop.

    Nothing of it may raise.
    """

    def failed(self, error: Exception) -> None:
        """A run cannot be watched."""

    def joined(self, run: Run, key: Any) -> None:
        """A task of this worker, `key`, takes part in a shuffle."""

    def batch(self, run: Run, batch: Batch) -> None:
        """A batch was sent or received."""

    def file(self, run: Run, file: File) -> None:
        """A file was written or read."""


class ShuffleWatch:
    """Watches all shuffles of a worker until `stop` is called.

    Raises
    ------
    AttributeError, KeyError, TypeError
        This Dask's shuffles are made in another way; nothing has been changed.
    """

    def __init__(self, worker: Worker, listener: Listener) -> None:
        self._listener = listener
        self._runs: WeakKeyDictionary[Any, _Watched] = WeakKeyDictionary()
        plugin: Any = worker.plugins[PLUGIN_NAME]
        manager, handlers = plugin.shuffle_runs, worker.handlers
        receive = handlers["shuffle_receive"]
        if "comm" in signature(receive).parameters:
            raise TypeError("shuffle_receive asks for its connection by itself")
        refreshing, joining = self._refreshing(manager._refresh), self._joining(manager)
        known = list(manager._runs)
        self._overrides = [
            Override(handlers, "shuffle_receive", _receiving(receive)),
            Override(vars(manager), "_refresh", refreshing),
            Override(vars(manager), "get_or_create", joining),
        ]
        for run in known:
            self._watch(run)

    def stop(self) -> None:
        """Put back everything."""
        for override in self._overrides:
            override.undo()
        for watched in list(self._runs.values()):
            for override in watched.overrides:
                override.undo()

    def _refreshing(self, refresh: Callable[..., Any]) -> Callable[..., Any]:
        async def _refresh(*args: Any, **kwargs: Any) -> Any:
            run = await refresh(*args, **kwargs)
            if run not in self._runs:
                self._watch(run)
            return run

        return _refresh

    def _joining(self, manager: Any) -> Callable[..., Any]:
        join = manager.get_or_create

        async def get_or_create(shuffle_id: str, key: Any) -> Any:
            run = await join(shuffle_id, key)
            watched = self._runs.get(run)
            if watched is not None:
                self._listener.joined(watched.run, key)
            return run

        return get_or_create

    def _watch(self, run: Any) -> None:
        """Watch one run; what a new Dask makes in another way stays as it is."""
        try:
            described = Run(str(run.id), run.run_id, run.span_id)
            overrides = _overrides(run, described, self._listener)
        except Exception as error:  # noqa: BLE001 - the shuffle goes on
            self._listener.failed(error)
        else:
            made = [Override(vars(owner), name, method) for owner, name, method in overrides]
            self._runs[run] = _Watched(described, made)


class _Watched(NamedTuple):
    run: Run
    overrides: list[Override]


def _overrides(run: Any, described: Run, listener: Listener) -> list[tuple[Any, str, Any]]:
    """Objects, names of their methods, and what is put in their place."""
    buffer, disk = run._comm_buffer, run._disk_buffer
    found = [
        (run, "_receive", _taking(run, described, listener)),
        (buffer, "_process", _sending(buffer._process, described, listener)),
    ]
    if hasattr(disk, "_write_frames"):  # else it keeps all in memory
        directory = Path(disk.directory)
        writing = _writing(disk._write_frames, directory, described, listener)
        found.append((disk, "_write_frames", writing))
        found.append((disk, "_read", _reading(disk._read, described, listener)))
    return found


def _receiving(receive: Callable[..., Any]) -> Callable[..., Any]:
    # Dask hands the connection to a handler whose first parameter has this name.
    async def shuffle_receive(comm: Any, **message: Any) -> Any:
        _arrival.set((comm.peer_address, clock.now_s()))
        return await receive(**message)

    return shuffle_receive


def _taking(run: Any, described: Run, listener: Listener) -> Callable[..., Any]:
    receive, peers = run._receive, _peers(run)

    async def _receive(data: Any) -> None:
        address, start_s = _arrival.get() or ("", clock.now_s())
        size = _size(data)
        error: BaseException | None = None
        try:
            await receive(data)
        except BaseException as caught:
            error = caught
            raise
        finally:
            peer = peers.get(_host(address), "")
            stop_s = max(start_s, clock.now_s())
            batch = Batch(False, peer, size.partitions, start_s, stop_s, size.n_bytes, error)
            listener.batch(described, batch)

    return _receive


def _sending(process: Callable[..., Any], run: Run, listener: Listener) -> Callable[..., Any]:
    async def _process(address: str, shards: Any) -> None:
        size = _size(shards)
        start_s = clock.now_s()
        error: BaseException | None = None
        try:
            await process(address, shards)
        except BaseException as caught:
            error = caught
            raise
        finally:
            stop_s = max(start_s, clock.now_s())
            batch = Batch(True, address, size.partitions, start_s, stop_s, size.n_bytes, error)
            listener.batch(run, batch)

    return _process


def _writing(
    write: Callable[..., None], directory: Path, run: Run, listener: Listener
) -> Callable[..., None]:
    def _write_frames(frames: Any, id: str) -> None:  # noqa: A002 - Dask's name
        path = directory / str(id)
        n_before = _file_bytes(path)
        start_s = clock.now_s()
        error: BaseException | None = None
        try:
            write(frames, id)
        except BaseException as caught:
            error = caught
            raise
        finally:
            stop_s = max(start_s, clock.now_s())
            n_bytes = None if error is not None else _file_bytes(path) - n_before
            listener.file(run, File(True, start_s, stop_s, n_bytes, error))

    return _write_frames


def _reading(read: Callable[..., Any], run: Run, listener: Listener) -> Callable[..., Any]:
    def _read(path: Path) -> Any:
        start_s = clock.now_s()
        try:
            found = read(path)
        except FileNotFoundError:  # nothing came for this partition: Dask expects it
            raise
        except BaseException as error:
            listener.file(run, File(False, start_s, max(start_s, clock.now_s()), None, error))
            raise
        stop_s = max(start_s, clock.now_s())
        listener.file(run, File(False, start_s, stop_s, _read_bytes(found), None))
        return found

    return _read


def _read_bytes(found: Any) -> int | None:
    try:
        return int(found[1])
    except Exception:  # noqa: BLE001 - a Dask that tells it in another way
        return None


class _Size(NamedTuple):
    partitions: tuple[Hashable, ...]
    n_bytes: int


def _size(shards: Any) -> _Size:
    """Input partitions of a batch, and the bytes of its shards, without what packs them."""
    try:
        return _Size(tuple(shard[0] for shard in shards), _n_bytes(shards))
    except Exception:  # noqa: BLE001 - a Dask that packs them in another way
        return _Size((), 0)


def _n_bytes(shards: Any) -> int:
    """Bytes of the buffers in `shards`, which Dask nests in tuples and lists with their indices.

    That takes a microsecond a shard, a tenth of what Dask takes to do the same.
    """
    n_bytes = 0
    for shard in shards:
        kind = shard.__class__
        if kind is tuple or kind is list:
            n_bytes += _n_bytes(shard)
        elif kind is not int:
            n_bytes += nbytes(shard)
    return n_bytes


def _peers(run: Any) -> dict[str, str]:
    """The worker that takes part in a run, by host, where there is just one."""
    by_host: dict[str, set[str]] = {}
    for address in run.partitions_of:
        by_host.setdefault(_host(address), set()).add(address)
    return {host: found.pop() for host, found in by_host.items() if len(found) == 1}


def _host(address: str) -> str:
    try:
        return str(get_address_host(address))
    except Exception:  # noqa: BLE001 - whatever a kind of comm raises for an address not its own
        return ""


def _file_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
