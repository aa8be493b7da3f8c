"""Each private name of the client that `dask_otel` touches, on a real one."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from dask.base import annotate, get_annotations, persist
from dask.delayed import delayed
from distributed import Client, LocalCluster

from dask_otel.compat import client as private

pytestmark = pytest.mark.cluster


def test_all_that_a_client_submits_goes_through_one_method_with_what_is_annotated() -> None:
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        scheduler: Any = cluster.scheduler
        submission = private.submission(client)
        assert submission is not None
        assert list(inspect.signature(submission).parameters)[:2] == ["expr", "keys"]
        n_keys = []

        def submit(*args: object, **kwargs: object) -> object:
            n_keys.append(private.key_count(args, kwargs))
            token = private.annotate("mine", len(n_keys))
            try:
                return submission(*args, **kwargs)
            finally:
                private.take_back(token)

        vars(client)[private.SUBMISSION] = submit
        work = delayed(sum)
        with annotate(theirs=0):
            submitted = [
                client.submit(abs, -1),
                client.map(abs, [-1, -2]),
                client.compute(work([3])),
                client.persist(work([4])),
            ]
            work([5]).compute()
            persist(work([6]))
        assert n_keys == [1, 2, 1, 1, 1, 1]
        assert get_annotations() == {}
        told = [ts.annotations for ts in scheduler.tasks.values() if ts.key == submitted[0].key]
        assert told == [{"theirs": 0, "mine": 1}]


def test_a_dask_without_that_method_is_told_apart() -> None:
    assert private.submission(object()) is None  # type: ignore[arg-type]
