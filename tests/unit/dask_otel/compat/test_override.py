from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from dask_otel.compat import override
from dask_otel.compat.override import Override, SharedOverride
from dask_otel.compat.versions import Gaps

if TYPE_CHECKING:
    import pytest


class Server:
    def hook(self) -> str:
        return "own"


def test_a_method_is_replaced_on_one_object_and_put_back() -> None:
    server, other = Server(), Server()
    replaced = Override(vars(server), "hook", lambda: "ours")
    assert (server.hook(), other.hook()) == ("ours", "own")
    replaced.undo()
    assert vars(server) == {}
    assert server.hook() == "own"


def test_an_entry_that_was_there_is_put_back_in_its_place() -> None:
    first, second = object(), object()
    handlers = {"a": first, "b": second}
    Override(handlers, "a", object()).undo()
    assert list(handlers.items()) == [("a", first), ("b", second)]
    assert handlers["a"] is first


def test_what_somebody_else_has_put_there_since_is_left_alone() -> None:
    handlers: dict[str, Any] = {"a": 1}
    replaced = Override(handlers, "a", 2)
    handlers["a"] = 3
    replaced.undo()
    assert handlers == {"a": 3}


def test_a_shared_one_lasts_until_its_last_user_ends() -> None:
    def own() -> int:
        return 1

    module: dict[str, Any] = {"own": own}
    shared = SharedOverride(module, {"own": lambda function: lambda: function() + 1})
    shared.acquire()
    replacement = module["own"]
    assert replacement() == 2
    shared.acquire()
    assert module["own"] is replacement
    shared.release()
    assert module["own"] is replacement
    shared.release()
    assert module["own"] is own
    shared.acquire()
    assert module["own"]() == 2


def test_a_function_that_dask_no_longer_has_costs_one_warning(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(override, "GAPS", Gaps())
    module: dict[str, Any] = {}
    shared = SharedOverride(module, {name: lambda function: function for name in ("gone", "too")})
    shared.acquire()
    shared.acquire()
    shared.release()
    shared.release()
    assert module == {}
    assert [record.message for record in caplog.records] == [
        "This version of Dask has no gone as expected: not all is watched"
    ]


def test_any_thread_may_acquire_and_release() -> None:
    def own() -> None: ...

    module: dict[str, Any] = {"own": own}
    shared = SharedOverride(module, {"own": lambda function: lambda: [function()]})

    def use() -> None:
        for _ in range(200):
            shared.acquire()
            shared.release()

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert module["own"] is own
