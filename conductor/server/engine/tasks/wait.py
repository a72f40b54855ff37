"""WAIT: wait for a duration, until a date, or for a signal."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from conductor.server.engine.context import RefusedError
from conductor.server.engine.state import FAILED_WITH_TERMINAL_ERROR, IN_PROGRESS, Doc
from conductor.server.engine.tasks.planning import Plan, Run

#: Seconds; the ``callbackAfterSeconds`` of a WAIT that waits for a signal, as on the OSS server.
_NO_TIMEOUT_S = 2147483647
_DURATION = re.compile(
    r"\s*(?:(\d+)\s*(?:days?|d))?\s*(?:(\d+)\s*(?:hours?|hrs?|h))?\s*(?:(\d+)\s*(?:minutes?|mins?|m))?"
    r"\s*(?:(\d+)\s*(?:seconds?|secs?|s))?\s*",
    re.IGNORECASE,
)
#: Hours ahead of UTC, by abbreviation of the time zone.
_HOURS = {
    "HST": -10, "AKST": -9, "AKDT": -8, "PST": -8, "PDT": -7, "MST": -7, "MDT": -6, "CST": -6, "CDT": -5, "EST": -5,
    "EDT": -4, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "IST": 5.5, "JST": 9,
}  # fmt: skip
_UNTIL = re.compile(r"(\d{1,9})-(\d{1,9})-(\d{1,9})(?:\s+(\d{1,9}):(\d{1,9})(?:\s+(\S+))?)?")


def parse_duration(text: str) -> timedelta | None:
    """Parse a duration such as ``1 days 2 hrs 3 mins 4 secs``, ``3m`` or ``1h30m``; returns None if it is invalid."""
    found = _DURATION.fullmatch(text)
    if found is None or not any(found.groups()):
        return None
    days, hours, minutes, seconds = (int(one or 0) for one in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def parse_until(text: str) -> datetime | None:
    """Parse a date: ``yyyy-MM-dd``, ``yyyy-MM-dd HH:mm`` or ``yyyy-MM-dd HH:mm zone``; returns None if it is invalid.

    As in Java's lenient dates, numbers may be out of range: 25:00 is one o'clock on the next day.
    """
    found = _UNTIL.fullmatch(text.strip())
    if found is None:
        return None
    *numbers, zone = found.groups()
    year, month, day, hour, minute = (int(one or 0) for one in numbers)
    try:
        tz = _zone(zone)
        years, months = divmod(month - 1, 12)
        first = datetime(year + years, months + 1, 1, tzinfo=tz)
        return first + timedelta(days=day - 1, hours=hour, minutes=minute)
    except LookupError:
        return None
    except (ValueError, OverflowError):  # before the year 1 or after 9999
        return datetime.max.replace(tzinfo=timezone.utc) if year else datetime.min.replace(tzinfo=timezone.utc)


def _zone(name: str | None) -> timezone:
    """Return a time zone as Java's date format reads it: an abbreviation or ``GMT+02:00``, but not a region."""
    if name is None or name.upper() in {"UTC", "GMT"}:
        return timezone.utc
    offset = re.fullmatch(r"GMT([+-])(\d{1,2}):(\d{2})|([+-])(\d{2})(\d{2})", name)
    if offset:
        sign, hours, minutes = filter(None, offset.groups())
        whole = timedelta(hours=int(hours), minutes=int(minutes))
        return timezone(-whole if sign == "-" else whole)
    return timezone(timedelta(hours=_HOURS[name.upper()]))


def plan_wait(plan: Plan) -> list[Doc]:
    """Plan a WAIT task, and set the time at which it ends."""
    given = plan.input()
    made = plan.started("WAIT", IN_PROGRESS, given)
    _set_end(made, plan.context.now)
    return [made]


def restart_wait(task: Doc, now: int) -> None:
    """Start a wait again from its beginning."""
    task.drop("_waitTimeout")
    _set_end(task, now)


def _set_end(made: Doc, now: int) -> None:
    given = made["inputData"]
    duration, until = _text(given.get("duration")), _text(given.get("until"))
    if duration and until:
        made["status"] = FAILED_WITH_TERMINAL_ERROR
        made["reasonForIncompletion"] = "Both 'duration' and 'until' specified. Please provide only one input"
    elif duration:
        _set_duration(made, duration, now)
    elif until:
        _set_until(made, until, now)
    else:
        made["callbackAfterSeconds"] = _NO_TIMEOUT_S


def _text(value: object) -> str:
    return "" if value is None or not str(value).strip() else str(value)


def _set_duration(made: Doc, text: str, now: int) -> None:
    length = parse_duration(text)
    if length is None:
        raise RefusedError(400, f"Not valid duration: {text}")
    seconds = int(length.total_seconds())
    made["callbackAfterSeconds"] = seconds
    made["_waitTimeout"] = now + seconds * 1000


def _set_until(made: Doc, text: str, now: int) -> None:
    moment = parse_until(text)
    if moment is None:
        made["status"] = FAILED_WITH_TERMINAL_ERROR
        made["reasonForIncompletion"] = f"Invalid/Unsupported Wait Until format.  Provided: {text}"
        return
    due = int(moment.timestamp() * 1000)
    made["callbackAfterSeconds"] = max(0, (due - now) // 1000)
    made["_waitTimeout"] = due


def start_wait(run: Run) -> None:
    """Start a WAIT or JOIN that is retried; a WAIT whose time has passed ends at once."""
    run.task["status"] = IN_PROGRESS


def run_wait(run: Run) -> bool:
    """Complete a WAIT task after its time has passed."""
    due = run.task.get("_waitTimeout", 0)
    if not due or run.context.now <= due:
        return False
    run.task["endTime"] = run.context.now - 1  # as on the OSS server, the next tasks start later than the WAIT ends
    return run.complete()
