from __future__ import annotations

import pytest

from dask_otel.client import reading
from dask_otel.record.text import describe


class MyError(ValueError):
    pass


@pytest.mark.parametrize(
    ("args", "kwargs", "n"),
    [
        (([1, 2, 3],), {}, 3),
        (({"a": 1, "b": 2},), {"direct": True}, 2),
        (("text",), {}, 1),
        ((), {"direct": True, "futures": (1, 2)}, 2),
        ((), {"data": {1}}, 1),
        ((), {}, 1),
    ],
)
def test_counts_what_dask_takes_apart(
    args: tuple[object], kwargs: dict[str, object], n: int
) -> None:
    assert reading.value_count(args, kwargs) == n


def test_a_failure_keeps_the_class_and_the_message() -> None:
    try:
        raise MyError("no (and no)")
    except MyError as error:
        found = describe(reading.failure(error))
    assert found.type.endswith("test_reading.MyError")
    assert found.message == "no (and no)"
    assert 'raise MyError("no (and no)")' in found.stacktrace


def test_a_failure_that_cannot_be_pickled_is_told_all_the_same() -> None:
    class LocalError(Exception):
        def __reduce__(self) -> str:
            raise TypeError("not me")

    found = reading.failure(LocalError("gone"))
    assert "LocalError('gone')" in found.text
    assert "LocalError('gone')" in describe(found).message
