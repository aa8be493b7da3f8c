from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import pytest

from dask_otel.config import Protocol, Target
from dask_otel.outputs import link
from tests.certificates import Authority, Certificate, ServerTls
from tests.endpoints import dead
from tests.sinks import GrpcSink, HttpSink

if TYPE_CHECKING:
    from pathlib import Path

WAYS: list[tuple[Protocol, type[HttpSink] | type[GrpcSink]]] = [
    ("http/protobuf", HttpSink),
    ("grpc", GrpcSink),
]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority: Authority) -> Certificate:
    return authority.signed("server")


def opened(protocol: Protocol, endpoint: str) -> link.Link:
    path = "/v1/traces" if protocol == "http/protobuf" else ""
    return link.Link("traces", Target(protocol, f"{endpoint}{path}"))


def send(protocol: Protocol, endpoint: str, n_times: int = 1) -> list[bool]:
    """Whether each of some requests was taken."""
    tested = opened(protocol, endpoint)
    accepted = [tested.send(b"", time.monotonic() + 5).accepted for _ in range(n_times)]
    tested.close()
    return accepted


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == link.__name__]


@pytest.mark.parametrize(("protocol", "make_sink"), WAYS)
def test_a_server_that_a_known_authority_vouches_for_gets_all(
    protocol: Protocol,
    make_sink: type[HttpSink] | type[GrpcSink],
    authority: Authority,
    server: Certificate,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(authority.own.certificate))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.certificate))  # of other work
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20token")
    with make_sink(tls=ServerTls(server)) as sink:
        assert sink.endpoint.startswith("https:")
        assert send(protocol, sink.endpoint, 2) == [True, True]
    assert [headers["authorization"] for headers in sink.headers] == ["Bearer token"] * 2
    assert lines(caplog) == []


@pytest.mark.parametrize(("protocol", "make_sink"), WAYS)
def test_a_server_that_nobody_vouches_for_gets_nothing_and_one_line_says_so(
    protocol: Protocol,
    make_sink: type[HttpSink] | type[GrpcSink],
    server: Certificate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    stranger = Authority(tmp_path, "stranger")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(stranger.own.certificate))
    with make_sink(tls=ServerTls(server)) as sink:
        assert send(protocol, sink.endpoint, 3) == [False] * 3
    assert sink.requests == []
    (line,) = lines(caplog)
    host = sink.endpoint.partition("//")[2]
    assert line.startswith(f"Traces for {host} are kept until it answers: ")
    assert "certificate" in line.lower() or "ssl" in line.lower()


@pytest.mark.parametrize(("protocol", "make_sink"), WAYS)
def test_a_server_that_asks_who_we_are_is_told(
    protocol: Protocol,
    make_sink: type[HttpSink] | type[GrpcSink],
    authority: Authority,
    server: Certificate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(authority.own.certificate))
    client = authority.signed("client")
    with make_sink(tls=ServerTls(server, clients_of=authority)) as sink:
        assert send(protocol, sink.endpoint) == [False]
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", str(client.key))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", str(client.certificate))
        assert send(protocol, sink.endpoint) == [True]


def test_after_a_failure_it_waits_as_long_as_it_is_asked_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link, "PAUSE_S", 0.2)
    with HttpSink(answer=lambda _signal: 503) as sink:
        tested = opened("http/protobuf", sink.endpoint)
        assert tested.ready(None)
        tested.send(b"", None)
        assert not tested.ready(None)
        assert tested.ready(time.monotonic() + 1)  # the last time it always tries
        assert not tested.ready(time.monotonic() - 1)
        time.sleep(0.25)
        assert tested.ready(None)
        tested.close()
    assert not tested.ready(time.monotonic() + 1)


def test_an_endpoint_that_refuses_everything_is_not_asked_all_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link, "PAUSE_S", 0.2)
    with HttpSink(answer=lambda _signal: 404) as sink:
        tested = opened("http/protobuf", sink.endpoint)
        tested.send(b"", None)
        assert tested.ready(None)  # what is next may be fine
        tested.send(b"", None)
        assert not tested.ready(None)
        time.sleep(0.25)
        assert tested.ready(None)
        sink.answer = lambda _signal: 200
        tested.send(b"", None)
        assert tested.ready(None)
        tested.close()


def test_where_nobody_named_an_endpoint_none_is_no_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, link.__name__)
    for is_default in (True, False):
        with dead() as endpoint:
            tested = link.Link("traces", Target("grpc", endpoint, is_default))
            tested.send(b"", time.monotonic() + 1)
            tested.close()
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING"]
