"""Journals get paths of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.app.recordings import drop_if_empty, new_journal, past_sessions

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

NOW = 1_700_000_000_000_000_000


def test_two_sessions_of_one_second_have_two_journals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    first, second = new_journal(NOW), new_journal(NOW)

    assert first != second
    assert {first.suffix, second.suffix} == {".dscope"}
    assert tmp_path in second.parents


def test_what_is_no_recording_is_not_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    new_journal(NOW).write_bytes(b"not a recording")

    assert past_sessions(NOW) == ()


def test_a_journal_that_was_never_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    journal = new_journal(NOW)
    assert past_sessions(NOW) == ()

    drop_if_empty(journal)

    assert not journal.exists()
