"""Journals get paths of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.app.recordings import new_journal, past_sessions

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

NOW = 1_700_000_000_000_000_000


def test_two_sessions_of_one_second_have_two_journals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    first = new_journal(NOW)
    first.touch()

    second = new_journal(NOW)

    assert first != second
    assert {first.suffix, second.suffix} == {".dscope"}
    assert tmp_path in second.parents


def test_what_is_no_recording_is_not_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    new_journal(NOW).write_bytes(b"not a recording")

    assert past_sessions(NOW) == ()
