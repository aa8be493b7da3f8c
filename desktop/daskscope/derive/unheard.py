"""Workers that have joined and were never heard of since: only their scheduler says that they are.

One may hang from its first moment on, or send to nobody. Of its names only the address is known.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dask_otel import conventions
from daskscope.derive.place import Place, place
from daskscope.derive.reading import SILENCE_NS
from daskscope.derive.sampling import WORKER_TTL_NS, Samples

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot


def with_unheard(samples: Samples, snapshot: Snapshot, now_ns: int) -> Samples:
    """`samples`, and behind them those that are silent since they have joined.

    Where no worker is heard of, or not all that are have been looked at yet, nobody is left out.
    """
    if not len(samples) or len(samples.places) < len(snapshot.resources):
        return samples
    until_ns = min(now_ns, snapshot.last_ns)
    added_ns, known = snapshot.added_ns, snapshot.worker_of.tolist()
    places = [
        place({conventions.WORKER_ADDRESS: snapshot.addresses[worker]})
        for worker in sorted(
            added_ns.keys() - known - snapshot.removed_ns.keys(),
            key=lambda worker: snapshot.addresses[worker],
        )
        if SILENCE_NS < until_ns - added_ns[worker] <= WORKER_TTL_NS
    ]
    if not places:
        return samples
    n = len(places)
    hosts = {
        _network(samples.places[number]): (samples.places[number].host, code)
        for number, code in zip(samples.resource.tolist(), samples.host.tolist(), strict=True)
    }
    first_code = int(samples.host.max(initial=-1)) + 1
    codes = []
    for at, where in enumerate(places):
        host, code = hosts.setdefault(where.host, (where.host, first_code + at))
        places[at] = replace(where, host=host)
        codes.append(code)
    return Samples(
        [*samples.places, *places],
        np.append(samples.resource, np.arange(n) + len(samples.places)),
        np.append(samples.host, codes),
        np.append(samples.is_removed, np.zeros(n, np.bool_)),
        np.append(samples.is_silent, np.ones(n, np.bool_)),
        {name: np.append(value, np.full(n, np.nan)) for name, value in samples.values.items()},
    )


def _network(where: Place) -> str:
    """The host as its address names it."""
    return where.host_address or where.host
