from __future__ import annotations

import pickle
from collections import deque
from typing import Any

import pytest
from dask.utils import key_split
from distributed.utils import key_split_group as dasks_group

from dask_otel import events
from dask_otel.conventions import MAX_TRANSFER_KEYS


class UnpicklableError(Exception):
    def __reduce__(self) -> Any:
        raise TypeError("never")


class MuteError(Exception):
    def __str__(self) -> str:
        raise SystemExit("no words")


def failure(error: Exception, text: str = "") -> events.Failure:
    return events.Failure(pickle.dumps(error), text or repr(error), "  frames\n")


def test_builtin_exceptions_have_no_module() -> None:
    found = events.describe(failure(ValueError("bad")))
    assert (found.type, found.message) == ("ValueError", "bad")
    assert found.stacktrace == "Traceback (most recent call last):\n  frames\nValueError: bad\n"


def test_an_exception_without_words() -> None:
    found = events.describe(failure(ValueError()))
    assert (found.type, found.message) == ("ValueError", "")
    assert found.stacktrace.endswith("\nValueError\n")


def test_other_exceptions_are_named_in_full() -> None:
    assert events.describe(failure(pickle.PicklingError("x"))).type == "_pickle.PicklingError"


def test_dasks_stand_in_for_what_cannot_be_pickled() -> None:
    text = repr(UnpicklableError("mine"))
    found = events.describe(failure(Exception(text), text))
    assert (found.type, found.message) == ("UnpicklableError", "UnpicklableError('mine')")


@pytest.mark.parametrize("pickled", [b"", b"not a pickle", pickle.dumps(MuteError())])
def test_the_repr_serves_when_the_exception_does_not(pickled: bytes) -> None:
    found = events.describe(events.Failure(pickled, "OSError('gone')", ""))
    assert (found.type, found.message) == ("OSError", "OSError('gone')")


def test_long_text_loses_its_middle_and_says_so() -> None:
    message = "a" * 5_000 + "b" * 5_000
    found = events.describe(failure(ValueError(message)))
    assert len(found.message) < events.MAX_MESSAGE + 50
    assert found.message.startswith("aaa")
    assert found.message.endswith("bbb")
    assert f"{10_000 - events.MAX_MESSAGE} characters cut" in found.message
    traceback = events.describe(events.Failure(b"", "E()", "first" + "x" * 99_999 + "last"))
    assert len(traceback.stacktrace) < events.MAX_STACKTRACE + 50
    assert "first" in traceback.stacktrace
    assert "last" in traceback.stacktrace


@pytest.mark.parametrize(
    "key",
    [
        "x",
        "inc-0",
        "inc-396561820740b3eeadd278f07c2479f9",
        "ae05086432ca935f6eba409a8ecd4896",
        "('x-2', 1)",
        "<module.submodule.myclass object at 0xdaf372",
        ("x-2", 1),
        ("a-b-c", 1, 2),
        b"x-1",
        5,
    ],
)
def test_groups_are_the_schedulers(key: Any) -> None:
    assert events.group(key, key_split(key)) == str(dasks_group(key))


def test_new_transfers_are_those_after_the_last_seen() -> None:
    log: deque[dict[str, Any]] = deque(maxlen=3)
    assert events.transfers_since(log, None) == []
    entries = [{"n": n} for n in range(6)]
    log.extend(entries[:2])
    assert events.transfers_since(log, None) == entries[:2]
    log.append(entries[2])
    assert events.transfers_since(log, entries[1]) == [entries[2]]
    assert events.transfers_since(log, entries[2]) == []
    log.extend(entries[3:])  # what was seen last has fallen out
    assert events.transfers_since(log, entries[2]) == entries[3:]


def test_long_batches_keep_some_keys_and_the_count() -> None:
    entry = {
        "start": 1.0,
        "stop": 2.0,
        "who": "tcp://a:1",
        "total": 5,
        "bandwidth": 5.0,
        "keys": {f"k{n}": 1 for n in range(1_000)},
    }
    transfer = events.transfer(entry, None)
    assert (len(transfer.keys), transfer.n_keys) == (MAX_TRANSFER_KEYS, 1_000)
    assert events.transfer_id(entry) == events.transfer_id(
        {"action": "transfer", "start": 1.0, "stop": 2.0, "source": "tcp://a:1"}
    )
