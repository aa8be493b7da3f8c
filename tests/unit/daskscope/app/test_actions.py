"""The table of actions is whole, and the docs show what it says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from PySide6.QtGui import QKeySequence

from daskscope.app.actions import ACTIONS, GESTURES, MENUS, Context, page

ROOT = Path(__file__).parents[4]


def test_ids_are_unique() -> None:
    assert [i for i, n in Counter(row.id for row in ACTIONS).items() if n > 1] == []


def test_no_key_means_two_things() -> None:
    """What is heard anywhere in the window is heard in each place of it as well."""
    for context in Context:
        heard = Counter(
            QKeySequence(keys).toString()
            for row in ACTIONS
            if row.context in (context, Context.WINDOW)
            for keys in row.shortcuts
        )
        assert [keys for keys, n in heard.items() if n > 1] == []


def test_every_key_is_one_that_qt_knows() -> None:
    keys = [keys for row in ACTIONS for keys in row.shortcuts]
    assert [text for text in keys if QKeySequence(text).toString() != text] == []


def test_every_group_of_actions_stands_in_one_menu() -> None:
    listed = Counter(group for _, groups in MENUS for group in groups)
    assert dict(listed) == dict.fromkeys((row.group for row in ACTIONS), 1)


def test_every_row_says_what_it_is_for_in_one_line() -> None:
    for row in ACTIONS:
        assert row.text
        assert row.text[0].isupper()
    for about in [*(row.about for row in ACTIONS), *(row.about for row in GESTURES)]:
        assert about
        assert "\n" not in about
        assert not about.endswith(".")


def test_the_page_says_which_keys_are_heard_in_the_task_stream_alone() -> None:
    keyed = [row for row in ACTIONS if row.shortcuts]
    groups = dict.fromkeys(row.group for row in keyed if row.context is Context.STREAM)
    *others, last = groups
    anywhere = [
        f"`{keys}`"
        for row in keyed
        if row.group in groups and row.context is Context.WINDOW
        for keys in row.shortcuts
    ]
    preface = " ".join(page().splitlines()[2:4])
    assert f"Keys of {', '.join(others)} and {last} are heard while the task stream" in preface
    assert f"{' '.join(anywhere)} everywhere" in preface


def test_the_page_of_the_docs_is_this_table() -> None:
    written = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")
    assert written == page(), "run: python -m daskscope.app.actions > docs/keys.md"
