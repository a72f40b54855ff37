"""Durations: numbers of seconds, ``timedelta`` objects, strings such as ``15m``, and delays that double."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Any

from conductor.errors import ConfigurationError

__all__ = ["exponential_backoff", "parse_duration", "timedelta_to_seconds", "to_seconds", "to_whole_seconds"]

#: Seconds in each unit that a duration string may end with; no unit means seconds.
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)", re.ASCII)


def to_seconds(value: float | timedelta, name: str = "duration", *, allow_negative: bool = False) -> float:
    """Return a duration as seconds.

    Args:
        value: Seconds, or a ``timedelta``.
        name: The argument's name, for the error.
        allow_negative: Accept a duration before 0, such as one until a time that has passed.

    Raises:
        ConfigurationError: The value is not a number, or is negative, infinite or NaN.
    """
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise _refused(name, value, allow_negative=allow_negative)
    else:
        seconds = value
    if not math.isfinite(seconds) or (seconds < 0 and not allow_negative):
        raise _refused(name, value, allow_negative=allow_negative)
    return seconds


def to_whole_seconds(value: float | timedelta, name: str = "duration", *, allow_negative: bool = False) -> int:
    """Return a duration as whole seconds, rounded up.

    Raises:
        ConfigurationError: As for ``to_seconds``.
    """
    return math.ceil(to_seconds(value, name, allow_negative=allow_negative))


def timedelta_to_seconds(value: Any, name: str = "duration") -> Any:
    """Return a ``timedelta`` as whole seconds, rounded up, and any other value, such as a reference, unchanged.

    Raises:
        ConfigurationError: The ``timedelta`` is negative.
    """
    return to_whole_seconds(value, name) if isinstance(value, timedelta) else value


def parse_duration(text: str, name: str = "duration") -> float:
    """Parse a string such as ``90``, ``90s``, ``15m``, ``2h`` or ``3d``, and return the seconds.

    Raises:
        ConfigurationError: The string is not a duration.
    """
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None:
        raise ConfigurationError(
            f"invalid {name}: {text!r} (use 90, 90s, 15m, 2h or 3d)",
            variable=name,
            value=text,
            allowed="90, 90s, 15m, 2h or 3d",
        )
    return float(match[1]) * _UNITS[match[2]]


#: Maximum number of doublings of a delay, far below the overflow of a float.
_MAX_DOUBLINGS = 60


def exponential_backoff(failures: int, first: float, longest: float = math.inf) -> float:
    """Return the delay after consecutive failures: ``first`` after one, doubled after each further one.

    Args:
        failures: Failures in a row, 1 or more.
        first: Seconds after the first failure.
        longest: Maximum delay in seconds.
    """
    return min(first * 2.0 ** min(failures - 1, _MAX_DOUBLINGS), longest)


def _refused(name: str, value: object, *, allow_negative: bool) -> ConfigurationError:
    allowed = f"a number of seconds{'' if allow_negative else ', 0 or more'}, or a timedelta"
    return ConfigurationError(
        f"{name} is {value!r}; it must be {allowed}.", variable=name, value=value, allowed=allowed
    )
