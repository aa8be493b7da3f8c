"""Words of workers that wait, and what is taken of them."""

from __future__ import annotations

import numpy as np

from daskscope.store.schema import RUNNING_COLUMNS, WORD_COLUMNS, RunningWords, TextColumn
from daskscope.store.words import MOST_WORDS, Said, WaitingWords

NOTHING = np.zeros(8, np.int64)


def said(*words: tuple[int, int, list[int]]) -> RunningWords:
    """Words as (worker, time, run ids)."""
    runs = [run for _, _, run_ids in words for run in run_ids]
    numbers = {
        "request": [0] * len(words),
        "time_ns": [time_ns for _, time_ns, _ in words],
        "resource": [worker for worker, _, _ in words],
        "n": [len(run_ids) for _, _, run_ids in words],
    }
    return RunningWords(
        {name: np.array(numbers[name], dtype) for name, dtype in WORD_COLUMNS.items()},
        {name: np.array(runs, dtype) for name, dtype in RUNNING_COLUMNS.items()},
        TextColumn.of(f"key-{run}" for run in runs),
    )


def taken(newest_ns: np.ndarray, *messages: RunningWords) -> Said | None:
    waiting = WaitingWords()
    for message in messages:
        waiting.add(message)
    return waiting.take(newest_ns)


def rows(found: Said | None) -> list[tuple[int, int, int, str]]:
    """Worker, time, run id and key of each attempt."""
    assert found is not None
    keys = [keys[at] for keys, at in zip(found.keys, found.at.tolist(), strict=True)]
    columns = (found.resource, found.word_ns, found.run_id)
    return list(zip(*(column.tolist() for column in columns), keys, strict=True))


def test_of_each_worker_the_newest_word_counts() -> None:
    found = taken(
        NOTHING,
        said((3, 10, [1, 2]), (5, 10, [3]), (3, 30, [4])),
        said((3, 20, [5]), (0, 1, [])),
    )
    assert rows(found) == [(5, 10, 3, "key-3"), (3, 30, 4, "key-4")]
    assert found is not None
    assert dict(zip(found.worker.tolist(), found.time_ns.tolist(), strict=True)) == {
        5: 10,
        3: 30,
        0: 1,
    }


def test_of_two_words_of_one_time_the_one_that_came_last_counts() -> None:
    assert rows(taken(NOTHING, said((1, 10, [1]), (1, 10, [2])))) == [(1, 10, 2, "key-2")]
    assert rows(taken(NOTHING, said((1, 10, [1])), said((1, 10, [2])))) == [(1, 10, 2, "key-2")]


def test_what_is_older_than_what_was_known_is_no_news() -> None:
    newest_ns = np.array([0, 15, 15])
    assert rows(taken(newest_ns, said((1, 14, [1]), (2, 15, [2])))) == [(2, 15, 2, "key-2")]
    assert taken(newest_ns, said((1, 14, [1]))) is None


def test_what_was_taken_waits_no_more() -> None:
    waiting = WaitingWords()
    assert waiting.take(NOTHING) is None
    waiting.add(said(*((worker % 8, worker, []) for worker in range(MOST_WORDS - 1))))
    were_many = waiting.are_many
    waiting.add(said((0, MOST_WORDS, [7])))
    assert (were_many, waiting.are_many) == (False, True)
    assert rows(waiting.take(NOTHING)) == [(0, MOST_WORDS, 7, "key-7")]
    assert waiting.take(NOTHING) is None
