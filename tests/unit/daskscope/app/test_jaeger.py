from __future__ import annotations

import pytest

from daskscope.app.jaeger import is_page, trace_url

TRACE, SPAN = "7f3ac2d190b84e6fa1d27c553e0b9f14", "c41e07aa5d93f2b8"


def test_the_page_of_a_trace_has_one_span_marked() -> None:
    assert (
        trace_url("http://127.0.0.1:16686", TRACE, SPAN)
        == f"http://127.0.0.1:16686/trace/{TRACE}?uiFind={SPAN}"
    )
    assert trace_url("https://j.example/ui/", TRACE, SPAN).startswith(
        "https://j.example/ui/trace/7"
    )


@pytest.mark.parametrize(
    ("trace", "span"),
    [
        ("", ""),
        (TRACE, ""),
        (TRACE, f"{SPAN}&x=1"),
        (f"{TRACE}/..", SPAN),
        (TRACE.upper(), SPAN),
        (f"{TRACE}\n", SPAN),
        (TRACE[:-1], SPAN),
        ("javascript:alert(1)", SPAN),
    ],
)
def test_what_is_no_id_is_not_opened(trace: str, span: str) -> None:
    assert trace_url("http://127.0.0.1:16686", trace, span) == ""


@pytest.mark.parametrize("url", ["http://127.0.0.1:16686", "https://jaeger.example/ui/"])
def test_a_base_is_a_page_of_the_web(url: str) -> None:
    assert is_page(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:16686",
        "file:///etc/passwd",
        "http://",
        "http://a:b",
        "http://a/?q=1",
        "http://a b",
    ],
)
def test_anything_else_is_not(url: str) -> None:
    assert not is_page(url)
