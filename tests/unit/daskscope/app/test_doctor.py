"""What doctor says of things that are not what they should be: one finding each, no traceback."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from daskscope.app import doctor
from daskscope.app.doctor import Targets, examine

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def page() -> Iterator[str]:
    """URL of a server whose every answer is a page."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/no-http"):
                self.wfile.write(b"\x00\x00\x12\x04 not HTTP\r\n\r\n")
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"[1]" if self.path.startswith("/list") else b"<!doctype html>")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def said(monkeypatch: pytest.MonkeyPatch, **targets: str) -> dict[str, tuple[str, str]]:
    """Verdict and text of each subject, Dask and Qt left out."""
    nothing = doctor.Finding("ok", "", "")
    monkeypatch.setattr(doctor, "_instrumentation", lambda: nothing)
    monkeypatch.setattr(doctor, "_qt", lambda: nothing)
    unused = {"http": "127.0.0.1:0", "grpc": "127.0.0.1:0"}
    nobody = dict.fromkeys(("collector", "endpoint", "jaeger"), "http://127.0.0.1:1")
    found = examine(Targets(**unused | nobody | targets))
    return {finding.subject: (finding.verdict, finding.text) for finding in found}


@pytest.mark.parametrize("path", ["", "/list"])
def test_a_page_is_not_jaeger(path: str, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict, text = said(monkeypatch, jaeger=page + path)["Jaeger"]

    assert verdict == "note"
    assert text == f"what answers at {page}{path} is not Jaeger's query service"


@pytest.mark.parametrize("url", ["{page}/no-http", "http://a b", "nonsense"])
def test_what_is_no_http_does_not_answer(
    url: str, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = url.format(page=page)
    found = said(monkeypatch, collector=url, jaeger=url)

    assert found["Collector"] == ("note", f"none answers at {url}")
    assert found["Jaeger"] == ("note", f"none answers at {url}")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_proxy_stands_between_this_machine_and_itself(
    host: str, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # where nobody listens
    monkeypatch.delenv("no_proxy", raising=False)
    url = page.replace("127.0.0.1", host)
    found = said(monkeypatch, collector=url, endpoint=url, jaeger=url)

    assert found["Collector"] == ("ok", f"answers at {url}")
    assert "is not Jaeger's" in found["Jaeger"][1]
    assert "HTTP Error 501" in found["Round trip"][1]  # the page's own word


def test_another_machine_is_asked_by_the_proxy(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", page)
    monkeypatch.delenv("no_proxy", raising=False)
    found = said(monkeypatch, jaeger="http://jaeger.invalid:16686")

    assert "is not Jaeger's" in found["Jaeger"][1]


def test_addresses_are_judged_as_the_receiver_does(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = said(monkeypatch, http="0.0.0.0:0", grpc="[::1]:x", collector=page)

    assert found["OTLP/HTTP port"][0] == found["OTLP/gRPC port"][0] == "fail"
    assert "other machines" in found["OTLP/HTTP port"][1]
    assert "HOST:PORT" in found["OTLP/gRPC port"][1]
    assert found["Round trip"][0] == "fail"


def test_an_endpoint_that_is_no_url_refuses_a_span(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict, text = said(monkeypatch, collector=page, endpoint="nonsense")["Round trip"]

    assert verdict == "fail"
    assert text.startswith("nonsense refuses a span")
