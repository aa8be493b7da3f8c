"""Many spans, taken in once for all tests of the task stream's frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from daskscope.store.writer import Store
from tests.builders import SECOND, Load, Span

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot


@pytest.fixture(scope="package")
def big() -> Snapshot:
    """Three chunks, two of them sealed: short tasks, and lanes with tasks of all lengths."""
    load = Load(n_workers=3, n_threads=2)
    rng = np.random.default_rng(5)
    lasting = np.exp(rng.uniform(np.log(0.1 * SECOND), np.log(5 * SECOND), 150)).astype(int)
    ends = np.cumsum(2 * lasting)  # half of the time nothing runs, so that nothing can be hidden
    long = [
        Span(end - length, end, f"long-{n % 3}", n % 3, 900)
        for n, (length, end) in enumerate(zip(lasting.tolist(), ends.tolist(), strict=True))
    ]
    batch = load.source.spans(long)
    store = Store()
    store.apply(load.source.definitions())
    store.apply(batch)
    for _ in range(40):
        store.apply(load.batch(4_096))
    for _ in range(30):
        store.go_on()
    assert [chunk.pyramid is not None for chunk in store.snapshot().chunks] == [True, True, False]
    return store.snapshot()
