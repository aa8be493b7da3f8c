"""What a simulated cluster sends is what a cluster could have sent."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dask_otel import conventions as names
from dask_otel import correlate
from daskscope.ingest.decoder import Counts, Decoder, Numbered
from daskscope.ingest.envelope import Encoding, Signal
from daskscope.ingest.otlp import parse
from daskscope.simulate.cluster import Cluster
from daskscope.simulate.requests import MAX_BYTES, Request
from daskscope.simulate.session import Session
from tests.sinks import Sink

if TYPE_CHECKING:
    from tests.sinks import SeenSpan

ORIGIN_NS = 1_700_000_000 * 10**9
SECONDS = 12.0
#: Dask's clock, and so every time that is sent, is good to a microsecond.
TICK_NS = 1_000


def requests(seed: int = 3, rate: float = 1_500.0) -> list[Request]:
    return list(Session(Cluster(seed, 12, 3), rate, ORIGIN_NS).requests(SECONDS))


@cache
def seen() -> Sink:
    """Everything that the cluster of the default seed sends."""
    sink = Sink()
    for request in requests():
        sink.take(request.signal, request.body)
    return sink


@cache
def spans() -> dict[bytes, SeenSpan]:
    found = seen().spans()
    by_id = {one.span.span_id: one for one in found}
    assert len(by_id) == len(found)
    return by_id


def of_action(action: str) -> list[SeenSpan]:
    return [one for one in spans().values() if one.attributes.get(names.ACTION) == action]


def worker(one: SeenSpan) -> str:
    """Address of the worker that a span is about."""
    return str(one.attributes.get(names.WORKER_ADDRESS) or one.resource[names.WORKER_ADDRESS])


def attempts(*outcomes: str) -> list[SeenSpan]:
    found = of_action(names.ACTION_COMPUTE)
    return [one for one in found if one.attributes[names.TASK_OUTCOME] in outcomes or not outcomes]


def test_the_same_seed_sends_the_same_bytes() -> None:
    assert requests() == requests()
    assert [one.body for one in requests(seed=4)] != [one.body for one in requests()]


@pytest.mark.parametrize(("n_workers", "rate"), [(1, 50.0), (12, 1_500.0), (40, 20_000.0)])
def test_the_rate_is_what_was_asked_for(n_workers: int, rate: float) -> None:
    session = Session(Cluster(1, n_workers, 2), rate, ORIGIN_NS)
    n = sum(one.n_items for one in session.requests(20) if one.signal == "traces")
    assert n / 20 == pytest.approx(rate, rel=0.2)


def test_the_receiver_takes_it_as_it_is_counted_and_nothing_comes_twice() -> None:
    decoder = Decoder()
    for number, request in enumerate(requests(), 1):
        parsed = parse(Signal(request.signal), Encoding.PROTOBUF, request.body)
        group = decoder.decode([Numbered(number, 0, parsed)])
        decoder.accept(group)
        counts = Counts().plus(group, 1)
        assert counts.spans + counts.points + counts.events == request.n_items
        assert group.n_duplicates == 0
        assert not group.rejected
        assert len(request.body) < MAX_BYTES + 100_000


def test_requests_come_in_the_order_in_which_they_are_due() -> None:
    due = [one.due for one in requests()]
    assert due == sorted(due)
    assert due[-1] == SECONDS * 10**9


def test_all_kinds_of_spans_are_there() -> None:
    found = Counter(str(one.attributes[names.ACTION]) for one in spans().values())
    assert set(found) == {
        names.ACTION_COMPUTE,
        names.ACTION_TRANSFER,
        names.ACTION_SEND,
        names.ACTION_DISK_READ,
        names.ACTION_DISK_WRITE,
        names.ACTION_DESERIALIZE,
        names.ACTION_GRAPH,
        names.ACTION_CLIENT,
    }
    outcomes = {str(one.attributes[names.TASK_OUTCOME]) for one in attempts()}
    assert outcomes == {names.OUTCOME_FINISHED, names.OUTCOME_FAILED, names.OUTCOME_LOST}


def test_attempts_have_the_ids_that_their_keys_and_run_ids_give() -> None:
    for one in attempts():
        key, run_id = one.attributes[names.TASK_KEY], one.attributes[names.TASK_RUN_ID]
        assert one.span.span_id == correlate.attempt_span_id(key, run_id)


def test_a_thread_does_one_thing_at_a_time() -> None:
    by_thread: defaultdict[tuple[str, Any], list[tuple[int, int]]] = defaultdict(list)
    for one in (*attempts(), *of_action(names.ACTION_DESERIALIZE)):
        if one.attributes.get(names.TASK_EXECUTING) is not False:
            when = one.span.start_time_unix_nano, one.span.end_time_unix_nano
            by_thread[worker(one), one.attributes[names.THREAD_ID]].append(when)
    assert len(by_thread) >= 36
    for times in by_thread.values():
        for (_, end_ns), (start_ns, _) in pairwise(sorted(times)):
            assert end_ns <= start_ns


def test_a_task_begins_when_its_dependencies_are_there_and_links_to_them() -> None:
    arrived: defaultdict[tuple[str, str], int] = defaultdict(lambda: 2**63)
    for one in of_action(names.ACTION_TRANSFER):
        (key,) = one.attributes[names.TRANSFER_KEYS]
        where = worker(one), key
        arrived[where] = min(arrived[where], one.span.end_time_unix_nano)
    n_links = 0
    for one in attempts():
        assert len(one.span.links) == one.attributes[names.TASK_DEPENDENCY_COUNT]
        for link in one.span.links:
            made = spans()[link.span_id]
            (named,) = link.attributes
            assert named.value.string_value == made.attributes[names.TASK_KEY]
            assert link.trace_id == made.span.trace_id
            assert made.attributes[names.TASK_OUTCOME] == names.OUTCOME_FINISHED
            there_ns = made.span.end_time_unix_nano
            if worker(made) != worker(one):
                there_ns = arrived[worker(one), made.attributes[names.TASK_KEY]]
            assert there_ns <= one.span.start_time_unix_nano
            n_links += 1
    assert n_links > 5_000


def test_both_ends_of_a_transfer_tell_the_same() -> None:
    sends = {one.attributes[names.TRANSFER_ID]: one for one in of_action(names.ACTION_SEND)}
    transfers = of_action(names.ACTION_TRANSFER)
    assert len(sends) == len(transfers) > 100
    finished = {
        (worker(one), one.attributes[names.TASK_KEY]): one.span.end_time_unix_nano
        for one in attempts(names.OUTCOME_FINISHED)
    }
    for one in transfers:
        other = sends[one.attributes[names.TRANSFER_ID]]
        assert one.attributes[names.TRANSFER_PEER] == worker(other)
        assert other.attributes[names.TRANSFER_PEER] == worker(one)
        for name in (names.TRANSFER_BYTES, names.TRANSFER_KEYS, names.TRANSFER_KEY_COUNT):
            assert one.attributes[name] == other.attributes[name]
        assert one.span.start_time_unix_nano <= other.span.start_time_unix_nano
        assert other.span.end_time_unix_nano <= one.span.end_time_unix_nano
        (key,) = one.attributes[names.TRANSFER_KEYS]
        made_ns = finished[worker(other), key]
        assert made_ns <= one.span.start_time_unix_nano


def test_what_failed_or_was_lost_is_tried_again_unless_it_failed_for_good() -> None:
    tries: defaultdict[Any, list[SeenSpan]] = defaultdict(list)
    for one in attempts():
        tries[one.attributes[names.TASK_KEY]].append(one)
    run_ids = [one.attributes[names.TASK_RUN_ID] for one in attempts()]
    assert len(set(run_ids)) == len(run_ids)
    n_final = 0
    for key, of_task in tries.items():
        of_task.sort(key=lambda one: one.attributes[names.TASK_RUN_ID])
        *_, last = of_task
        for one in of_task[:-1]:
            is_lost = one.attributes[names.TASK_OUTCOME] == names.OUTCOME_LOST
            assert is_lost or one.span.end_time_unix_nano <= last.span.start_time_unix_nano
        if last.attributes[names.TASK_OUTCOME] == names.OUTCOME_FAILED:
            # Failed for good, or not yet tried again when the simulation stopped.
            n_final += key.startswith("to-parquet")
            still_ns = ORIGIN_NS + SECONDS * 10**9 - last.span.end_time_unix_nano
            assert key.startswith("to-parquet") or still_ns < 2 * 10**9
    assert n_final


def test_a_lost_worker_is_told_by_the_scheduler_and_comes_back() -> None:
    lost = attempts(names.OUTCOME_LOST)
    assert {one.resource[names.SERVICE_NAME] for one in lost} == {names.SERVICE_SCHEDULER}
    events = seen().logs()
    gone = [one for one in events if one.event_name == names.EVENT_WORKER_LOST]
    assert {worker(one) for one in lost} == {one.attributes[names.WORKER_ADDRESS] for one in gone}
    for event in gone:
        address, name = (event.attributes[n] for n in (names.WORKER_ADDRESS, names.WORKER_NAME))
        later = [
            one
            for one in spans().values()
            if one.resource.get(names.WORKER_ADDRESS) == address
            and one.span.start_time_unix_nano > event.time_ns
        ]
        assert later == []
        back = [
            one.attributes[names.WORKER_ADDRESS]
            for one in events
            if one.event_name == names.EVENT_WORKER_RESTARTED
            and one.attributes[names.WORKER_NAME] == name
        ]
        assert address not in back
    for event in events:
        if event.event_name == names.EVENT_WORKER_RESTARTED:
            starts = [
                one.span.start_time_unix_nano
                for one in spans().values()
                if one.resource.get(names.WORKER_ADDRESS) == event.attributes[names.WORKER_ADDRESS]
            ]
            assert min(starts, default=event.time_ns) >= event.time_ns


def test_parents_are_sent_when_their_graph_has_ended() -> None:
    graphs = of_action(names.ACTION_GRAPH)
    ended = {one.span.trace_id for one in graphs}
    for one in spans().values():
        if one.span.trace_id in ended and one.span.parent_span_id:
            assert one.span.parent_span_id in spans()
    told = Counter(one.span.trace_id for one in attempts(names.OUTCOME_FINISHED))
    for one in graphs:
        assert told[one.span.trace_id] >= 0.9 * one.attributes[names.GRAPH_TASKS]


def test_progress_adds_up_to_the_tasks_of_all_graphs() -> None:
    newest: dict[tuple[str, str], float] = {}
    for point in seen().points():
        if point.metric == names.TASKS.name:
            prefix, state = (point.attributes[n] for n in (names.TASK_PREFIX, names.TASK_STATE))
            newest[prefix, state] = point.value
            assert point.value >= 0
    submitted = sum(
        int(one.attributes[names.GRAPH_TASKS])
        for one in seen().logs()
        if one.event_name == names.EVENT_GRAPH_SUBMITTED
    )
    assert sum(newest.values()) == submitted


def test_running_attempts_are_those_that_end_later() -> None:
    ends = {
        (one.attributes[names.TASK_KEY], one.attributes[names.TASK_RUN_ID]): one.span
        for one in attempts()
    }
    n_found = 0
    for record in seen().logs():
        if record.event_name != names.EVENT_RUNNING:
            continue
        said = record.attributes
        columns = (
            said[names.RUNNING_KEYS],
            said[names.RUNNING_RUN_IDS],
            said[names.RUNNING_STARTS],
        )
        for key, run_id, start_ns in zip(*columns, strict=True):
            span = ends.get((key, run_id))
            if span is not None:
                assert span.start_time_unix_nano == start_ns
                assert start_ns <= record.time_ns <= span.end_time_unix_nano + TICK_NS
                n_found += 1
    assert n_found


def test_very_many_workers_are_each_heard_within_ten_seconds() -> None:
    session = Session(Cluster(1, 5_000, 1), 2_000.0, ORIGIN_NS)
    sink = Sink()
    n = np.zeros(100)
    for request in session.requests(10):
        if request.signal == "metrics":
            sink.take(request.signal, request.body)
            n[request.due // 10**8 - 1] += request.n_items
    heard = {point.resource.get(names.WORKER_ADDRESS) for point in sink.points()}
    assert len(heard - {None}) == 5_000
    assert n.max() < 10_000


def test_a_host_measures_all_that_its_workers_move() -> None:
    """Each worker tells twice a second what went through its host in that half second."""
    counted: defaultdict[str, dict[tuple[str, str], float]] = defaultdict(dict)
    measured: defaultdict[tuple[str, str], float] = defaultdict(float)
    for point in seen().points():
        host, address = (
            str(point.resource.get(name)) for name in (names.HOST_NAME, names.WORKER_ADDRESS)
        )
        way = str(point.attributes.get(names.NETWORK_IO_DIRECTION))
        if point.metric == names.TRANSFER_IO.name:
            counted[host][address, way] = point.value
        elif point.metric == names.HOST_NETWORK_RATE.name and way == names.RECEIVE:
            measured[host, address] += point.value / 2
    of_host = {
        host: sum(value for (_, way), value in told.items() if way == names.RECEIVE)
        for host, told in counted.items()
    }
    # Who was lost, or came later, has heard less.
    most = {host: max(v for (h, _), v in measured.items() if h == host) for host in of_host}

    assert most == pytest.approx(of_host, rel=0.1)
