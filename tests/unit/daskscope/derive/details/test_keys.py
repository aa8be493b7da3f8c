from __future__ import annotations

import pytest

from daskscope.derive.details.keys import short_key

HASH = "1aa99a81299c9c547b8f405bc29dfd9e"
UUID = "7de88f32-1f88-4105-b22b-17aac1a72969"


@pytest.mark.parametrize(
    ("prefix", "key", "shown"),
    [
        ("groupby-agg", f"('groupby-agg-{HASH}', 4)", "groupby-agg, 4"),
        ("", f"('groupby-agg-{HASH}', 4)", "groupby-agg, 4"),
        ("x", f"('x-{HASH}', 0, 1, 2)", "x, 0, 1, 2"),
        ("x", f"('x-{HASH}', (0, 1), 'a')", "x, (0, 1), 'a'"),
        ("x", f"('x-{HASH}', 4,)", "x, 4"),
        ("inc", f"inc-{HASH}", "inc, 1aa99a81"),
        ("", f"inc-{HASH}", "inc, 1aa99a81"),
        ("call_service", f"call_service-{UUID}-1", f"call_service-{UUID}-1"),
        ("call_service", f"call_service-{UUID}", "call_service, 7de88f32"),
        ("", HASH, HASH),
        ("load", "load", "load"),
        ("load", "", "load"),
        ("", "", ""),
        ("b", "('<b>bold</b>\n', 9)", "b, 9"),
        ("", "('it''s', 9)", "it''s, 9"),
    ],
)
def test_what_tells_a_key_from_its_like(prefix: str, key: str, shown: str) -> None:
    assert short_key(prefix, key) == shown


def test_a_long_key_is_read_as_far_as_it_is_shown() -> None:
    assert len(short_key("", "('" + "9" * 10_000_000 + "', 1)")) <= 210
