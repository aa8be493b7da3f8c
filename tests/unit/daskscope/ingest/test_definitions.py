from __future__ import annotations

from itertools import pairwise

from dask_otel import conventions
from daskscope.ingest.definitions import (
    MAX_KNOWN_UTF8,
    MOST_ENTRIES,
    MOST_RESOURCES,
    Mark,
    Tables,
    parts,
)
from daskscope.store.schema import Definitions, Series
from daskscope.store.writer import Store
from tests.telemetry import trace_id


def test_ids_are_dense_in_order_of_first_use() -> None:
    tables = Tables()
    assert [tables.strings[text] for text in ("", "a", "b", "a", "\x00", "𝄞")] == [0, 1, 2, 1, 3, 4]
    assert tables.utf8["𝄞".encode()] == 4
    assert tables.utf8[b"c"] == tables.strings["c"] == 5


def test_a_worker_is_the_newest_resource_with_its_address() -> None:
    tables = Tables()
    older = tables.resource({conventions.WORKER_ADDRESS: "tcp://w:1", "n": 1})
    assert tables.worker("tcp://w:1", 0) == older
    newer = tables.resource({conventions.WORKER_ADDRESS: "tcp://w:1", "n": 2})
    assert tables.worker("tcp://w:1", 0) == newer


def test_a_worker_is_that_of_the_cluster_of_who_speaks_of_it() -> None:
    tables = Tables()
    one, other = ({conventions.SERVICE_NAMESPACE: name} for name in ("one", "other"))
    schedulers = tables.resource(one), tables.resource(other)
    workers = [tables.resource({**one, conventions.WORKER_ADDRESS: "tcp://w:1"})]
    workers.append(tables.worker("tcp://w:1", schedulers[1]))

    assert tables.resources[workers[1]][conventions.SERVICE_NAMESPACE] == "other"
    assert [tables.worker("tcp://w:1", scheduler) for scheduler in schedulers] == workers


def test_a_worker_that_has_said_nothing_gets_a_resource_until_it_does() -> None:
    tables = Tables()
    scheduler = {
        conventions.SERVICE_NAMESPACE: "Scheduler-1",
        conventions.SCHEDULER_ADDRESS: "tcp://s:1",
    }
    tables.resource({**scheduler, conventions.SERVICE_NAME: conventions.SERVICE_SCHEDULER})
    made = tables.worker("tcp://w:1", 0)
    assert tables.resources[made] == {
        conventions.SERVICE_NAME: conventions.SERVICE_WORKER,
        **scheduler,
        conventions.WORKER_ADDRESS: "tcp://w:1",
    }
    assert tables.worker("tcp://w:1", 0) == made
    own = tables.resource({conventions.WORKER_ADDRESS: "tcp://w:1", conventions.WORKER_NAME: "w0"})
    assert tables.worker("tcp://w:1", 0) == own


def test_a_reader_knows_the_workers_too() -> None:
    tables, reader = Tables(), Tables()
    tables.resource({"service.name": "shop"})
    made = tables.worker("tcp://w:1", 0)
    definitions = tables.since(Mark(), tables.mark())
    assert definitions is not None
    reader.extend(definitions)
    assert reader.worker("tcp://w:1", 0) == made


def test_a_resource_is_the_same_in_any_order_of_its_attributes() -> None:
    tables = Tables()
    assert tables.resource({"a": 1, "b": ["x"]}) == 0
    assert tables.resource({"b": ["x"], "a": 1}) == 0
    assert tables.resource({"a": "1", "b": ["x"]}) == 1


def test_a_series_is_told_by_all_that_it_is() -> None:
    tables = Tables()
    base = Series("m", "By", 0, False, {"x": "1"})
    others = [
        Series("n", "By", 0, False, {"x": "1"}),
        Series("m", "s", 0, False, {"x": "1"}),
        Series("m", "By", 1, False, {"x": "1"}),
        Series("m", "By", 0, True, {"x": "1"}),
        Series("m", "By", 0, False, {"x": "2"}),
    ]
    assert [tables.series(series) for series in (base, *others, base)] == [0, 1, 2, 3, 4, 5, 0]


def test_increments_add_up_to_the_same_tables() -> None:
    tables, copy = Tables(), Tables()
    marks = [Mark()]
    for number in range(5):
        tables.strings[f"text {number}"]
        resource = tables.resource({"n": number})
        tables.traces[trace_id(number)]
        tables.series(Series("m", "", resource, False, {}))
        marks.append(tables.mark())
    for known, until in pairwise(marks):
        definitions = tables.since(known, until)
        assert definitions is not None
        copy.extend(definitions)
        assert copy.mark() == until
    assert tables.since(marks[-1], tables.mark()) is None
    assert copy.since(Mark(), copy.mark()) == tables.since(Mark(), tables.mark())
    assert max(marks) == marks[-1]


def test_the_cache_of_bytes_is_bounded_and_stays_right() -> None:
    tables = Tables()
    first = [tables.utf8[b"%d" % n] for n in range(MAX_KNOWN_UTF8 + 10)]
    again = [tables.utf8[b"%d" % n] for n in range(MAX_KNOWN_UTF8 + 10)]
    assert again == first
    assert len(tables.utf8) <= MAX_KNOWN_UTF8


def test_very_much_is_defined_in_parts_that_say_the_same() -> None:
    series = tuple(
        Series("dask.worker.threads", "1", number % 300, False, {}) for number in range(5_000)
    )
    resources = tuple({"dask.worker.address": f"tcp://w:{number}"} for number in range(300))
    strings = ("", *(f"text-{number}" for number in range(3_000)))
    traces = tuple(number.to_bytes(16, "big") for number in range(2_500))
    whole = Definitions(0, strings, 0, resources, 0, traces, 0, series)
    one, many = Store(), Store()
    one.apply(whole)
    for part in parts(whole):
        assert max(len(part.strings), len(part.traces), len(part.series)) <= MOST_ENTRIES
        assert len(part.resources) <= MOST_RESOURCES
        # Whatever a series is of is known before it.
        assert not part.series or len(many.snapshot().resources) == 300
        many.apply(part)
    for table in ("strings", "resources", "traces", "series"):
        assert [*getattr(many.snapshot(), table)] == [*getattr(one.snapshot(), table)]
    assert [*parts(Definitions(strings=("", "a")))] == [Definitions(strings=("", "a"))]
