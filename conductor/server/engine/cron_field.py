"""The fields of a cron expression: `5`, `1-5`, `*/10`, `MON-FRI`, lists of them.

Days also know `?`, `L`, `L-3`, `LW`, `15W`; weekdays `5L`, `MON#2`.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable

from attrs import frozen

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_LARGEST_STEP = 2**31 - 1
_SUNDAY = 7
_FRIDAY = 5

DayRule = Callable[[int, int], set[int]]
"""(year, month) -> the days of that month that match."""


class CronError(ValueError):
    """The text is no cron expression; the message names the field and what is wrong with it."""


@frozen
class Field:
    """What a field is called and what may stand in it."""

    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()
    also: tuple[int, ...] = ()


SECOND = Field("second", 0, 59)
MINUTE = Field("minute", 0, 59)
HOUR = Field("hour", 0, 23)
DAY = Field("day of month", 1, 31)
MONTH = Field("month", 1, 12, _MONTHS)
WEEKDAY = Field("day of week", 1, 7, _WEEKDAYS, also=(0,))


def numbers(text: str, field: Field) -> tuple[int, ...]:
    """Return the numbers that match, in order; raise CronError."""
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        low, high = _span(span, field)
        if slash and "-" not in span and span != "*":
            high = field.highest
        found.update(range(low, high + 1, _step(step, field) if slash else 1))
    return tuple(sorted(found))


def day_rules(text: str, field: Field) -> tuple[DayRule, ...]:
    """Return the rules of a day field, any of which may match; raise CronError."""
    if text == "?":
        text = "*"
    special = _special_weekday if field is WEEKDAY else _special_day
    return tuple(special(part) or _plain(part, field) for part in text.split(","))


def _span(text: str, field: Field) -> tuple[int, int]:
    if text == "*":
        return field.lowest, field.highest
    low, hyphen, high = text.partition("-")
    if not hyphen:
        number = _number(text, field)
        return number, number
    first, last = _number(low, field), _number(high, field)
    if field is WEEKDAY and first == _SUNDAY:
        first = 0
    if first > last:
        raise CronError(f"{field.name}: the range {text!r} runs backwards")
    return first, last


def _number(text: str, field: Field) -> int:
    if text.upper() in field.names:
        return field.names.index(text.upper()) + 1
    if not re.fullmatch(r"\+?\d+", text):
        raise CronError(
            f"{field.name}: {text!r} is no number" + (f" and none of {', '.join(field.names)}" if field.names else "")
        )
    number = int(text)
    if not field.lowest <= number <= field.highest and number not in field.also:
        raise CronError(f"{field.name}: {number} is not within {min((field.lowest, *field.also))}-{field.highest}")
    return number


def _step(text: str, field: Field) -> int:
    if not re.fullmatch(r"\+?\d+", text) or not 0 < int(text) <= _LARGEST_STEP:
        raise CronError(f"{field.name}: the step {text!r} is no positive number")
    return int(text)


def _plain(text: str, field: Field) -> DayRule:
    found = numbers(text, field)
    if field is WEEKDAY:
        weekdays = {number % 7 for number in found}
        return lambda year, month: {day for day in _days(year, month) if _weekday(year, month, day) % 7 in weekdays}
    return lambda year, month: {day for day in found if day <= _length(year, month)}


def _special_day(text: str) -> DayRule | None:
    if text == "LW":
        return lambda year, month: {_last_working_day(year, month)}
    if match := re.fullmatch(r"L(?:-(\d+))?", text):
        back = int(match[1] or 0)
        if match[1] and not back:
            raise CronError(f"{DAY.name}: {text!r} must go back at least one day")
        return lambda year, month: {day for day in [_length(year, month) - back] if day > 0}
    if match := re.fullmatch(r"(\d+)W", text):
        day = _number(match[1], DAY)
        return lambda year, month: _nearest_working_day(year, month, day)
    return None


def _special_weekday(text: str) -> DayRule | None:
    text = text.upper()
    if match := re.fullmatch(r"(\w+)L", text):
        weekday = _number(match[1], WEEKDAY) % 7
        return lambda year, month: {max(_days_with(year, month, weekday))}
    if match := re.fullmatch(r"(\w+)#(\d+)", text):
        weekday, number = _number(match[1], WEEKDAY) % 7, int(match[2])
        if not number:
            raise CronError(f"{WEEKDAY.name}: {text!r} must count from 1")
        return lambda year, month: set(_days_with(year, month, weekday)[number - 1 : number])
    return None


def _days_with(year: int, month: int, weekday: int) -> list[int]:
    return [day for day in _days(year, month) if _weekday(year, month, day) % 7 == weekday]


def _last_working_day(year: int, month: int) -> int:
    return max(day for day in _days(year, month) if _weekday(year, month, day) <= _FRIDAY)


def _nearest_working_day(year: int, month: int, day: int) -> set[int]:
    """Return the day, or the Friday before a Saturday (on the 1st: the Monday after), or the Monday after a Sunday."""
    if day > _length(year, month):
        return set()
    weekday = _weekday(year, month, day)
    if weekday <= _FRIDAY:
        return {day}
    if weekday == _SUNDAY:
        return {found for found in [day + 1] if found <= _length(year, month)}
    return {day - 1 if day > 1 else day + 2}


def _length(year: int, month: int) -> int:
    return monthrange(year, month)[1]


def _days(year: int, month: int) -> range:
    return range(1, _length(year, month) + 1)


def _weekday(year: int, month: int, day: int) -> int:
    """Return 1 for Monday to 7 for Sunday."""
    return (monthrange(year, month)[0] + day - 1) % 7 + 1
