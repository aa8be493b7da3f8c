"""Texts that are searched together, compared with Python's own search in each of them."""

from __future__ import annotations

import random
import re
import time

import numpy as np
import pytest

from daskscope.derive.expression import LIMIT_S, TooSlowError, expression
from daskscope.predicate import Search
from daskscope.store.schema import TextColumn

#: Letters that make many near misses, and what could be taken for the end of a text.
ALPHABET = "aAbB(',9\n\0\xff é\u212a\U0001f600%_@`\t"


def random_texts(n: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices(ALPHABET, k=rng.choice((0, 0, 1, 2, 7, 30)))) for _ in range(n)]


def lowered(text: str) -> str:
    """ASCII letters in lower case, all else as it is."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


@pytest.mark.parametrize("seed", range(8))
def test_plain_ascii_text_is_found_as_by_python(seed: int) -> None:
    texts = random_texts(2_000, seed)
    column = TextColumn.of(texts)
    rng = random.Random(seed)
    taken = [rng.choice(texts) for _ in range(60)]
    needles = {text[: rng.randint(1, 8)].strip("é\u212a\xff\U0001f600") for text in taken}
    for needle in filter(str.isascii, needles - {""}):
        found = expression(Search(needle)).found(column)

        assert found.tolist() == [needle.lower() in lowered(text) for text in texts], needle


@pytest.mark.parametrize(
    "pattern",
    [
        "a",
        "^a",
        "a$",
        "^$",
        "[^a]",
        r"\s",
        "a.b",
        "(?s)a.b",
        "a|é",
        r"\bA",
        "(?<=9)a",
        r"\x00",
        "é",
    ],
)
def test_expressions_see_each_text_alone(pattern: str) -> None:
    texts = [*random_texts(3_000, 1), "", "a\n", "É"]
    meant = re.compile(pattern, re.IGNORECASE)

    found = expression(Search(pattern, is_regex=True)).found(TextColumn.of(texts))

    assert found.tolist() == [meant.search(text) is not None for text in texts]


def test_plain_text_beyond_ascii_ignores_case_and_is_no_expression() -> None:
    found = expression(Search("É.")).found(TextColumn.of(["é.", "éx", "xÉ."]))

    assert found.tolist() == [True, False, True]


def test_nothing_runs_over_the_end_of_a_text() -> None:
    column = TextColumn.of(["ab", "ab", "", "a", "b"])

    assert not expression(Search("ba")).found(column).any()
    assert expression(Search("ab")).found(column).tolist() == [True, True, False, False, False]
    assert expression(Search("ab")).found(column.rows(1, 4)).tolist() == [True, False, False]


def test_texts_that_are_no_utf8_are_searched_too() -> None:
    column = TextColumn(np.array([0xFF, 0x61, 0x62], np.uint8), np.array([2, 3], np.uint32))

    assert expression(Search("a$", is_regex=True)).found(column).tolist() == [True, False]


@pytest.mark.parametrize(
    "pattern", ["(", "[a", "*", "a{2,1}", "(?P<x>a)(?P<x>b)", "a{99999999999}"]
)
def test_what_is_no_expression_is_said_in_one_line(pattern: str) -> None:
    made = expression(Search(pattern, is_regex=True))

    assert made.problem
    assert "\n" not in made.problem
    assert not made.found(TextColumn.of(["a", "("])).any()


def test_an_expression_without_end_is_given_up() -> None:
    column = TextColumn.of(["b", "a" * 60 + "!"])
    began = time.thread_time()

    with pytest.raises(TooSlowError):
        expression(Search("(a+)+$", is_regex=True)).found(column)

    assert time.thread_time() - began < 5 * LIMIT_S
    assert expression(Search("(a+)+$", is_regex=True)).found(TextColumn.of(["aa"])).all()
