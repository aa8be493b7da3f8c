"""Dask's own checks of its progress page, as far as they are about counts and geometry.

Source: `distributed/diagnostics/tests/test_progress_stream.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dask_otel import conventions as names
from daskscope.derive.progress import progress_frame, segments
from daskscope.predicate import Filter
from daskscope.store.schema import Kind, SourceStatus
from tests.builders import SECOND, T0
from tests.readings import AT_S, NOW, Cluster

if TYPE_CHECKING:
    from daskscope.derive.panels import ProgressRow
    from daskscope.store.snapshot import Snapshot


def rows(cluster: Cluster) -> dict[str, ProgressRow]:
    return {row.name: row for row in progress_frame(cluster.snapshot(), NOW).rows}


def cluster_of(prefix: str = "inc", **counts: int) -> Cluster:
    cluster = Cluster()
    cluster.tasks(prefix, **counts)
    return cluster


def test_cut_points_are_dasks() -> None:
    row = rows(cluster_of(memory=2, released=1, processing=1, queued=1))["inc"]
    assert segments(row) == (
        ("released", 0 / 5, 1 / 5),
        ("memory", 1 / 5, 3 / 5),
        ("processing", 3 / 5, 5 / 5),
    )


def test_erred_and_no_worker_have_their_own_parts() -> None:
    row = rows(cluster_of(memory=1, erred=1, processing=1, no_worker=1, waiting=1))["inc"]
    assert [part[0] for part in segments(row)] == [
        "memory",
        "erred",
        "processing",
        "no_worker",
        "waiting",
    ]


def test_texts_are_dasks() -> None:
    cluster = Cluster()
    cluster.tasks("inc", memory=2, released=1, processing=1, queued=1)
    cluster.tasks("dec", memory=1, released=1, waiting=2)
    cluster.tasks("add", memory=1)
    done = {name: row.done_text.replace("\u2009", " ") for name, row in rows(cluster).items()}
    assert done == {"inc": "3 / 5", "dec": "2 / 4", "add": "1 / 1"}


def test_rows_stand_in_order_of_first_appearance() -> None:
    cluster = Cluster()
    for prefix in ("slowinc", "dec", "add"):
        cluster.tasks(prefix, memory=1)
    assert list(rows(cluster)) == ["slowinc", "dec", "add"]


def test_what_is_computed_comes_first_and_what_is_over_last() -> None:
    cluster = Cluster()
    cluster.tasks("read", memory=9)
    cluster.tasks("write", waiting=9)
    cluster.tasks("sum", memory=1, waiting=8)
    cluster.tasks("fit", processing=1, waiting=8)
    cluster.tasks("embed", no_worker=8)

    def names_at(now_ns: int, is_live: bool = True) -> list[str]:
        snapshot = cluster.snapshot(status=SourceStatus(is_live))
        return [row.name for row in progress_frame(snapshot, now_ns).rows]

    # What was finished just now may go on at once, but not in a recording.
    assert names_at(NOW + 4 * SECOND) == ["read", "sum", "fit", "embed", "write"]
    assert names_at(NOW + 5 * SECOND) == ["sum", "fit", "embed", "write", "read"]
    assert names_at(NOW, is_live=False) == ["sum", "fit", "embed", "write", "read"]


def test_forgotten_tasks_still_count_as_done() -> None:
    row = rows(cluster_of(forgotten=7, memory=3))["inc"]
    assert (row.released, row.done, row.total, row.left_text) == (7, 10, 10, "done")


def test_a_task_that_no_worker_may_run() -> None:
    row = rows(cluster_of(no_worker=1))["inc"]
    assert (row.total, row.no_worker, row.left_text) == (1, 1, "no worker")


@pytest.mark.parametrize(
    ("n_running", "text"), [(None, "4\u2009s"), (1, "4\u2009s"), (0, "no worker")]
)
def test_what_waits_or_is_queued_while_there_is_no_worker_waits_for_one(
    n_running: int | None, text: str
) -> None:
    cluster = Cluster()
    cluster.tasks("inc", at_s=0, processing=100)
    cluster.tasks("inc", memory=60, waiting=20, queued=20)
    if n_running is not None:
        for state, count in (("running", n_running), ("paused", 0)):
            kinds = {names.WORKER_STATE: state}
            cluster.point(names.WORKERS, cluster.scheduler, AT_S, count, kinds)
    cluster.tasks("dec", memory=3)
    assert {name: row.left_text for name, row in rows(cluster).items()} == {
        "inc": text,
        "dec": "done",
    }


def test_erred_tasks_are_named_when_nothing_is_left() -> None:
    assert rows(cluster_of(memory=3, erred=2))["inc"].left_text == "2 erred"


def test_nothing_known_is_an_empty_frame() -> None:
    frame = progress_frame(Cluster().snapshot(), NOW)
    assert (frame.rows, frame.summary) == ((), "")


def test_a_prefix_without_tasks_has_no_row() -> None:
    assert rows(cluster_of()) == {}


@pytest.mark.parametrize("length", range(1, 2_001, 400))
def test_names_of_any_length_and_markup_stay_as_they_are(length: int) -> None:
    name = ("<b>\n&" * length)[:length]
    assert list(rows(cluster_of(name, memory=1))) == [name]


def test_a_thousand_prefixes_all_have_a_row() -> None:
    cluster = Cluster()
    for number in range(1_000):
        cluster.tasks(f"task-{number}", memory=1)
    frame = progress_frame(cluster.snapshot(), NOW)
    assert len(frame.rows) == 1_000
    assert len({row.slot for row in frame.rows}) == 1_000
    assert frame.summary == "1\u2009000\u2009/\u20091\u2009000 tasks"


def test_rate_is_what_was_done_in_the_last_seconds() -> None:
    cluster = Cluster()
    cluster.tasks("inc", at_s=0, processing=100)
    cluster.tasks("inc", at_s=AT_S - 5, memory=40, processing=60)
    cluster.tasks("inc", at_s=AT_S, memory=60, processing=40)
    row = rows(cluster)["inc"]
    assert row.rate_text == "4.0/s"
    assert row.left_text == "10\u2009s"


def test_slow_tasks_have_a_rate_over_the_last_minute() -> None:
    cluster = Cluster()
    cluster.tasks("fit", at_s=0, processing=4)
    cluster.tasks("fit", at_s=3, memory=2, processing=2)
    row = rows(cluster)["fit"]
    assert row.rate_text == "0.2/s"
    assert row.left_text == "10\u2009s"


def test_an_old_count_holds_until_a_newer_one_comes() -> None:
    cluster = Cluster()
    cluster.tasks("inc", at_s=0, memory=3)
    frame = progress_frame(cluster.snapshot(), NOW + 3_600 * SECOND)
    assert frame.rows[0].memory == 3


def silenced(cluster: Cluster, heard_s: float) -> Snapshot:
    """What is known when the scheduler of `cluster` has said nothing for long.

    There is another one that counts, if that was heard at all.
    """
    store = cluster.store()
    store.judge(T0 + round(heard_s * SECOND))
    return store.snapshot()


def half_done() -> Cluster:
    cluster = Cluster()
    cluster.tasks("inc", at_s=0, processing=100)
    cluster.tasks("inc", memory=60, processing=40)
    cluster.tasks("dec", memory=3)
    return cluster


def test_what_a_silent_scheduler_counts_has_no_time_left() -> None:
    cluster = half_done()
    for since_s, texts in ((AT_S, ("12.0/s", "4\u2009s")), (AT_S + 1, ("", "silent"))):
        inc, dec = progress_frame(silenced(cluster, since_s), NOW).rows
        assert (inc.rate_text, inc.left_text) == texts
        assert (inc.done, inc.total, inc.memory, inc.processing) == (60, 100, 60, 40)
        assert dec.left_text == "done"


def test_what_only_a_silent_scheduler_has_left_stands_below() -> None:
    cluster = half_done()
    other = cluster.source.resource({names.SERVICE_NAME: names.SERVICE_SCHEDULER, "id": "other"})
    kinds = {names.TASK_PREFIX: "new", names.TASK_STATE: "processing"}
    cluster.point(names.TASKS, other, AT_S + 20, 4, kinds)
    frame = progress_frame(silenced(cluster, AT_S + 10), NOW + 20 * SECOND)
    assert [row.name for row in frame.rows] == ["new", "inc", "dec"]


def test_a_scheduler_is_heard_by_whatever_it_says() -> None:
    cluster = half_done()
    cluster.point(names.EVENT_LOOP_LAG, cluster.scheduler, AT_S + 2, 0.1, {})
    inc, _ = progress_frame(silenced(cluster, AT_S + 1), NOW).rows
    assert inc.left_text == "4\u2009s"


def test_after_a_scheduler_that_is_silent_the_next_one_tells_what_is_left() -> None:
    cluster, later_s = half_done(), AT_S + 30
    other = cluster.source.resource({names.SERVICE_NAME: names.SERVICE_SCHEDULER, "id": "other"})

    def count(at_s: float, **counts: int) -> ProgressRow:
        for state in ("processing", "memory"):
            kinds = {names.TASK_PREFIX: "inc", names.TASK_STATE: state}
            cluster.point(names.TASKS, other, at_s, counts.get(state, 0), kinds)
        now_ns = T0 + round(at_s * SECOND)
        return progress_frame(silenced(cluster, later_s - 5), now_ns).rows[0]

    count(later_s, processing=50)
    row = count(later_s + 5, memory=25, processing=25)
    assert (row.done, row.total) == (85, 150)
    assert (row.rate_text, row.left_text) == ("5.0/s", "5\u2009s")
    row = count(later_s + 10, memory=50)
    assert (row.rate_text, row.left_text) == ("", "silent")


def test_two_schedulers_add_up() -> None:
    cluster = cluster_of(memory=3)
    other = cluster.source.resource({names.SERVICE_NAME: names.SERVICE_SCHEDULER})
    kinds = {names.TASK_PREFIX: "inc", names.TASK_STATE: "memory"}
    cluster.point(names.TASKS, other, AT_S, 4, kinds)
    assert rows(cluster)["inc"].memory == 7


def test_what_is_no_number_counts_nothing() -> None:
    cluster = cluster_of(memory=3)
    other = cluster.source.resource({names.SERVICE_NAME: names.SERVICE_SCHEDULER})
    kinds = {names.TASK_PREFIX: "inc", names.TASK_STATE: "memory"}
    cluster.point(names.TASKS, other, AT_S, float("nan"), kinds)
    assert rows(cluster)["inc"].memory == 3


@pytest.mark.parametrize(
    ("meant", "is_said"),
    [
        (Filter(), False),
        (Filter(frozenset({"inc"})), True),
        (Filter(least_ns=1), True),
        (Filter(hidden_kinds=frozenset({Kind.TRANSFER})), False),
        (Filter(hidden_kinds=frozenset({Kind.TRANSFER, Kind.COMPUTE})), True),
    ],
)
def test_that_hidden_tasks_are_counted_is_said(meant: Filter, is_said: bool) -> None:
    frame = progress_frame(cluster_of(memory=3).snapshot(), NOW, meant)

    assert frame.summary.endswith("hidden ones too") is is_said
    assert frame.rows[0].total == 3
