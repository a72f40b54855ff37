"""Strict parsers for single values: numbers, times, identifiers, addresses.

Each raises ``ValueError`` or ``TypeError``.
"""

from __future__ import annotations

import base64
import functools
import math
import re
import typing
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path, PosixPath, PurePath, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

import typing_extensions

from conductor._internal.epoch import from_epoch_ms

if TYPE_CHECKING:
    from decimal import Decimal

__all__ = ["parse_datetime", "scalar_parser"]

_DATE = r"(?P<year>[0-9]{4})(?P<dash>-?)(?P<month>[0-9]{2})(?P=dash)(?P<day>[0-9]{2})"
_TIME = (
    r"(?P<hour>[0-9]{2}):?(?P<minute>[0-9]{2})(?::?(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r"(?P<zone>[Zz]|[+-][0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2}(?:\.[0-9]{1,6})?)?)?)?"
)
_DATE_ONLY = re.compile(_DATE)
_TIME_ONLY = re.compile(_TIME)
_DATE_TIME = re.compile(f"{_DATE}(?:[Tt ]{_TIME})?")
_ZONE = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})?:?([0-9]{2})?(?:\.([0-9]{1,6}))?")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _require_str(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _str(value: Any) -> str:
    if isinstance(value, str):
        return value
    if _is_number(value):
        return str(value)
    raise TypeError


def _int(value: Any) -> int:
    if value.__class__ is int:
        return int(value)
    if (isinstance(value, float) and value.is_integer()) or isinstance(value, str):
        try:
            return int(value)
        except (ValueError, OverflowError):
            raise TypeError from None
    raise TypeError


def _float(value: Any) -> float:
    if _is_number(value) or isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise TypeError from None
    raise TypeError


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in {"true", "false"}:
        return value == "true"
    raise TypeError


def _none(value: Any) -> None:
    if value is not None:
        raise TypeError


def _decimal(value: Any) -> Decimal:
    import decimal

    if not _is_number(value) and not isinstance(value, str):
        raise TypeError
    try:
        return decimal.Decimal(str(value))
    except ArithmeticError:
        raise ValueError("not a decimal number") from None


def _bytes(value: Any) -> bytes:
    return base64.b64decode(_require_str(value), validate=True)


def _clock(found: re.Match[str]) -> time:
    fraction = (found["fraction"] or "").ljust(6, "0")[:6]  # digits beyond microseconds are cut off
    return time(
        int(found["hour"]), int(found["minute"]), int(found["second"] or 0), int(fraction), _zone(found["zone"])
    )


def _zone(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text in {"Z", "z"}:
        return timezone.utc
    found = _ZONE.fullmatch(text)
    if found is None:
        raise ValueError(f"invalid UTC offset {text!r}")
    hours, minutes, seconds = (int(found[group] or 0) for group in (2, 3, 4))
    if hours > 23 or minutes > 59 or seconds > 59:  # the clock's limits
        raise ValueError(f"invalid UTC offset {text!r}")
    offset = timedelta(hours=hours, minutes=minutes, seconds=seconds, microseconds=int((found[5] or "").ljust(6, "0")))
    return timezone(-offset if found[1] == "-" else offset) if offset else timezone.utc


def _day(found: re.Match[str]) -> date:
    return date(int(found["year"]), int(found["month"]), int(found["day"]))


def parse_datetime(value: Any) -> datetime:
    """Parse an ISO 8601 date with an optional time, or epoch milliseconds, which is how Conductor writes times.

    It accepts the same text on every Python version: ``Z`` or an offset with or without a colon, one to nine digits of
    a fraction (those beyond microseconds are cut off), a ``T`` or a space between date and time.
    """
    if _is_number(value):
        return from_epoch_ms(value)
    found = _DATE_TIME.fullmatch(_require_str(value))
    if found is None:
        raise ValueError("not an ISO 8601 date and time")
    return datetime.combine(_day(found), _clock(found) if found["hour"] else time())


def _date(value: Any) -> date:
    text = _require_str(value)
    if found := _DATE_ONLY.fullmatch(text):
        return _day(found)
    if _DATE_TIME.fullmatch(text) is None:
        raise ValueError("not an ISO 8601 date")
    moment = parse_datetime(text)
    if moment.time() != time():
        raise ValueError("a date and a time, where only a date is expected")
    return moment.date()


def _time(value: Any) -> time:
    found = _TIME_ONLY.fullmatch(_require_str(value))
    if found is None:
        raise ValueError("not an ISO 8601 time")
    return _clock(found)


def _timedelta(value: Any) -> timedelta:
    seconds = _float(value)
    if not math.isfinite(seconds):
        raise ValueError("not a finite number of seconds")
    return timedelta(seconds=seconds)


def _from_str(parse: Callable[[str], Any]) -> Callable[[Any], Any]:
    return lambda value: parse(_require_str(value))


_LITERAL_STRINGS = {typing_extensions.LiteralString, getattr(typing, "LiteralString", typing_extensions.LiteralString)}

#: The types that JSON has as a string, a number, true, false or null, each with its parser.
_SCALARS: dict[Any, Callable[[Any], Any]] = {
    str: _str,
    **dict.fromkeys(_LITERAL_STRINGS, _str),
    int: _int,
    float: _float,
    bool: _bool,
    None: _none,
    type(None): _none,
    bytes: _bytes,
    bytearray: lambda value: bytearray(_bytes(value)),
    datetime: parse_datetime,
    date: _date,
    time: _time,
    timedelta: _timedelta,
    timezone: _from_str(lambda text: timezone.utc if text == "UTC" else _zone(text.removeprefix("UTC"))),
    **{kind: _from_str(kind) for kind in (Path, PosixPath, PurePath, PurePosixPath, PureWindowsPath)},
}


def scalar_parser(kind: Any) -> Callable[[Any], Any] | None:
    """Return the parser of a type that JSON has as a string, a number, true, false or null; None for other types.

    Args:
        kind: The type, without type arguments.
    """
    if (parse := _SCALARS.get(kind)) is not None or not isinstance(kind, type) or kind.__module__ == "builtins":
        return parse
    return _imported_scalars().get(kind)


@functools.cache
def _imported_scalars() -> dict[Any, Callable[[Any], Any]]:
    """Return the parsers of types from modules that few workers use: importing the modules takes 3 ms."""
    from decimal import Decimal
    from fractions import Fraction
    from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
    from uuid import UUID
    from zoneinfo import ZoneInfo

    addresses = (IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network)
    return {Decimal: _decimal, **{kind: _from_str(kind) for kind in (*addresses, Fraction, UUID, ZoneInfo)}}
