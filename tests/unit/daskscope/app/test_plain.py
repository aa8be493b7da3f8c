from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest

from daskscope.app.plain import PlainError, from_plain, to_plain
from daskscope.predicate import Filter
from daskscope.store.schema import Kind


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Inner:
    names: frozenset[str] = frozenset()
    pair: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Outer:
    text: str
    share: float = 0.5
    is_on: bool = False
    colour: Colour = Colour.RED
    inner: Inner = Inner()
    many: tuple[Inner, ...] = ()


WHOLE = Outer("a\ud800", 2.0, True, Colour.RED, Inner(frozenset("ba"), (1, 2)), (Inner(), Inner()))


def test_a_value_comes_back_through_json() -> None:
    text = json.dumps(to_plain(WHOLE))
    assert from_plain(Outer, json.loads(text)) == WHOLE


def test_enumerations_of_the_store_are_read() -> None:
    hidden = Filter(hidden_kinds=frozenset({Kind.TRANSFER, Kind.COMPUTE}), least_ns=5)
    assert from_plain(Filter, json.loads(json.dumps(to_plain(hidden)))) == hidden


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("share", "2"),
        ("is_on", 1),
        ("colour", "blue"),
        ("inner", []),
        ("many", 3),
        ("many", [3]),
        ("unknown", 3),
    ],
)
def test_a_field_that_is_wrong_keeps_its_default(name: str, wrong: object) -> None:
    plain = {"text": "a", name: wrong}
    assert from_plain(Outer, plain) == Outer("a")


@pytest.mark.parametrize("wrong", [{"pair": [1]}, {"pair": [1, "2"]}, {"names": [1]}])
def test_wrong_items_are_not_taken(wrong: dict[str, object]) -> None:
    assert from_plain(Inner, wrong) == Inner()


@pytest.mark.parametrize("wrong", [{}, {"text": 3}, [], None, "x"])
def test_what_stands_for_nothing_is_refused(wrong: Any) -> None:
    with pytest.raises(PlainError):
        from_plain(Outer, wrong)


def test_a_number_is_no_flag_and_a_flag_no_number() -> None:
    with pytest.raises(PlainError):
        from_plain(int, True)
