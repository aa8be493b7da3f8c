"""Which of several things a tick shows."""

from __future__ import annotations

from functools import partial

from daskscope.app.rota import PATIENCE_S, TURN_S, Rota


def rota(taken: list[str], idle: str = "") -> Rota[float]:
    """Three jobs that are always due, but for those named in `idle`."""

    def job(name: str, _time_s: float) -> bool:
        if name in idle:
            return False
        taken.append(name)
        return True

    return Rota([partial(job, name) for name in "abc"])


def test_a_tick_takes_one_and_every_one_comes() -> None:
    taken: list[str] = []
    jobs = rota(taken)
    for number in range(6):
        jobs.take(0.0, 10.0 + number / 60, is_busy=False)
    assert "".join(taken) == "abcabc"


def test_what_is_not_due_gives_its_turn_away() -> None:
    taken: list[str] = []
    jobs = rota(taken, idle="ac")
    for number in range(2):
        jobs.take(0.0, 10.0 + number / 60, is_busy=False)
    assert "".join(taken) == "bb"


def test_what_somebody_waits_for_is_next() -> None:
    taken: list[str] = []

    def one(_time_s: float) -> bool:
        taken.append("a")
        return True

    def other(_time_s: float) -> bool:
        taken.append("b")
        return True

    jobs = Rota([one, other])
    for number in range(3):
        jobs.prefer(other)
        jobs.take(0.0, 10.0 + number / 60, is_busy=False)
    jobs.take(0.0, 11.0, is_busy=False)
    assert "".join(taken) == "bbba"


def test_while_every_tick_is_busy_they_come_now_and_then() -> None:
    taken: list[str] = []
    jobs = rota(taken)
    for number in range(60):
        jobs.take(0.0, 10.0 + number / 60, is_busy=True)
    assert set(taken) == set("abc")
    assert len(taken) <= 1 / PATIENCE_S + 1


def test_they_wait_for_a_tick_that_is_not_busy() -> None:
    taken: list[str] = []
    jobs = rota(taken)
    jobs.take(0.0, 10.0, is_busy=False)
    assert not jobs.is_waiting(10.0 + TURN_S / 2)
    late_s = 10.0 + 1.5 * TURN_S
    jobs.take(0.0, late_s, is_busy=True)
    assert jobs.is_waiting(late_s)
    jobs.take(0.0, late_s, is_busy=False)
    assert not jobs.is_waiting(late_s)
    assert taken == ["a", "b"]


def test_all_can_be_taken_at_once() -> None:
    taken: list[str] = []
    jobs = rota(taken)
    jobs.take(0.0, 10.0, is_busy=False)
    jobs.take_all(0.0)
    assert sorted(taken) == ["a", "a", "b", "c"]
