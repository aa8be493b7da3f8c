"""The page of a trace in Jaeger."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

_TRACE: Final = re.compile(r"[0-9a-f]{32}")
_SPAN: Final = re.compile(r"[0-9a-f]{16}")


def is_page(url: str) -> bool:
    """Whether a URL can be the base of Jaeger's pages."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    is_plain = not parts.query and not parts.fragment and not re.search(r"\s", url)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and is_plain


def trace_url(base: str, trace_id: str, span_id: str) -> str:
    """Where Jaeger shows a trace with one span marked, "" for ids that are none."""
    if not _TRACE.fullmatch(trace_id) or not _SPAN.fullmatch(span_id):
        return ""
    return f"{base.rstrip('/')}/trace/{trace_id}?uiFind={span_id}"
