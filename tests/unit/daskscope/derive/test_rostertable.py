"""Members of a roster, put again and again before anybody asks for it."""

from __future__ import annotations

from daskscope.derive.members import Member
from daskscope.derive.place import place
from daskscope.derive.rostertable import RosterTable


def member(key: str) -> Member:
    return Member(key, (key,), place({}), "host", 0, 0)


def test_who_came_and_went_before_anybody_asked_is_not_there() -> None:
    table = RosterTable()
    table.put(("host", "", "worker"), [member("a"), member("b")])
    table.put(("host", "", "worker"), [member("a")])
    assert [one.key for one in table.roster().members] == ["a"]
