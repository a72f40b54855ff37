"""Cron expressions as the real server's scheduler (Spring) reads them, and when they are due next.

Six fields: second, minute, hour, day of month, month, day of week. All must match (an hour *and* a weekday, a day *and*
a weekday). Fields are described in `cron_field`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from attrs import field, frozen

from conductor.server.engine.cron_field import (
    DAY,
    HOUR,
    MINUTE,
    MONTH,
    SECOND,
    WEEKDAY,
    CronError,
    DayRule,
    day_rules,
    numbers,
)

__all__ = ["Cron", "CronError"]

_MACROS = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}
_FIELDS = 6
_OFFSET = re.compile(r"(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2}))?")
_NOT_IN_JAVA = frozenset({"EST", "MST", "HST", "ROC"})  # names of the database that are no zone there
_MONTHS_AHEAD = 12 * 100
_SECOND = timedelta(seconds=1)
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
        """Return the expression; raise CronError when it or the zone cannot be read.

        Args:
            text: Six fields, or `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight`, `@hourly`.
            zone: A name such as `Europe/Berlin`, or an offset such as `+02:00`.
        """
        fields = [one for one in _MACROS.get(text.strip().lower(), text).strip().split(" ") if one]
        if len(fields) != _FIELDS:
            raise CronError(
                f"{text!r} has {len(fields)} fields instead of six: second minute hour day-of-month month day-of-week"
            )
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
        """Return the first time after the moment (with a time zone) that matches; None when there is none in 100 years.

        An hour that summer time skips has no match; an hour that winter time repeats matches twice.
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
        """Return the first second with another offset than the start; the start when its offset is that of the end."""
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
                    return datetime(year, month, day, *time)  # noqa: DTZ001 (local time of the zone)
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
        """Return the first matching time of a day, at or after the start; None when the day has no more."""
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
        raise CronError(f"{name!r} is no time zone")
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        raise CronError(f"{name!r} is no time zone") from error
