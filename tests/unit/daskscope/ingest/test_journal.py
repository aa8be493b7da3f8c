from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from daskscope.ingest import codec
from daskscope.ingest.catalogue import recordings
from daskscope.ingest.envelope import Encoding, Signal
from daskscope.ingest.journal import (
    VERSION,
    Entry,
    Journal,
    Meta,
    RecordingError,
    WriteError,
)
from daskscope.ingest.journal_reader import JournalReader
from daskscope.ingest.lock import is_in_use
from daskscope.ingest.packing import packed
from daskscope.store.schema import Definitions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def entry(number: int, body: bytes = b"body") -> Entry:
    return Entry(number, number * 10, Signal.TRACES, Encoding.PROTOBUF, body)


def test_what_was_committed_is_read(tmp_path: Path) -> None:
    path = tmp_path / "ä b?#.dscope"
    journal = Journal(path)
    bodies = [b"", b"\x00" * 100_000, b"x"]
    entries = [entry(number, body) for number, body in enumerate(bodies, 1)]
    definitions = Definitions(strings=("", "a"))
    meta = Meta(title="c", first_ns=10, last_ns=30, requests=3)
    assert journal.commit(entries, meta, packed([definitions] * 2, 2)) == 2
    reader = JournalReader(path)
    assert list(reader.entries()) == entries
    assert list(reader.entries(after=2)) == entries[2:]
    assert list(reader.entries(signal=Signal.LOGS)) == []
    assert [reader.entry(number) for number in range(5)] == [None, *entries, None]
    assert reader.meta == meta
    assert reader.last_sealed() == 2
    chunks = [chunk for some in reader.chunks() for chunk in some]
    assert [chunk.id for chunk in chunks] == [1, 2]
    assert codec.decode(chunks[0].frame) == definitions
    assert list(reader.chunks(after=1, until=1)) == []
    reader.close()
    journal.close()


def test_short_chunks_are_read_many_at_a_time_and_long_ones_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.dscope")
    short, long = Definitions(strings=("a",)), Definitions(strings=("b" * 300_000,))
    journal.commit((), Meta(), packed([*[short] * 500, long, long, *[short] * 3], 0))
    reader = JournalReader(tmp_path / "a.dscope")
    read = list(reader.chunks())
    assert [chunk.id for some in read for chunk in some] == list(range(1, 506))
    assert [len(some) for some in read] == [501, 1, 3]
    some = [chunk.id for some in reader.chunks(after=400, until=502) for chunk in some]
    assert some == list(range(401, 503))
    assert journal.commit((), Meta(), packed([short], 0)) == 506  # no reader is in the way
    reader.close()
    journal.close()


def test_a_closed_recording_is_one_plain_file(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.dscope")
    journal.commit([entry(1)], Meta(requests=1))
    assert is_in_use(tmp_path / "a.dscope")
    journal.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.dscope"]
    assert not is_in_use(tmp_path / "a.dscope")
    (tmp_path / "a.dscope").chmod(0o400)
    reader = JournalReader(tmp_path / "a.dscope")
    assert reader.meta == Meta(requests=1, is_ended=True)
    reader.close()


def test_a_failed_commit_leaves_nothing_and_a_later_one_succeeds(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.dscope")
    journal.commit([entry(1)], Meta(requests=1))
    (pages,) = journal._db.execute("PRAGMA page_count").fetchone()
    journal._db.execute(f"PRAGMA max_page_count = {pages}")
    big = bytes(range(256)) * 40 + bytes(str(list(range(50_000))), "ascii")
    with pytest.raises(WriteError, match=r"^database or disk is full: .*a\.dscope$"):
        journal.commit([entry(2), entry(3, big)], Meta(requests=3))
    assert journal.meta == Meta(requests=1)
    journal._db.execute("PRAGMA max_page_count = 1000000")
    journal.commit([entry(2, big)], Meta(requests=2))
    reader = JournalReader(tmp_path / "a.dscope")
    assert [found.number for found in reader.entries()] == [1, 2]
    reader.close()
    journal.close()


def test_a_commit_that_breaks_off_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.dscope")
    journal.commit([entry(1)], Meta(requests=1))
    with pytest.raises(WriteError, match="UNIQUE"):
        journal.commit([entry(2), entry(1)], Meta(requests=2))
    journal.commit([entry(2)], Meta(requests=2))
    reader = JournalReader(tmp_path / "a.dscope")
    assert [found.number for found in reader.entries()] == [1, 2]
    reader.close()
    journal.close()


def test_a_taken_path_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.dscope"
    path.write_text("mine")
    with pytest.raises(RecordingError, match="there already"):
        Journal(path)
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot write"):
        Journal(tmp_path / "no" / "a.dscope")


def other_application(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE t (x)")
    db.close()


def newer(path: Path) -> None:
    Journal(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()


def damaged(path: Path) -> None:
    Journal(path).close()
    data = path.read_bytes()
    path.write_bytes(data[:100] + b"\xff" * (len(data) - 100))


def cut(path: Path) -> None:
    Journal(path).close()
    path.write_bytes(path.read_bytes()[:20_000])


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.write_bytes(b"SQLite format 3\x00garbage"), "not a recording"),
        (lambda path: path.write_bytes(b""), "not a recording"),
        (lambda path: path.mkdir(), "not a file"),
        (lambda _path: None, "no file"),
        (other_application, "not a recording"),
        (newer, "newer"),
        (damaged, "damaged"),
        (cut, "cut short"),
    ],
)
def test_what_is_no_recording_is_one_line(tmp_path: Path, make: object, reason: str) -> None:
    path = tmp_path / "a.dscope"
    assert callable(make)
    make(path)
    with pytest.raises(RecordingError, match=reason) as raised:
        list(JournalReader(path).entries())
    assert "\n" not in str(raised.value)


def test_damage_further_in_is_said_while_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.dscope"
    journal = Journal(path)
    journal.commit([entry(1)], Meta(requests=1))
    journal._db.execute("UPDATE requests SET body = x'00'")
    journal.close()
    with pytest.raises(RecordingError, match="damaged"):
        list(JournalReader(path).entries())


def test_what_was_changed_since_is_not_taken_for_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "a.dscope"
    journal = Journal(path)
    journal.commit([entry(1, bytes(range(256)))], Meta(requests=1))
    journal.close()
    data = path.read_bytes()
    at = data.index(bytes(range(100, 200)))
    path.write_bytes(data[:at] + b"\xff" + data[at + 1 :])
    with pytest.raises(RecordingError, match="damaged"):
        list(JournalReader(path).entries())


def unknown_signal(path: Path) -> None:
    journal = Journal(path)
    journal.commit([entry(1)], Meta(requests=1))
    journal._db.execute("UPDATE requests SET signal = 'smell'")
    journal.close()


def no_text(path: Path) -> None:
    Journal(path).close()
    data = path.read_bytes()
    path.write_bytes(data.replace(b"CREATE TABLE chunks", b"CREATE T\xfcBLE chunks"))


@pytest.mark.parametrize("make", [unknown_signal, no_text])
def test_damage_of_any_kind_is_one_line(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "a.dscope")
    with pytest.raises(RecordingError, match=r"damaged|not a recording"):
        list(JournalReader(tmp_path / "a.dscope").entries())


def test_what_may_not_be_read_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Journal(tmp_path / "a.dscope").close()

    def refused(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(sqlite3, "connect", refused)
    with pytest.raises(RecordingError, match="cannot read"):
        JournalReader(tmp_path / "a.dscope")


def test_a_killed_recording_where_nothing_can_be_written_is_not_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its WAL it would lack the newest requests, or all of them."""
    journal = Journal(tmp_path / "a.dscope")
    journal.commit([entry(1)], Meta(requests=1))
    connect = sqlite3.connect

    def read_only(name: str, **options: Any) -> sqlite3.Connection:
        if "mode=" in name:
            raise sqlite3.OperationalError("unable to open database file")
        db: sqlite3.Connection = connect(name, **options)
        return db

    monkeypatch.setattr(sqlite3, "connect", read_only)
    with pytest.raises(RecordingError, match=r"copy it and a\.dscope-wal to another folder"):
        JournalReader(tmp_path / "a.dscope")
    journal.close()
    assert JournalReader(tmp_path / "a.dscope").last_entry() == 1


def test_what_could_not_be_begun_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daskscope.ingest.journal._SET_META", "INSERT INTO nothing VALUES (?)")
    with pytest.raises(RecordingError, match="cannot write"):
        Journal(tmp_path / "a.dscope")
    assert not list(tmp_path.iterdir())


def test_a_foreign_file_in_place_of_the_lock_locks_nothing(tmp_path: Path) -> None:
    Journal(tmp_path / "a.dscope").close()
    (tmp_path / "a.dscope.lock").write_bytes(b"not a database" * 100)
    assert not is_in_use(tmp_path / "a.dscope")
    assert [info.path.name for info in recordings(tmp_path)] == ["a.dscope"]


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.dscope")
    with pytest.raises(RecordingError):
        Journal(tmp_path / "a.dscope")
    assert is_in_use(tmp_path / "a.dscope")
    journal.commit([], replace(journal.meta, title="still mine"))
    journal.close()
