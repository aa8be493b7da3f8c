"""What a cluster and a terminal see of `attach` where its client or its scheduler goes."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

import dask.config
import pytest
from distributed import Client, LocalCluster
from distributed.comm.core import CommClosedError

from dask_otel import attach, preload
from tests.waiting import wait_for

ENDPOINT = "http://127.0.0.1:1"


@pytest.mark.cluster
def test_a_client_that_went_while_it_attached_keeps_no_other_out() -> None:
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        (worker,) = cluster.workers.values()
        client.register_plugin(attach.Attachment("Client-that-has-gone", ENDPOINT, None))
        wait_for(lambda: not preload.is_instrumented(cluster.scheduler))
        assert not preload.is_instrumented(worker)
        assert attach.NAME not in {*cluster.scheduler.plugins, *cluster.scheduler.worker_plugins}
        assert attach.join(client, ENDPOINT, None).startswith("attached: the scheduler and 1 work")
        assert preload.is_instrumented(worker)
        client.run_on_scheduler(attach.leave)


class Lost(Client):
    """A client whose scheduler goes when it is asked for something."""

    status = "running"

    def __init__(self, *_: Any, **__: Any) -> None:
        """Connect to nobody."""

    def __enter__(self) -> Lost:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""

    def __del__(self) -> None:
        """Nothing to close."""

    def run_on_scheduler(self, *_: Any, **__: Any) -> Any:
        raise CommClosedError("in <TCP>: Stream is closed")


def test_a_scheduler_that_goes_meanwhile_costs_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(attach, "Client", Lost)
    # It has a process of its own: here it is not to change this one.
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(threading.Thread, "start", lambda _: None)
    monkeypatch.setattr(dask.config, "set", lambda _: None)
    monkeypatch.setattr(logging.getLogger("distributed"), "setLevel", lambda _: None)
    assert attach.run("tcp://127.0.0.1:1", ENDPOINT, None) == 1
    assert capsys.readouterr().err == "in <TCP>: Stream is closed\n"


def test_a_scheduler_that_goes_at_the_end_takes_everything_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(attach, "Client", Lost)
    monkeypatch.setattr(attach, "join", lambda *_: "attached")
    ended = threading.Event()
    ended.set()
    attach.attach("tcp://127.0.0.1:1", ENDPOINT, None, ended)
