from __future__ import annotations

from hashlib import blake2b
from uuid import UUID, uuid4

import pytest
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased

from dask_otel import correlate


def test_a_dask_span_names_its_trace() -> None:
    uuid = uuid4()
    assert correlate.trace_id(str(uuid)) == uuid.bytes[8:] + uuid.bytes[:8]


def test_samplers_find_the_traces_of_dask_spans_spread_evenly() -> None:
    sampler = TraceIdRatioBased(0.25)
    traces = [int.from_bytes(correlate.trace_id(str(uuid4())), "big") for _ in range(2_000)]
    decisions = [sampler.should_sample(None, trace, "dask.graph").decision for trace in traces]
    n_sampled = decisions.count(Decision.RECORD_AND_SAMPLE)
    assert 350 < n_sampled < 650  # eight standard deviations


def test_any_other_name_is_hashed() -> None:
    for name in ("", "mine", "日本", "\udcff", str(UUID(int=0))):
        trace = correlate.trace_id(name)
        assert len(trace) == 16
        assert any(trace)
        assert trace == correlate.trace_id(name)
    assert correlate.trace_id("mine") != correlate.trace_id("yours")


@pytest.mark.parametrize(
    "origin",
    [
        f"00-{'ab' * 15}  -{'cd' * 8}-01",
        f"00-{'ab' * 16}-{'cd' * 7}  -01",
        f"00-{'00' * 16}-{'cd' * 8}-01",
        f"00-{'xy' * 16}-{'cd' * 8}-01",
        f"00_{'ab' * 16}_{'cd' * 8}_01",
    ],
)
def test_what_only_looks_like_a_traceparent_is_hashed(origin: str) -> None:
    place = correlate.place(origin)
    assert (len(place.trace_id), len(place.graph_id), place.parent_id) == (16, 8, None)
    assert place.trace_id == correlate.trace_id(origin)
    assert any(place.trace_id)


KEYS = [
    "1",
    1,
    b"1",
    ("1",),
    (1,),
    ("1", 1),
    ("1", "1"),
    "('1',)",
    "é",
    ("é", 1),
    ("a'b\n", 1.5, None),
    "e\u0301",
    "\udcff",
    "",
    (),
]


def test_attempts_of_different_keys_differ() -> None:
    ids = {correlate.attempt_span_id(key, run_id) for key in KEYS for run_id in (0, 1, 11)}
    assert len(ids) == 3 * len(KEYS)
    assert {len(found) for found in ids} == {8}


def test_an_attempt_has_the_id_that_other_versions_give_it() -> None:
    for key, written in ((("x", 1), b"('x', 1)"), ("é", rb"'\xe9'"), (3, b"3")):
        hashed = blake2b(b"('attempt', " + written + b", 7)", digest_size=8)
        assert correlate.attempt_span_id(key, 7) == hashed.digest()


def test_an_attempt_has_the_same_id_whether_its_key_is_there_as_text_or_not() -> None:
    for key in KEYS:
        said = correlate.attempt_span_id(key, 7, str(key))
        assert said == correlate.attempt_span_id(key, 7), key


def test_graphs_of_a_trace_differ() -> None:
    trace = uuid4().bytes
    places = [(parent, n) for parent in (None, b"a" * 8, b"b" * 8) for n in (0, 1, 2)]
    assert len({correlate.graph_span_id(trace, *place) for place in places}) == len(places)


def test_transfers_differ_by_receiver_and_time() -> None:
    first = ("tcp://a:1", "tcp://b:2", 1_000, 2_000)
    others = [
        ("tcp://c:1", "tcp://b:2", 1_000, 2_000),
        ("tcp://a:1", "tcp://c:2", 1_000, 2_000),
        ("tcp://a:1", "tcp://b:2", 1_001, 2_000),
        ("tcp://a:1", "tcp://b:2", 1_000, 2_001),
    ]
    ids = {correlate.transfer_span_id(*found) for found in (first, *others)}
    assert len(ids) == 5


def test_ids_are_a_contract_between_processes_and_versions() -> None:
    assert correlate.attempt_span_id(("x-1", 0), 3).hex() == ATTEMPT
    assert correlate.graph_span_id(b"\x01" * 16).hex() == GRAPH


ATTEMPT = "4bea1fb5e364ded2"
GRAPH = "9d7d8a4ebd0f7aec"
