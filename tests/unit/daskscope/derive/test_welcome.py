from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from daskscope.derive.welcome import Run, code_runs, past_session, recipes, welcome_frame, when
from daskscope.store.schema import SourceStatus

SECOND = 1_000_000_000
NOW = int(datetime(2026, 11, 23, 14, 30).astimezone().timestamp()) * SECOND
DAY = 86_400 * SECOND
STATUS = SourceStatus(is_live=True, http=("127.0.0.1:4328",), requests=3, points=148)


def code(title: str, http: tuple[str, ...] = ("127.0.0.1:9999",)) -> str:
    (recipe,) = [recipe for recipe in recipes(http) if recipe.title == title]
    return "\n".join(text for _, text in recipe.blocks)


def test_lines_to_paste_hold_the_address_listened_on() -> None:
    assert code("Any script").split("\n") == [
        "export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9999",
        "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
        "python your_script.py",
        "python -m dask_otel status",
    ]


def test_nothing_has_to_be_said_to_a_window_that_holds_the_standard_port() -> None:
    """Where daskscope is installed, Dask starts it, and it sends to that port."""
    frame = welcome_frame(replace(STATUS, grpc=("127.0.0.1:4327", "127.0.0.1:4317")), NOW)
    lines = {recipe.title: [text for _, text in recipe.blocks] for recipe in frame.recipes}

    assert lines["Any script"][0] == "python your_script.py"
    assert lines["dask worker"] == ["dask scheduler", "dask worker tcp://SCHEDULER:8786"]
    assert lines["Collector"][1] == "python your_script.py"
    assert lines["Another machine"][1].startswith("export OTEL_EXPORTER_OTLP_ENDPOINT=")


@pytest.mark.parametrize(
    ("parts", "title", "sentence"),
    [
        ({"progress": 0.4}, "Reading run.dscope", "No task has been found so far."),
        ({}, "No task in run.dscope", ""),
        ({"part": "0:09 to 0:12"}, "No task in run.dscope", "Nothing happened from 0:09 to 0:12."),
        ({"progress": 0.4, "problem": "no disk"}, "run.dscope cannot be read", "no disk"),
    ],
)
def test_a_recording_with_nothing_in_it_says_so(
    parts: dict[str, Any], title: str, sentence: str
) -> None:
    frame = welcome_frame(SourceStatus(is_live=False, journal_path="/a/run.dscope", **parts), NOW)

    assert (frame.title, frame.sentence) == (title, sentence)
    assert not frame.recipes


def test_a_wildcard_address_is_nothing_to_send_to() -> None:
    assert "0.0.0.0" not in code("Any script", ("0.0.0.0:4328",))
    assert "http://127.0.0.1:4328" in code("Any script", ("0.0.0.0:4328",))


def test_no_line_asks_for_what_dask_does_by_itself() -> None:
    assert "preload" not in "".join(code(recipe.title).lower() for recipe in recipes(()))


def test_ssh_brings_the_port_to_the_other_machine() -> None:
    assert "ssh -R 9999:127.0.0.1:9999 USER@HOST" in code("Another machine")


def test_a_collector_needs_the_port_that_this_window_holds() -> None:
    def caption(http: tuple[str, ...]) -> str:
        return next(recipe for recipe in recipes(http) if recipe.is_through_collector).blocks[0][0]

    assert "4318" not in caption(("127.0.0.1:4328",))
    assert "holds its port 4318" in caption(("127.0.0.1:4328", "127.0.0.1:4318"))


def test_counters_count_live() -> None:
    frame = welcome_frame(replace(STATUS, last_request_ns=NOW - SECOND // 2), NOW)
    assert frame.counters[0] == ("Requests received", "3", "last 500\u2009ms ago")
    assert frame.counters[1][:2] == ("Metric points", "148")
    assert frame.has_received
    assert not welcome_frame(replace(STATUS, requests=0), NOW).has_received


@pytest.mark.parametrize(
    ("age", "expected"),
    [(0, "Today 14:30"), (DAY, "Yesterday 14:30"), (5 * DAY, "18 Nov 14:30"), (400 * DAY, "2025")],
)
def test_days_are_told_as_people_do(age: int, expected: str) -> None:
    assert when(NOW - age, NOW).endswith(expected)


def test_a_recording_is_described() -> None:
    run = Run("/data/nightly <b>.dscope", NOW - DAY, NOW - DAY + 252 * SECOND, 12_408, 8, False)
    shown = past_session(run, NOW)
    assert shown.title == "nightly <b>.dscope"
    assert shown.detail.replace("\u2009", " ") == "Yesterday 14:30, 4:12, 12 408 tasks, 8 erred"


def test_an_unended_session_is_offered() -> None:
    shown = past_session(Run("/data/x.dscope", NOW, NOW, 1, 0, True), NOW)
    assert (shown.title, shown.is_recovered) == ("Session that ended unexpectedly", True)


def test_what_has_to_be_replaced_stands_out() -> None:
    assert code_runs("ssh -R 1:h:1 USER@HOST") == (
        ("ssh -R 1:h:1 ", "t1"),
        ("USER@HOST", "accent_t"),
    )
    assert code_runs("export A=b=c") == (
        ("export ", "t3"),
        ("A", "t1"),
        ("=", "t3"),
        ("b=c", "accent_t"),
    )


@pytest.mark.parametrize("line", ["", "a <b> SCHEDULER:8786 C", "python your_script.py"])
def test_no_character_of_a_line_is_lost(line: str) -> None:
    assert "".join(text for text, _ in code_runs(line)) == line


def test_a_port_of_ones_own_needs_the_protocol_said() -> None:
    own, default = (
        recipes((address,))[0].blocks[0][1] for address in ("127.0.0.1:9999", "127.0.0.1:4328")
    )

    assert "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf" in own.splitlines()
    assert "PROTOCOL" not in default
