from __future__ import annotations

import inspect
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest
from dask.base import annotate, compute, get_annotations
from dask.delayed import delayed
from distributed import Client, LocalCluster
from opentelemetry import baggage, context, propagate, trace
from opentelemetry.sdk.trace import TracerProvider, sampling

from dask_otel import correlate
from dask_otel.client import adapter as module
from dask_otel.client.adapter import ClientAdapter
from dask_otel.compat import client as private
from dask_otel.events import ANNOTATION, ClientCall
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dask_otel.emit import Emitter

pytestmark = pytest.mark.cluster


class Recorder:
    """An emitter that keeps what it gets."""

    def __init__(self) -> None:
        self.calls: list[ClientCall] = []
        self.failures: list[str] = []
        self.n_lost = 0

    def record(self, event: ClientCall) -> None:
        self.calls.append(event)

    def failed(self, what: str, error: Exception, n_spans: int = 0) -> None:
        self.failures.append(f"{what}: {error}")
        self.n_lost += n_spans

    def stop(self) -> None:
        pass

    @property
    def seen(self) -> list[tuple[str, int]]:
        return [(call.name, call.n) for call in self.calls]


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0"
    ) as cluster:
        yield cluster


@pytest.fixture
def client(cluster: LocalCluster) -> Iterator[Client]:
    with Client(cluster) as client:
        yield client


@pytest.fixture
def recorder(client: Client) -> Iterator[Recorder]:
    recorder = Recorder()
    adapter = watch(client, recorder)
    yield recorder
    adapter.end()


def watch(
    client: Client, recorder: Recorder, provider: TracerProvider | None = None
) -> ClientAdapter:
    adapter = ClientAdapter(client, cast("Emitter", recorder), provider)
    adapter.begin()
    return adapter


def told(cluster: LocalCluster, key: object) -> dict[str, Any]:
    """The annotations of a task as the scheduler has them."""
    scheduler: Any = cluster.scheduler
    wait_for(lambda: key in scheduler.tasks)
    annotations: dict[str, Any] = scheduler.tasks[key].annotations
    return annotations


def fail(*_args: object, **_kwargs: object) -> Any:
    raise RuntimeError("broken")


CALLS: dict[str, tuple[Callable[[Client], Any], Any, tuple[str, int]]] = {
    "submit": (lambda c: c.submit(abs, -1).result(), 1, ("submit", 1)),
    "map": (lambda c: len(c.map(abs, range(5))), 5, ("map", 5)),
    "map in batches": (lambda c: len(c.map(abs, range(5), batch_size=2)), 5, ("map", 5)),
    "scatter": (lambda c: len(c.scatter([1, 2])), 2, ("scatter", 2)),
    "compute": (lambda c: c.compute(delayed(sum)([1])).result(), 1, ("compute", 1)),
    "compute and wait": (
        lambda c: c.compute([delayed(sum)([2])], sync=True),
        [2],
        ("compute", 1),
    ),
    "get": (lambda c: c.get({"x": (sum, [1, 2])}, "x"), 3, ("compute", 1)),
    "x.compute": (lambda _: delayed(sum)([3]).compute(), 3, ("compute", 1)),
    "dask.compute": (
        lambda _: compute(delayed(sum)([4]), delayed(sum)([5])),
        (4, 5),
        ("compute", 2),
    ),
    "scheduler=": (lambda c: delayed(sum)([6]).compute(scheduler=c), 6, ("compute", 1)),
    "persist": (lambda c: len(c.persist([delayed(sum)([7])])), 1, ("persist", 1)),
    "x.persist": (lambda _: len(delayed(sum)([8]).persist().dask), 1, ("persist", 1)),
    "executor": (lambda c: c.get_executor().submit(abs, -9).result(), 9, ("submit", 1)),
}


@pytest.mark.parametrize("name", CALLS)
def test_each_call_is_one_span_and_gives_what_it_gave(
    client: Client, recorder: Recorder, name: str
) -> None:
    call, value, seen = CALLS[name]
    assert call(client) == value
    assert recorder.seen == [seen]
    assert recorder.failures == []


def test_gather_is_a_span_of_its_own(client: Client, recorder: Recorder) -> None:
    futures = client.map(abs, [-1, -2])
    assert client.gather(futures) == [1, 2]
    assert client.gather(futures[0]) == 1
    assert list(client.gather(iter(futures))) == [1, 2]
    assert recorder.seen == [("map", 2), ("gather", 2), ("gather", 1)] + 3 * [("gather", 1)]


def test_a_call_that_raises_fails_with_the_same_error(client: Client, recorder: Recorder) -> None:
    with pytest.raises(TypeError, match="callable"):
        client.submit(cast("Any", 1))
    with pytest.raises(ZeroDivisionError):
        client.gather(client.submit(divmod, 1, 0))
    with pytest.raises(ZeroDivisionError):
        delayed(divmod)(2, 0).compute()
    assert [(call.name, call.failure and call.failure.text) for call in recorder.calls] == [
        ("submit", "TypeError('First input to submit must be a callable function')"),
        ("submit", None),
        ("gather", "ZeroDivisionError('integer division or modulo by zero')"),
        ("compute", "ZeroDivisionError('integer division or modulo by zero')"),
    ]
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_tasks_know_the_call_that_submitted_them(
    cluster: LocalCluster, client: Client, recorder: Recorder
) -> None:
    with annotate(priority=3, mine="yes"):
        one = client.submit(abs, -1)
    with carried("tenant", "blue"):
        two = client.submit(abs, -2)
    first, second = recorder.calls
    annotations = told(cluster, one.key)
    assert (annotations["priority"], annotations["mine"]) == (3, "yes")
    place = correlate.place(annotations[ANNOTATION]["traceparent"])
    assert (place.trace_id, place.parent_id) == (first.trace_id, first.span_id)
    assert told(cluster, two.key)[ANNOTATION]["baggage"] == "tenant=blue"
    assert second.trace_id.hex() in told(cluster, two.key)[ANNOTATION]["traceparent"]
    assert get_annotations() == {}


def test_what_is_made_of_persisted_collections_belongs_to_who_computes_it(
    cluster: LocalCluster, client: Client, recorder: Recorder
) -> None:
    kept = client.persist(delayed(sum)([1], dask_key_name="kept"))
    more = client.compute(delayed(abs)(kept, dask_key_name="more"))
    assert more.result() == 1
    persist, compute = recorder.calls
    assert persist.trace_id.hex() in told(cluster, "kept")[ANNOTATION]["traceparent"]
    assert compute.trace_id.hex() in told(cluster, more.key)[ANNOTATION]["traceparent"]


@pytest.mark.parametrize("sampled", [True, False])
def test_the_span_of_the_user_is_the_parent_and_decides(
    cluster: LocalCluster, client: Client, recorder: Recorder, sampled: bool
) -> None:
    chosen = sampling.ALWAYS_ON if sampled else sampling.ALWAYS_OFF
    tracer = TracerProvider(chosen, shutdown_on_exit=False).get_tracer("user")
    with tracer.start_as_current_span("work") as span:
        future = client.submit(abs, -3)
        assert trace.get_current_span() is span
    parent = span.get_span_context()
    place = correlate.place(told(cluster, future.key)[ANNOTATION]["traceparent"])
    assert int.from_bytes(place.trace_id, "big") == parent.trace_id
    assert place.sampled is sampled
    assert [int.from_bytes(call.parent_id or b"", "big") for call in recorder.calls] == (
        [parent.span_id] if sampled else []
    )


def test_a_sampler_that_drops_a_call_drops_its_tasks(cluster: LocalCluster, client: Client) -> None:
    recorder = Recorder()
    provider = TracerProvider(sampling.ALWAYS_OFF, shutdown_on_exit=False)
    adapter = watch(client, recorder, provider)
    future = client.submit(abs, -4)
    assert told(cluster, future.key)[ANNOTATION]["traceparent"].endswith("-00")
    assert recorder.calls == []
    adapter.end()


def test_the_span_is_current_for_what_runs_inside(client: Client, recorder: Recorder) -> None:
    seen = []

    class Work:
        def __reduce__(self) -> Any:
            seen.append(trace.get_current_span().get_span_context().span_id)
            return int, ()

    client.submit(abs, Work())
    assert seen
    assert {*seen} == {int.from_bytes(recorder.calls[0].span_id, "big")}


def test_two_clients_are_told_apart(cluster: LocalCluster, client: Client) -> None:
    one, two = Recorder(), Recorder()
    with Client(cluster, set_as_default=False) as other:
        adapters = watch(client, one), watch(other, two)
        client.submit(abs, -1)
        assert other.submit(abs, -2).result() == 2
        for adapter in adapters:
            adapter.end()
    assert [call.client for call in one.calls] == [client.id]
    assert [call.client for call in two.calls] == [other.id]


def test_the_end_leaves_the_client_as_it_was(client: Client) -> None:
    before = dict(vars(client))
    recorder = Recorder()
    adapter = watch(client, recorder)
    assert client.get.__self__ is client  # type: ignore[attr-defined]
    assert inspect.signature(client.submit) == inspect.signature(Client.submit.__get__(client))
    held = client.submit
    adapter.end()
    assert vars(client).keys() == before.keys()
    assert all(vars(client)[name] is value for name, value in before.items())
    assert held(abs, -1).result() == 1
    assert recorder.calls == []


async def test_an_asynchronous_client(cluster: LocalCluster) -> None:
    recorder = Recorder()
    async with Client(cluster.scheduler_address, asynchronous=True) as client:
        adapter = watch(client, recorder)
        futures = client.map(abs, [-1, -2])
        waiting = client.gather(futures)
        assert recorder.seen == [("map", 2)]
        assert await waiting == [1, 2]
        assert await client.compute(delayed(sum)([1, 2])) == 3
        assert await client.submit(abs, -3) == 3
        await client.scatter([4])
        with pytest.raises(ZeroDivisionError):
            await client.gather(client.submit(divmod, 1, 0))
        adapter.end()
    assert recorder.seen == [
        ("map", 2),
        ("gather", 2),
        ("compute", 1),
        ("submit", 1),
        ("scatter", 1),
        ("submit", 1),
        ("gather", 1),
    ]
    assert recorder.calls[-1].failure is not None
    assert recorder.calls[1].stop_s >= recorder.calls[1].start_s


@pytest.mark.parametrize(
    "breaks",
    ["Caller.call", "Call.enter", "Caller.inside", "Call.event", "Call.inject"],
)
def test_what_breaks_in_here_reaches_no_call(
    monkeypatch: pytest.MonkeyPatch, client: Client, breaks: str
) -> None:
    kind, _, method = breaks.partition(".")
    monkeypatch.setattr(getattr(module, kind), method, fail)
    made: list[str] = []
    counted(monkeypatch, client, "submit", made)
    counted(monkeypatch, client, "gather", made)
    counted(monkeypatch, client, private.SUBMISSION, made)
    recorder = Recorder()
    adapter = watch(client, recorder)
    future = client.submit(abs, -7, key=f"once-{breaks}")
    assert client.gather([future]) == [7]
    adapter.end()
    assert made == ["submit", private.SUBMISSION, "gather"]
    assert recorder.failures
    assert all("broken" in failure for failure in recorder.failures)
    assert recorder.n_lost == (2 if breaks == "Call.event" else 0)


def counted(monkeypatch: pytest.MonkeyPatch, client: Client, method: str, made: list[str]) -> None:
    """Let `made` tell each time when Dask's own method is called."""
    original = getattr(client, method)

    def call(*args: Any, **kwargs: Any) -> Any:
        made.append(method)
        return original(*args, **kwargs)

    monkeypatch.setitem(vars(client), method, call)


def test_a_propagator_that_breaks_leaves_the_traceparent(
    monkeypatch: pytest.MonkeyPatch, cluster: LocalCluster, client: Client, recorder: Recorder
) -> None:
    monkeypatch.setattr(propagate, "inject", fail)
    future = client.submit(abs, -6)
    assert told(cluster, future.key)[ANNOTATION].keys() == {"traceparent"}
    assert recorder.seen == [("submit", 1)]


def test_a_dask_that_submits_in_another_way_is_said_once_and_works(
    monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    monkeypatch.setattr(private, "submission", lambda _: None)
    recorder = Recorder()
    adapter = watch(client, recorder)
    assert client.submit(abs, -5).result() == 5
    assert recorder.seen == [("submit", 0)]
    assert len(recorder.failures) == 1
    adapter.end()


@contextmanager
def carried(name: str, value: str) -> Iterator[None]:
    """Baggage of the user."""
    token = context.attach(baggage.set_baggage(name, value))
    yield
    context.detach(token)
