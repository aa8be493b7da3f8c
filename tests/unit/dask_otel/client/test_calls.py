from __future__ import annotations

import pytest
from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider, sampling
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState

from dask_otel import correlate
from dask_otel.client import calls
from dask_otel.client.calls import Call, Caller
from dask_otel.compat import otlp

NOWHERE = Context()


class Counting(IdGenerator):
    """1, 2, 3 ..., as a provider for a backend that wants its own ids."""

    n = 0

    def generate_span_id(self) -> int:
        self.n += 1
        return self.n

    generate_trace_id = generate_span_id


def begun(caller: Caller, outside: Context = NOWHERE) -> Call:
    call = caller.call("submit", outside)
    assert call is not None
    return call


def parent(sampled: bool = True) -> Context:
    flags = TraceFlags(sampled | 2)  # 2: its trace id is random
    span = SpanContext(7, 8, False, flags, TraceState([("vendor", "x")]))
    return trace.set_span_in_context(NonRecordingSpan(span), NOWHERE)


def test_a_call_outside_any_span_is_the_root_of_a_trace_of_its_own() -> None:
    caller = Caller("c")
    first, second = begun(caller).event(None), begun(caller).event(None)
    assert (first.name, first.client, first.parent_id) == ("submit", "c", None)
    assert len({first.trace_id, second.trace_id, bytes(16)}) == 3
    assert len({first.span_id, second.span_id, bytes(8)}) == 3
    assert 0 <= first.stop_s - first.start_s < 1


@pytest.mark.parametrize("sampled", [True, False])
def test_a_call_inside_a_span_is_its_child_and_sampled_as_it_is(sampled: bool) -> None:
    call = begun(Caller("c"), parent(sampled))
    event = call.event(None)
    assert (int.from_bytes(event.trace_id, "big"), event.parent_id) == (7, bytes(7) + b"\x08")
    assert call.sampled is sampled
    place = correlate.place(call.traceparent())
    assert (place.trace_id, place.parent_id, place.sampled) == (
        event.trace_id,
        event.span_id,
        sampled,
    )
    carrier: dict[str, str] = {}
    call.inject(carrier)
    flags = f"{sampled | 2:02x}"
    assert carrier == {"traceparent": call.traceparent()[:-2] + flags, "tracestate": "vendor=x"}


def test_the_ids_and_the_sampler_are_the_providers() -> None:
    provider = TracerProvider(
        sampler=sampling.ALWAYS_OFF, id_generator=Counting(), shutdown_on_exit=False
    )
    call = begun(Caller("c", provider))
    assert call.traceparent() == f"00-{1:032x}-{2:016x}-00"
    assert not call.sampled
    assert not begun(Caller("c", provider), parent(sampled=True)).sampled


def test_a_call_says_what_its_sampler_wants_to_be_said() -> None:
    class Saying(sampling.StaticSampler):
        def should_sample(self, *_: object, **__: object) -> sampling.SamplingResult:
            return sampling.SamplingResult(self._decision, {"rate": 4})

    provider = TracerProvider(
        sampler=Saying(sampling.Decision.RECORD_AND_SAMPLE), shutdown_on_exit=False
    )
    assert begun(Caller("c", provider)).event(None).attributes == {"rate": 4}


def test_a_sampler_is_asked_of_the_kind_that_the_span_will_have() -> None:
    asked: list[object] = []

    class Asked(sampling.StaticSampler):
        def should_sample(  # type: ignore[override]
            self, parent_context: object, trace_id: int, name: str, kind: object, *_: object
        ) -> sampling.SamplingResult:
            asked.append((name, kind))
            return sampling.SamplingResult(self._decision)

    sampler: sampling.Sampler = Asked(sampling.Decision.RECORD_AND_SAMPLE)
    caller = Caller("c", TracerProvider(sampler=sampler, shutdown_on_exit=False))
    for name in ("persist", "gather"):
        assert caller.call(name, NOWHERE) is not None
    assert asked == [
        ("dask.client.persist", trace.SpanKind.PRODUCER),
        ("dask.client.gather", trace.SpanKind.CLIENT),
    ]


def test_a_provider_that_is_not_the_sdks_leaves_it_to_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    calls._environment.cache_clear()
    try:
        assert not begun(Caller("c", trace.NoOpTracerProvider())).sampled
    finally:
        calls._environment.cache_clear()


def test_a_call_inside_another_one_of_the_same_client_is_part_of_it() -> None:
    caller, other = Caller("c"), Caller("other")
    call = begun(caller)
    token = call.enter(NOWHERE)
    try:
        inside = contexts.get_current()
        assert trace.get_current_span() is call.span
        assert caller.inside() is call
        assert caller.call("gather", inside) is None
        assert other.inside() is None
        assert begun(other, inside).event(None).parent_id == call.event(None).span_id
    finally:
        contexts.detach(token)
    assert caller.inside() is None
    # A context may be kept by what the call has begun in the event loop.
    call.is_open = False
    assert begun(caller, inside).name == "submit"


def test_what_forbids_instrumentation_forbids_this_one() -> None:
    context = contexts.set_value(otlp.SUPPRESS_INSTRUMENTATION, True, NOWHERE)
    assert Caller("c").call("submit", context) is None
