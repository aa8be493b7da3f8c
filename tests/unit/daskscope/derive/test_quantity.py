"""Texts of quantities."""

from __future__ import annotations

import math

import pytest

from daskscope.derive import quantity
from daskscope.derive.quantity import THIN


def plain(text: str) -> str:
    return text.replace(THIN, " ")


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (0, "0 s"),
        (7, "7 ns"),
        (999, "999 ns"),
        (1_000, "1.00 µs"),
        (13_400_000, "13.4 ms"),
        (802_000_000, "802 ms"),
        (999_600_000, "1.00 s"),
        (1_790_000_000, "1.79 s"),
        (9_996_000_000, "10.0 s"),
        (59_990_000_000, "60.0 s"),
        (59_996_000_000, "1:00"),
        (232_000_000_000, "3:52"),
        (3_832_000_000_000, "1:03:52"),
        (-13_400_000, "−13.4 ms"),
        (math.nan, ""),
    ],
)
def test_durations_have_three_digits_until_a_minute(time_ns: float, text: str) -> None:
    assert plain(quantity.duration(time_ns)) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (812, "812 B"),
        (1000, "1.0 KiB"),
        (75.9 * 1024**2, "75.9 MiB"),
        (942 * 1024**2, "942 MiB"),
        (1.2 * 1024**3, "1.2 GiB"),
        (math.nan, ""),
    ],
)
def test_memory_is_binary(number: float, text: str) -> None:
    assert plain(quantity.nbytes(number)) == text


def test_memory_of_a_limit_is_in_the_limits_unit() -> None:
    gib = 1024.0**3

    assert plain(quantity.memory(4.6 * gib, 8 * gib)) == "4.6 / 8 GiB"
    assert plain(quantity.memory(0.0, 7.8 * gib)) == "0 / 7.8 GiB"
    assert plain(quantity.memory(35.2 * gib, 1024 * gib)) == "35.2 GiB / 1 TiB"
    assert plain(quantity.memory(0.1 * gib, 8 * gib)) == "0.1 / 8 GiB"
    assert plain(quantity.memory(4.6 * gib, math.nan)) == "4.6 GiB"
    assert quantity.memory(math.nan, gib) == ""


@pytest.mark.parametrize(
    ("bytes_per_s", "text"),
    [
        (0, "0 MB/s"),
        (700, "0.7 kB/s"),
        (99_000, "99.0 kB/s"),
        (500_000, "0.5 MB/s"),
        (54.2e6, "54.2 MB/s"),
        (700e6, "700 MB/s"),
        (1.5e9, "1.5 GB/s"),
    ],
)
def test_rates_are_decimal(bytes_per_s: float, text: str) -> None:
    assert plain(quantity.byte_rate(bytes_per_s)) == text


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_has_no_text(number: float) -> None:
    texts = [
        text_of(number)
        for text_of in (
            quantity.count,
            quantity.share,
            quantity.duration,
            quantity.seconds,
            quantity.time_left,
            quantity.nbytes,
            quantity.byte_rate,
            quantity.rate,
        )
    ]
    assert [*texts, quantity.memory(number, 1.0), quantity.cores(number, 1.0)] == [""] * 10
    assert plain(quantity.memory(1024.0, number)) == "1.0 KiB"
    assert plain(quantity.cores(1.0, number)) == "1.0 cores"


def test_counts_shares_and_ratios() -> None:
    assert quantity.count(2640) == f"2{THIN}640"
    assert quantity.count(math.nan) == ""
    assert quantity.ratio(2640, 2640) == f"2{THIN}640{THIN}/{THIN}2{THIN}640"
    assert plain(quantity.share(0.976)) == "98 %"
    assert plain(quantity.share(0.004)) == "<1 %"
    assert plain(quantity.share(0.0)) == "0 %"
    assert plain(quantity.plural(1, "worker")) == "1 worker"
    assert plain(quantity.plural(1200, "thread")) == "1 200 threads"
    assert plain(quantity.rate(6.0)) == "6.0/s"
    assert plain(quantity.rate(1240.0)) == "1 240/s"
    assert plain(quantity.cores(22.96, 24)) == "23.0 / 24 cores"
    assert plain(quantity.cores(5906.6, 10_000)) == "5 907 / 10 000 cores"


@pytest.mark.parametrize(
    ("time_s", "text"),
    [(0.2, "<1 s"), (1.0, "1 s"), (3.2, "4 s"), (59.0, "59 s"), (59.5, "1:00"), (232.0, "3:52")],
)
def test_time_left_is_in_whole_seconds(time_s: float, text: str) -> None:
    assert plain(quantity.time_left(time_s)) == text


@pytest.mark.parametrize(
    ("time_ns", "step_ns", "text"),
    [
        (0, 10**9, "0:00"),
        (204_542_000_000, 10**9, "3:24"),
        (204_542_000_000, 10**6, "3:24.542"),
        (204_540_000_000, 20 * 10**6, "3:24.54"),
        (204_500_000_000, 500 * 10**6, "3:24.5"),
        (204_542_123_000, 10**3, "3:24.542 123"),
        (204_542_123_456, 1, "3:24.542 123 456"),
        (90_061_000_000_000, 10**9, "1 d 1:01:01"),
        (-5_000_000_000, 10**9, "−0:05"),
        (-700_000_000, 10**8, "−0:00.7"),
        (-7_000_000, 10**8, "0:00.0"),
        (-7_000_000, 10**9, "0:00"),
        (-12 * 86_400 * 10**9, 2 * 86_400 * 10**9, "−12 d"),
        (-1, 2 * 86_400 * 10**9, "0 d"),
        (12 * 86_400 * 10**9, 2 * 86_400 * 10**9, "12 d"),
        (1_200 * 86_400 * 10**9, 200 * 86_400 * 10**9, "1 200 d"),
        (50 * quantity.YEAR_NS, 10 * quantity.YEAR_NS, "50 y"),
    ],
)
def test_elapsed_time_has_the_digits_that_its_steps_need(
    time_ns: int, step_ns: int, text: str
) -> None:
    assert plain(quantity.elapsed(time_ns, step_ns)) == text


@pytest.mark.usefixtures("utc")
def test_wall_clock_is_local() -> None:
    at_ns = 1_700_000_000_954_000_000  # 2023-11-14 22:13:20.954 UTC

    assert quantity.clock(at_ns) == "22:13:20"
    assert quantity.clock(at_ns, 10**6) == "22:13:20.954"
    assert quantity.clock(at_ns, 60 * 10**9) == "22:13"
    assert quantity.clock(at_ns, quantity.DAY_NS) == "14 Nov"
    assert quantity.clock(at_ns, 200 * quantity.DAY_NS) == "Nov 2023"
    assert quantity.clock(at_ns, 20 * quantity.YEAR_NS) == "2023"
