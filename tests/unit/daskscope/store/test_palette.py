"""Palette slots of prefixes."""

from __future__ import annotations

import numpy as np

from daskscope.store.palette import N_HASHED, Palette


def slots(names: list[str]) -> list[int]:
    palette = Palette()
    for string_id, name in enumerate(names, 1):
        palette.add(string_id, name)
    given: list[int] = palette.slots(np.arange(1, len(names) + 1, dtype=np.uint32)).tolist()
    return given


def test_a_prefix_starts_at_the_same_slot_in_every_run() -> None:
    assert slots(["inc"]) == slots(["inc"])
    assert 0 <= slots(["inc"])[0] < N_HASHED


def test_slots_do_not_collide() -> None:
    given = slots([f"prefix-{n}" for n in range(50)])

    assert sorted(given[:N_HASHED]) == list(range(N_HASHED))
    assert given[N_HASHED:] == list(range(N_HASHED, 50))


def test_a_slot_is_kept() -> None:
    palette = Palette()
    palette.add(3, "inc")
    slot_of = palette.slot_of(4)
    palette.add(1_000, "add")
    palette.add(3, "inc")

    assert palette.prefixes == [3, 1_000]
    assert palette.slot_of(1_001)[3] == slot_of[3]
    assert slot_of.tolist()[:3] == [-1, -1, -1]
    assert palette.slots(np.array([5], np.uint32)).tolist() == [-1]
