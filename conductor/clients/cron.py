"""Cron expressions checked before they are sent: the open-source server stores any text, and then never runs it."""

from __future__ import annotations

import re

from attrs import frozen

from conductor.errors import ConfigurationError

__all__ = ["check_cron"]

_MACROS = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
_ALLOWED = "six fields, seconds first: second minute hour day-of-month month day-of-week, as '0 0 9 * * MON-FRI'"
_NUMBER = re.compile(r"\+?\d{1,10}")
_LARGEST = 2**31 - 1  # of Java's int, in which the server counts
_SUNDAY = 7
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # days of the months, in a leap year


@frozen
class _Field:
    """What may stand in one of the six places."""

    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()
    special: re.Pattern[str] | None = None


_DAY_OF_MONTH = re.compile(r"L|LW|L-0*[1-9]\d{0,8}|0*([1-9]|[12]\d|3[01])W")
_DAY_OF_WEEK = re.compile(r"[0-7](L|#[1-5])")  # the server takes #6 as well, which no month ever has
_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31, (), _DAY_OF_MONTH),
    _Field("month", 1, 12, ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")),
    _Field("day of week", 0, 7, ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"), _DAY_OF_WEEK),
)


class _Problem(Exception):  # noqa: N818  it becomes a ConfigurationError
    """What is wrong with a part of an expression."""


def check_cron(expression: str, variable: str = "cron_expression") -> str:
    """The expression, when the server's scheduler (Spring's) can run it.

    Raises:
        ConfigurationError: It cannot; the error names the field.
    """
    text = expression.strip() if isinstance(expression, str) else ""
    if text.lower() in _MACROS:
        return expression
    try:
        _check(text)
    except _Problem as problem:
        raise ConfigurationError(
            f"The cron expression {expression!r} cannot run: {problem} The server would store it and never run it.",
            variable=variable,
            value=expression,
            allowed=_ALLOWED,
        ) from None
    return expression


def _check(text: str) -> None:
    parts = [part for part in text.split(" ") if part]  # the server takes no tab for a space
    if len(parts) != len(_FIELDS):
        advice = f" Put the second in front: '0 {text}'." if len(parts) == len(_FIELDS) - 1 else ""
        raise _Problem(f"it has {len(parts)} fields and not 6.{advice}")
    for part, field in zip(parts, _FIELDS, strict=True):
        _check_field(part, field)
    _check_days(parts[3], _numbered(parts[4], _FIELDS[4]), _numbered(parts[5], _FIELDS[5]))


def _check_days(days: str, months: str, weekdays: str) -> None:
    """Whether any month has a day that fits: the server wants the day of the month and the weekday, both."""
    for month in _numbers(months, _FIELDS[4]):
        last = _LONGEST[month - 1]
        if _days(days, last) & _days_of_weekdays(weekdays, last):
            return
    raise _Problem(f"no month that it names has such a day: day of month {days!r}, day of week {weekdays!r}.")


def _days(text: str, last: int) -> set[int]:
    """The days that a month of so many days may have of those in the field; more where it depends on the year."""
    found: set[int] = set()
    for entry in text.split(","):
        if entry.endswith("W") and entry != "LW":
            day = int(entry[:-1])
            found |= set(range(max(day - 2, 1), min(day + 2, last) + 1)) if day <= last else set()
        elif entry.startswith("L"):
            found |= set(range(1, last + 1))
        else:
            found |= _numbers(entry, _FIELDS[3])
    return found & set(range(1, last + 1))


def _days_of_weekdays(text: str, last: int) -> set[int]:
    """The days of a month on which the weekdays of the field may fall."""
    found: set[int] = set()
    for entry in text.split(","):
        _, hash_sign, week = entry.partition("#")
        if hash_sign:
            found |= set(range(7 * int(week) - 6, min(7 * int(week), last) + 1))
        else:
            found |= set(range(last - 7 if entry.endswith("L") else 1, last + 1))
    return found


def _numbers(text: str, field: _Field) -> set[int]:
    """The numbers that a field's text names, where it has none of the special signs."""
    found: set[int] = set()
    for entry in text.split(","):
        span, slash, step = entry.partition("/")
        first, hyphen, last = span.partition("-")
        if span in {"*", "?"}:
            first, last = str(field.low), str(field.high)
        elif not hyphen:
            last = str(field.high) if slash else first
        found |= set(range(int(first), int(last) + 1, int(step or 1)))
    return found


def _check_field(text: str, field: _Field) -> None:
    entries = _numbered(text, field).split(",")
    if field.name.startswith("day") and entries == ["?"]:
        return
    for entry, written in zip(entries, text.split(","), strict=True):
        if field.special is None or not field.special.fullmatch(entry):
            _check_entry(entry, written, field)


def _numbered(text: str, field: _Field) -> str:
    """Names of months and weekdays, in any case, as the server replaces them: by their numbers."""
    if not field.words:
        return text
    text = text.upper()
    for number, word in enumerate(field.words, 1):
        text = text.replace(word, str(number))
    return text


def _check_entry(entry: str, written: str, field: _Field) -> None:
    span, slash, step = entry.partition("/")
    if span != "*":
        _check_span(span, written, field)
    if slash and _number(step) is None:
        raise _Problem(f"the step of {written!r} in its {field.name} is no whole number above 0.")


def _check_span(span: str, written: str, field: _Field) -> None:
    first, hyphen, last = span.partition("-")
    ends = [_number(end, or_zero=True) for end in ((first, last) if hyphen else (first,))]
    if None in ends:
        raise _Problem(f"{written!r} is no {field.name}.")
    numbers = [end for end in ends if end is not None]
    if not all(field.low <= number <= field.high for number in numbers):
        names = f", or {field.words[0]} to {field.words[-1]}" if field.words else ""
        raise _Problem(f"{written!r} is no {field.name}: that is {field.low} to {field.high}{names}.")
    if field.name == "day of week" and numbers[0] == _SUNDAY and hyphen:
        numbers[0] = 0  # Sunday begins a range as well as ends one
    if numbers[0] > numbers[-1]:
        raise _Problem(f"the range {written!r} of its {field.name} runs backwards.")


def _number(text: str, *, or_zero: bool = False) -> int | None:
    if not _NUMBER.fullmatch(text):
        return None
    number = int(text)
    return number if (0 if or_zero else 1) <= number <= _LARGEST else None
