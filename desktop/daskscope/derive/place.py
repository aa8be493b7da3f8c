"""Where a resource runs, in the words that every view shows: host, worker and address.

The task stream and the workers table fold by the same host keys because both take them from here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import cycle
from typing import TYPE_CHECKING, Final

from dask_otel import conventions
from daskscope.store.schema import SCHEDULER_ID

if TYPE_CHECKING:
    from daskscope.store.schema import Attributes, AttributeValue

#: Between the parts of a key: no name has it.
APART: Final = "\0"
#: Python refuses to read numbers of thousands of digits, and a name may be one.
_DIGITS: Final = re.compile(r"([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Place:
    """Names of one resource.

    Attributes
    ----------
    host
        Key by which resources are grouped and folded, see `clusters`; `host_name` is shown.
    host_address
        Network address of the host, "" where it is unknown or equal to `host`.
    name
        The worker's name; "worker 0" where Dask only counts them; for a service that is not a
        worker its service name.
    port
        ":40101", or "" where the name says it already.
    address
        Whole address of the worker as Dask writes it; "" for other services.
    is_worker
        Whether it runs tasks; the scheduler does not.
    cluster
        The same for all workers of a cluster, "" where it is not known.
    cluster_name
        What somebody has called it, else the address of its scheduler.
    """

    host: str
    host_address: str
    name: str
    port: str
    address: str
    is_worker: bool
    cluster: str = ""
    cluster_name: str = ""

    @property
    def host_name(self) -> str:
        """What people call the host."""
        return self.host.partition(APART)[0]


def place(attributes: Attributes) -> Place:
    """The names of a resource with these attributes."""
    service = _text(attributes.get(conventions.SERVICE_NAME))
    address = _text(attributes.get(conventions.WORKER_ADDRESS))
    has_tasks = is_worker(attributes)
    host_address, port = split_address(address)
    host = _text(attributes.get(conventions.HOST_NAME)) or host_address or service
    shown = _text(attributes.get(conventions.WORKER_NAME))
    if not has_tasks:
        name, port = service, ""
    elif shown.isascii() and shown.isdigit():
        name = f"worker {shown}"
    elif not shown or shown == address:
        name, port = f"{host_address}{port}" or service, ""
    else:
        name = shown
    host_address = host_address if host_address != host else ""
    cluster = _cluster(attributes) if shown and has_tasks else ("", "")  # others know its address
    return Place(host, host_address, name, port, address, has_tasks, *cluster)


def place_of_any(attributes: Attributes) -> Place:
    """The same, with the cluster also of a service that is no worker, as of its scheduler."""
    where = place(attributes)
    if where.is_worker:
        return where
    cluster, cluster_name = _cluster(attributes)
    return replace(where, cluster=cluster, cluster_name=cluster_name)


def _cluster(attributes: Attributes) -> tuple[str, str]:
    """Id and name of a cluster."""
    namespace = _text(attributes.get(conventions.SERVICE_NAMESPACE))
    scheduler = _text(attributes.get(conventions.SCHEDULER_ADDRESS))
    if not namespace or namespace == scheduler:  # nobody has said which it is
        return "", ""
    scheduler = scheduler.rpartition("://")[2]
    if SCHEDULER_ID.fullmatch(namespace):
        return namespace, scheduler or namespace
    # Clusters of one team may have one name.
    return f"{namespace}{APART}{scheduler}", namespace


def process(attributes: Attributes) -> tuple[str, int] | None:
    """The same for all workers of one process, None where it is not known."""
    host = _text(attributes.get(conventions.HOST_NAME))
    pid = attributes.get(conventions.PROCESS_PID)
    return (host, pid) if isinstance(pid, int) else None


def is_worker(attributes: Attributes) -> bool:
    """Whether a resource runs tasks; the scheduler does not."""
    return (
        conventions.WORKER_ADDRESS in attributes
        or attributes.get(conventions.SERVICE_NAME) == conventions.SERVICE_WORKER
    )


def split_address(address: str) -> tuple[str, str]:
    """Host and port of a Dask address: `tcp://10.0.4.11:40101` is ("10.0.4.11", ":40101").

    An `inproc://host/pid/n` address has "/pid/n" for a port.
    """
    rest = address.rpartition("://")[2]
    if rest.startswith("["):
        host, _, tail = rest[1:].partition("]")
        return host, tail
    if "/" in rest:
        host, _, tail = rest.partition("/")
        return host, f"/{tail}"
    host, colon, tail = rest.rpartition(":")
    return (host, f":{tail}") if colon else (rest, "")


@lru_cache(maxsize=8_192)
def natural_key(text: str) -> tuple[tuple[int, int | str], ...]:
    """Sort key by which "w2" comes before "w10"."""
    return tuple(
        (0, int(part)) if is_number else (1, part.casefold())
        for is_number, part in zip(cycle((False, True)), _DIGITS.split(text), strict=False)
        if part
    )


def _text(value: AttributeValue) -> str:
    return "" if value is None else str(value)
