"""Texts of quantities, as every view writes them.

A thin space groups thousands and stands before each unit and around each slash. What was not
measured (NaN), or is infinite, has no text. Rates are decimal (MB/s), memory is binary (MiB).
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Final

THIN: Final = "\u2009"
#: Between texts that stand side by side.
DOT: Final = f"{THIN}·{THIN}"
SECOND_NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * SECOND_NS
_HOUR_S: Final = 3_600
DAY_NS: Final = 86_400 * SECOND_NS
#: In the mean, leap years among them.
YEAR_NS: Final = 31_557_600 * SECOND_NS
_DAY_S: Final = 86_400
_BINARY: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
#: A number below it would be written as "0.0", or as good as.
_LEAST_READABLE: Final = 0.1
_DURATIONS: Final = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))


def count(number: float) -> str:
    """A whole number: "2 640"."""
    return f"{round(number):,}".replace(",", THIN) if math.isfinite(number) else ""


def plural(number: int, noun: str) -> str:
    """A number of things: "1 worker", "8 threads"."""
    return f"{count(number)}{THIN}{noun}{'' if number == 1 else 's'}"


def ratio(done: int, total: int) -> str:
    """Part of a whole: "30 / 36"."""
    return f"{count(done)}{THIN}/{THIN}{count(total)}"


def least_count(number: float, has_more: bool) -> str:
    """A count of what is held, where there may have been more: "≥ 2 640"."""
    return f"\u2265{THIN}{count(number)}" if has_more else count(number)


def share(part: float) -> str:
    """A share of 1 in per cent: "98 %"."""
    if not math.isfinite(part):
        return ""
    if 0 < part < 0.01:
        return f"<1{THIN}%"
    return f"{round(part * 100)}{THIN}%"


def duration(time_ns: float) -> str:
    """How long something took: "13.4 ms", "1.79 s", from a minute "3:52"."""
    if not math.isfinite(time_ns):
        return ""
    if time_ns < 0:
        return f"\u2212{duration(-time_ns)}"
    if round(time_ns / 1e7) * 1e7 >= MINUTE_NS:
        return _minutes(round(time_ns / 1e9))
    for scale, unit in _DURATIONS:
        # 999.6 ms reads "1.00 s", not "1000 ms".
        if time_ns >= 0.9995 * scale:
            return f"{_three_digits(time_ns / scale) if scale > 1 else round(time_ns)}{THIN}{unit}"
    return f"0{THIN}s"


def seconds(time_s: float) -> str:
    """The same of seconds."""
    return duration(time_s * 1e9)


def time_left(time_s: float) -> str:
    """Whole seconds that something will still take: "<1 s", "4 s", "3:52"."""
    if not math.isfinite(time_s):
        return ""
    if time_s < 1:
        return f"<1{THIN}s"
    return f"{math.ceil(time_s)}{THIN}s" if time_s <= 59 else _minutes(math.ceil(time_s))


def elapsed(time_ns: int, step_ns: int = SECOND_NS) -> str:
    """Time since a start, with as many digits as steps of `step_ns` need: "3:24.542", "12 d"."""
    text = _elapsed(abs(time_ns), step_ns)
    # What is written as nothing has no sign.
    return f"\u2212{text}" if time_ns < 0 and text.strip(f"0:.{THIN}yd") else text


def _elapsed(time_ns: int, step_ns: int) -> str:
    for unit_ns, unit in ((YEAR_NS, "y"), (DAY_NS, "d")):
        if step_ns >= unit_ns:
            return f"{count(time_ns // unit_ns)}{THIN}{unit}"
    whole_s, rest_ns = divmod(time_ns, SECOND_NS)
    return f"{_minutes(whole_s)}{_fraction(rest_ns, step_ns)}"


def clock(time_ns: int, step_ns: int = SECOND_NS) -> str:
    """Local wall clock or date, with as many digits as steps of `step_ns` need: "14:34:31.954"."""
    whole_s, rest_ns = divmod(time_ns, SECOND_NS)
    local = datetime.fromtimestamp(whole_s).astimezone()
    if step_ns >= 5 * YEAR_NS:
        return f"{local.year}"
    if step_ns >= 100 * DAY_NS:
        return local.strftime("%b %Y")
    if step_ns >= DAY_NS:
        return local.strftime("%d %b")
    if step_ns >= MINUTE_NS:
        return local.strftime("%H:%M")
    return f"{local:%H:%M:%S}{_fraction(rest_ns, step_ns)}"


def nbytes(number: float) -> str:
    """An amount of memory: "812 B", "75.9 MiB"."""
    if not math.isfinite(number):
        return ""
    unit = _binary_unit(number)
    return f"{_one_decimal(number / 1024**unit)}{THIN}{_BINARY[unit]}"


def memory(used: float, limit: float) -> str:
    """Memory in use of a limit, in the limit's unit: "4.6 / 8 GiB"; without limit the use alone.

    What is too little to be read in the limit's unit has its own: "35.2 GiB / 1 TiB".
    """
    if not (math.isfinite(used) and math.isfinite(limit)):
        return nbytes(used)
    unit = _binary_unit(limit)
    of_limit = _one_decimal(limit / 1024**unit).removesuffix(".0")
    if 0 < used / 1024**unit < _LEAST_READABLE:
        return f"{nbytes(used)}{THIN}/{THIN}{of_limit}{THIN}{_BINARY[unit]}"
    return f"{_one_decimal(used / 1024**unit)}{THIN}/{THIN}{of_limit}{THIN}{_BINARY[unit]}"


def byte_rate(bytes_per_s: float) -> str:
    """A rate of bytes: "54.2 MB/s"; small ones in kB/s."""
    if not math.isfinite(bytes_per_s):
        return ""
    if bytes_per_s >= 0.9995e9:
        return f"{_one_decimal(bytes_per_s / 1e9)}{THIN}GB/s"
    if bytes_per_s >= 0.09995e6 or bytes_per_s == 0:
        return f"{_one_decimal(bytes_per_s / 1e6)}{THIN}MB/s"
    return f"{_one_decimal(bytes_per_s / 1e3)}{THIN}kB/s"


def rate(number_per_s: float) -> str:
    """A rate of things: "6.0/s", "1 240/s"."""
    if not math.isfinite(number_per_s):
        return ""
    return f"{_one_decimal(number_per_s) if number_per_s < 99.95 else count(number_per_s)}/s"


def cores(used: float, total: float) -> str:
    """CPUs kept busy: "23.0 / 24 cores", "5 907 / 10 000 cores"."""
    if not math.isfinite(used):
        return ""
    busy = f"{used:.1f}" if used < 999.95 else count(used)
    if not math.isfinite(total):
        return f"{busy}{THIN}cores"
    return f"{busy}{THIN}/{THIN}{plural(round(total), 'core')}"


def _three_digits(number: float) -> str:
    """Three significant digits of a number in 0.9995..1000."""
    if number < 9.995:
        return f"{number:.2f}"
    return f"{number:.1f}" if number < 99.95 else f"{number:.0f}"


def _one_decimal(number: float) -> str:
    if number == 0 or abs(number) >= 99.95:
        return count(number)
    return f"{number:.1f}"


def _binary_unit(number: float) -> int:
    """Power of 1024 whose unit suits a number: 1000 KiB are written as 1.0 MiB."""
    unit = 0
    while abs(number) >= 999.5 and unit < len(_BINARY) - 1:
        number /= 1024
        unit += 1
    return unit


def _minutes(whole_s: int) -> str:
    """Minutes and seconds, with hours and days where there are any: "3:52", "1:03:52"."""
    days, rest_s = divmod(whole_s, _DAY_S)
    hours, rest_s = divmod(rest_s, _HOUR_S)
    minutes, left_s = divmod(rest_s, 60)
    if days:
        return f"{days}{THIN}d {hours}:{minutes:02}:{left_s:02}"
    return f"{hours}:{minutes:02}:{left_s:02}" if hours else f"{minutes}:{left_s:02}"


def _fraction(rest_ns: int, step_ns: int) -> str:
    """Digits after the second that steps of `step_ns` need, in groups of three."""
    if step_ns >= SECOND_NS:
        return ""
    n_digits = 9
    while n_digits > 1 and step_ns % 10 ** (10 - n_digits) == 0:
        n_digits -= 1
    digits = f"{rest_ns:09}"[:n_digits]
    return "." + THIN.join(digits[at : at + 3] for at in range(0, n_digits, 3))
