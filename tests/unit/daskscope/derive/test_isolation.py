from __future__ import annotations

import pytest

from daskscope.derive.isolation import isolated


@pytest.mark.parametrize("text", ["", "w0", "größe-1", "Größe 12", "任务"])
def test_what_goes_from_left_to_right_stays_as_it_is(text: str) -> None:
    assert isolated(text) == text


@pytest.mark.parametrize("text", ["שלום", "w-שלום-1", "مهمة", "\u0663"])
def test_what_goes_from_right_to_left_turns_nothing_around_it(text: str) -> None:
    assert isolated(text) == f"\u2068{text}\u2069"
