"""Adapter to a Dask client: its calls in, events out.

- Dask has no hook for a call, so the methods of the one client are replaced, and put back as they
  were. What users call reaches Dask exactly once, with or without us, and whatever fails in here.
- A call that is made inside another one of the same client is part of it.
- Calls come from any thread.
"""

from __future__ import annotations

import atexit
from functools import wraps
from inspect import iscoroutine
from types import MethodType
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as contexts

from dask_otel import conventions as names
from dask_otel.client import reading
from dask_otel.client.calls import Call, Caller
from dask_otel.compat import client as private
from dask_otel.compat.override import Override
from dask_otel.events import ANNOTATION, TRACEPARENT

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from contextvars import Token

    from distributed import Client
    from opentelemetry.context import Context
    from opentelemetry.trace import TracerProvider

    from dask_otel.emit import Emitter

#: Method of the client and the call that it is; `dask.compute` and `x.compute` come by `get`.
_METHODS: Final = {"get": "compute", **{name: name for name in names.CLIENT_CALLS}}


class ClientAdapter:
    """Watches one client.

    Parameters
    ----------
    client
        The client.
    emitter
        Takes what happens.
    provider
        Whose sampler and ids are used: see `calls.Caller`.
    delay_s
        What the scheduler's clock is ahead of this machine's.
    """

    def __init__(
        self,
        client: Client,
        emitter: Emitter,
        provider: TracerProvider | None = None,
        delay_s: float = 0.0,
    ) -> None:
        self.emitter = emitter
        self._client = client
        self._caller = Caller(client.id, provider, delay_s)
        self._overrides: list[Override] = []

    def begin(self) -> None:
        """Replace the client's methods."""
        submit = private.submission(self._client)
        if submit is None:
            self.emitter.failed(
                "Finding how the client submits", AttributeError(private.SUBMISSION)
            )
        else:
            self._override(private.SUBMISSION, self._submission(submit))
        for method, name in _METHODS.items():
            self._override(method, self._watched(name, getattr(self._client, method)))
        # Dask closes only one client of a process that just ends.
        atexit.register(self.emitter.stop)

    def end(self) -> None:
        """Put everything back."""
        atexit.unregister(self.emitter.stop)
        while self._overrides:
            self._overrides.pop().undo()

    def _override(self, method: str, function: Callable[..., Any]) -> None:
        # Bound, because `dask.persist` takes the client out of `client.get`.
        replacement = MethodType(function, self._client)
        self._overrides.append(Override(vars(self._client), method, replacement))

    def _watched(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(getattr(original, "__func__", original))
        def call(_client: Client, /, *args: Any, **kwargs: Any) -> Any:
            opened = self._open(name, args, kwargs)
            if opened is None:
                return original(*args, **kwargs)
            current, token = opened
            try:
                result = original(*args, **kwargs)
            except BaseException as error:
                contexts.detach(token)
                self._close(current, error)
                raise
            contexts.detach(token)
            if iscoroutine(result):
                return self._awaited(current, result)
            self._close(current)
            return result

        return call

    async def _awaited(self, call: Call, result: Coroutine[Any, Any, Any]) -> Any:
        try:
            value = await result
        except BaseException as error:
            self._close(call, error)
            raise
        self._close(call)
        return value

    def _submission(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(getattr(original, "__func__", original))
        def submit(_client: Client, /, *args: Any, **kwargs: Any) -> Any:
            token = self._annotate(args, kwargs)
            try:
                return original(*args, **kwargs)
            finally:
                if token is not None:
                    self._take_back(token)

        return submit

    def _annotate(
        self, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Token[dict[str, Any] | None] | None:
        """Tell scheduler and workers whose the tasks are that are about to be submitted."""
        try:
            call = self._caller.inside()
            if call is None:
                return None
            call.n += private.key_count(args, kwargs)
            return private.annotate(ANNOTATION, self._carrier(call))
        except Exception as error:  # noqa: BLE001 - nothing here can fail a call
            self.emitter.failed("Annotating tasks", error)
            return None

    def _take_back(self, token: Token[dict[str, Any] | None]) -> None:
        try:
            private.take_back(token)
        except Exception as error:  # noqa: BLE001 - what was submitted is on its way
            self.emitter.failed("Annotating tasks", error)

    def _carrier(self, call: Call) -> dict[str, str]:
        carrier: dict[str, str] = {}
        try:
            call.inject(carrier)
        except Exception as error:  # noqa: BLE001 - a propagator can be anybody's
            self.emitter.failed("Propagating a call", error)
        if TRACEPARENT not in carrier:
            carrier[TRACEPARENT] = call.traceparent()
        return carrier

    def _open(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Call, Token[Context]] | None:
        """Begin a call and make it the current one; None when it is not to be watched."""
        if not self._overrides:
            return None
        try:
            outside = contexts.get_current()
            call = self._caller.call(name, outside)
            if call is None:
                return None
            if name in names.CLIENT_REQUESTS:
                call.n = reading.value_count(args, kwargs)
            return call, call.enter(outside)
        except Exception as error:  # noqa: BLE001 - nothing here can fail a call
            self.emitter.failed("Beginning a call", error)
            return None

    def _close(self, call: Call, error: BaseException | None = None) -> None:
        try:
            call.is_open = False
            if call.sampled:
                failure = None if error is None else reading.failure(error)
                self.emitter.record(call.event(failure))
        except Exception as problem:  # noqa: BLE001 - nothing here can fail a call
            self.emitter.failed("Recording a call", problem, 1)
