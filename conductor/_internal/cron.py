"""Cron expressions of the server's scheduler (Spring), and their next times.

Six fields: second, minute, hour, day of month, month, day of week. All must match, also both day fields.
"""

from __future__ import annotations

import re
import zoneinfo
from bisect import bisect_left
from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from attrs import field, frozen

__all__ = ["Cron", "CronError"]


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
#: The server counts in Java's int.
_MAX_STEP = 2**31 - 1
#: Sunday in ISO numbers. Spring accepts 0 and 7; in a range that starts with it, 7 means 0.
_SUNDAY = 7
#: The last working day of a week in ISO numbers, for ``W`` and ``LW``.
_FRIDAY = 5
#: Returns the matching days of a month by year and month.
DayRule = Callable[[int, int], set[int]]


class CronError(ValueError):
    """Invalid cron expression or time zone; the message names the field."""


@frozen
class Field:
    """The name of a field and its valid values."""

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
    """Return the matching numbers of a field, in order."""
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        low, high = _span(span, field)
        if slash and "-" not in span and span != "*":
            high = field.highest
        found.update(range(low, high + 1, _step(step, field) if slash else 1))
    return tuple(sorted(found))


def day_rules(text: str, field: Field) -> tuple[DayRule, ...]:
    """Return the rules of a day field; a day matches if any rule does."""
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
        raise CronError(f"{field.name}: the range {text!r} ends before it starts")
    return first, last


def _number(text: str, field: Field) -> int:
    if text.upper() in field.names:
        return field.names.index(text.upper()) + 1
    if not re.fullmatch(r"\+?\d+", text):
        raise CronError(
            f"{field.name}: {text!r} is not a number"
            + (f", nor one of {', '.join(field.names)}" if field.names else "")
        )
    number = int(text)
    if not field.lowest <= number <= field.highest and number not in field.also:
        raise CronError(f"{field.name}: {number} is not within {min((field.lowest, *field.also))}-{field.highest}")
    return number


def _step(text: str, field: Field) -> int:
    if not re.fullmatch(r"\+?\d+", text) or not 0 < int(text) <= _MAX_STEP:
        raise CronError(f"{field.name}: the step {text!r} is not a positive integer")
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
            raise CronError(f"{DAY.name}: the number of days in {text!r} must be 1 or more")
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
            raise CronError(f"{WEEKDAY.name}: the number after # in {text!r} must be 1 or more")
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


_MACROS = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}
#: Fields of a Spring expression: second, minute, hour, day of month, month, day of week.
_FIELDS = 6
_OFFSET = re.compile(r"(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2}))?")
#: Names in the time zone database that Java does not know.
_NOT_IN_JAVA = frozenset({"EST", "MST", "HST", "ROC"})
#: Months that are searched for a match: the calendar repeats after 28 years, except around 2100.
_MONTHS_AHEAD = 12 * 100
#: The resolution of expressions: two executions are at least one second apart.
_SECOND = timedelta(seconds=1)
#: How far before a match the change of its UTC offset is searched.
_WINDOW = timedelta(days=3)


@frozen
class Cron:
    """A parsed cron expression in a time zone."""

    text: str
    zone: tzinfo
    seconds: tuple[int, ...] = field(repr=False)
    minutes: tuple[int, ...] = field(repr=False)
    hours: tuple[int, ...] = field(repr=False)
    months: tuple[int, ...] = field(repr=False)
    days: tuple[DayRule, ...] = field(repr=False)
    weekdays: tuple[DayRule, ...] = field(repr=False)

    @classmethod
    def parse(cls, text: str, zone: str = "UTC") -> Cron:
        """Parse an expression.

        Args:
            text: Six fields, or ``@yearly``, ``@annually``, ``@monthly``, ``@weekly``, ``@daily``, ``@midnight`` or
                ``@hourly``.
            zone: A name such as ``Europe/Berlin``, or an offset such as ``+02:00``.

        Raises:
            CronError: The expression or the zone is invalid.
        """
        fields = [part for part in _MACROS.get(text.strip().lower(), text).strip().split(" ") if part]
        if len(fields) != _FIELDS:
            raise CronError(f"{len(fields)} fields instead of six (second minute hour day-of-month month day-of-week)")
        second, minute, hour, day, month, weekday = fields
        return cls(
            text,
            _zone(zone),
            numbers(second, SECOND),
            numbers(minute, MINUTE),
            numbers(hour, HOUR),
            numbers(month, MONTH),
            day_rules(day, DAY),
            day_rules(weekday, WEEKDAY),
        )

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first match after an aware datetime; None if there is none in 100 years.

        A time that is skipped at the start of daylight saving time never matches; a time that is repeated at its end
        matches twice.
        """
        instant = moment.astimezone(timezone.utc).replace(microsecond=0) + _SECOND
        while True:
            offset = self._offset(instant)
            local = self._local_at_or_after(instant.replace(tzinfo=None) + offset)
            if local is None:
                return None
            found = (local - offset).replace(tzinfo=timezone.utc)
            if self._offset(found) == offset:
                return found.astimezone(self.zone)
            instant = self._change_before(found, max(instant, found - _WINDOW))

    def _change_before(self, end: datetime, start: datetime) -> datetime:
        """Return the first second after a change of the UTC offset; ``start`` without a change before ``end``."""
        offset = self._offset(start)
        if offset == self._offset(end):
            return start
        low, high = start, end
        while high - low > _SECOND:
            middle = (low + (high - low) / 2).replace(microsecond=0)
            low, high = (middle, high) if self._offset(middle) == offset else (low, middle)
        return high

    def _offset(self, instant: datetime) -> timedelta:
        return instant.astimezone(self.zone).utcoffset() or timedelta()

    def _local_at_or_after(self, start: datetime) -> datetime | None:
        for year, month in self._months_from(start):
            for day in self._days_of(year, month):
                date = start.replace(year=year, month=month, day=day)
                if date.date() < start.date():
                    continue
                time = self._time_from(start if date.date() == start.date() else None)
                if time is not None:
                    return datetime(year, month, day, *time)  # noqa: DTZ001  local time of the zone
        return None

    def _months_from(self, start: datetime) -> Iterator[tuple[int, int]]:
        first = start.year * 12 + start.month - 1
        for number in range(first, min(first + _MONTHS_AHEAD, 9999 * 12)):
            if number % 12 + 1 in self.months:
                yield number // 12, number % 12 + 1

    def _days_of(self, year: int, month: int) -> list[int]:
        by_day = set().union(*(rule(year, month) for rule in self.days))
        by_weekday = set().union(*(rule(year, month) for rule in self.weekdays))
        return sorted(by_day & by_weekday)

    def _time_from(self, start: datetime | None) -> tuple[int, int, int] | None:
        """Return the first matching time of a day at or after ``start``; None if there is none."""
        if start is None:
            return self.hours[0], self.minutes[0], self.seconds[0]
        for hour in self.hours[bisect_left(self.hours, start.hour) :]:
            if hour > start.hour:
                return hour, self.minutes[0], self.seconds[0]
            for minute in self.minutes[bisect_left(self.minutes, start.minute) :]:
                if minute > start.minute:
                    return hour, minute, self.seconds[0]
                later = self.seconds[bisect_left(self.seconds, start.second) :]
                if later:
                    return hour, minute, later[0]
        return None


def _zone(name: str) -> tzinfo:
    if match := _OFFSET.fullmatch(name):
        offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        return timezone(-offset if match[1] == "-" else offset)
    if name in {"Z", "UTC", "GMT", "UT"}:
        return timezone.utc
    if name in _NOT_IN_JAVA:
        raise CronError(f"unknown time zone: {name!r}")
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        if not zoneinfo.available_timezones():  # Windows has no database
            raise CronError("this system has no time zone data; install the package tzdata") from error
        raise CronError(f"unknown time zone: {name!r}") from error
