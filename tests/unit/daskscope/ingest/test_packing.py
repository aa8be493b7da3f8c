from __future__ import annotations

from contextlib import closing

import pytest
import zstandard

from daskscope.ingest.packing import LEAST_BYTES, Packer


@pytest.mark.parametrize("size", [0, 1, 1_000, LEAST_BYTES // 2, LEAST_BYTES])
def test_bodies_survive_in_their_order(size: int) -> None:
    bodies = [b"a" * size, b"", b"bc" * size, b"d"]
    with closing(Packer()) as packer:
        # What could not be decoded is not waited for: others are begun meanwhile.
        packings = [packer.begin(some) for _ in range(8) for some in (bodies, bodies[::-1])]
        packed = [packing.result() for packing in packings]
    unpacked = [[zstandard.decompress(blob) for blob in blobs] for blobs in packed]
    assert unpacked == [bodies, bodies[::-1]] * 8
