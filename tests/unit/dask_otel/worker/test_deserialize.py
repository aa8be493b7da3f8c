from __future__ import annotations

from dask_otel import events
from dask_otel.worker.deserialize import received


def test_unpickling_is_told_as_part_of_its_transfer() -> None:
    transfer = events.Transfer(1.0, 2.0, "tcp://10.0.0.1:4000", 100, ("a", "b"), 2, 100.0, "span")
    assert received(transfer, 0.0005) is None
    found = received(transfer, 0.25)
    assert found is not None
    assert (found.start_s, found.stop_s, found.key) == (1.75, 2.0, None)
    assert (found.n_bytes, found.origin, found.parent) == (100, "span", None)
    longer = received(transfer._replace(keys=("a",), n_keys=1), 5.0)
    assert longer is not None
    assert (longer.start_s, longer.key) == (1.0, "a")
