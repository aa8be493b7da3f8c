from __future__ import annotations

import pickle

import pytest

from dask_otel.events import Failure
from dask_otel.record import text


class ModuleError(Exception):
    pass


def test_an_exception_is_described_as_opentelemetry_does() -> None:
    failure = Failure(pickle.dumps(ModuleError("why")), "ModuleError('why')", "  File a\n")
    name = f"{__name__}.ModuleError"
    assert text.describe(failure) == (
        name,
        "why",
        f"Traceback (most recent call last):\n  File a\n{name}: why\n",
    )


@pytest.mark.parametrize(
    ("pickled", "said", "expected"),
    [
        (b"", "KeyError('x')", ("KeyError", "KeyError('x')")),
        (b"rubbish", "KeyError('x')", ("KeyError", "KeyError('x')")),
        (pickle.dumps(Exception("Odd('x')")), "Odd('x')", ("Odd", "Odd('x')")),
        (b"", "lib.Odd('x')", ("lib.Odd", "lib.Odd('x')")),
        (b"", "", ("Exception", "")),
    ],
)
def test_what_dask_could_not_pickle_is_known_by_its_repr(
    pickled: bytes, said: str, expected: tuple[str, str]
) -> None:
    found = text.describe(Failure(pickled, said, ""))
    assert (found.type, found.message) == expected


def test_long_texts_lose_their_middle_and_say_so() -> None:
    found = text.describe(Failure(b"", f"E('{'x' * 100_000}')", "  line\n" * 200_000))
    assert len(found.message) < text.MAX_MESSAGE + 100
    assert len(found.stacktrace) < text.MAX_STACKTRACE + 100
    assert "characters cut" in found.message
    assert "characters cut" in found.stacktrace
    assert found.message.startswith("E('xx")
    assert found.message.endswith("xx')")


def test_without_tracebacks_the_type_is_all() -> None:
    failure = Failure(pickle.dumps(ValueError("secret")), "ValueError('secret')", "  secret\n")
    assert text.describe(failure, tracebacks=False) == ("ValueError", "", "")
    assert list(text.describe(failure, tracebacks=False).details()) == []


@pytest.mark.parametrize(
    "said", ["my secret", "<secret (1)>", "secret", "", "E" * 300 + "(1)", "a..b(secret)"]
)
def test_a_repr_of_the_users_own_making_is_no_name_of_a_type(said: str) -> None:
    for pickled in (b"", pickle.dumps(Exception(said))):
        found = text.describe(Failure(pickled, said, ""), tracebacks=False)
        assert found == ("Exception", "", "")


@pytest.mark.parametrize(
    ("key", "prefix", "group"),
    [("inc-1", "inc", "inc"), (("x-1", 0), "x", "x-1"), ("x-" + "5" * 32, "x", "x")],
)
def test_groups_are_named_as_the_scheduler_names_them(key: object, prefix: str, group: str) -> None:
    assert text.group(key, prefix) == group
