"""Durations: numbers of seconds, ``timedelta`` objects, and strings such as ``15m``."""

from __future__ import annotations

import math
import re
from datetime import timedelta

from conductor.errors import ConfigurationError

__all__ = ["parse_duration", "to_seconds", "to_whole_seconds"]

#: Seconds in each unit that a duration string may end with; no unit means seconds.
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)", re.ASCII)
_ALLOWED = "a number of seconds, 0 or more, or a timedelta"


def to_seconds(value: float | timedelta, name: str = "duration") -> float:
    """Return a duration as seconds.

    Args:
        value: Seconds, or a ``timedelta``.
        name: The argument's name, for the error.

    Raises:
        ConfigurationError: The value is not a number, or is negative, infinite or NaN.
    """
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise _refused(name, value)
    else:
        seconds = value
    if not 0 <= seconds < math.inf:  # also refuses NaN
        raise _refused(name, value)
    return seconds


def to_whole_seconds(value: float | timedelta, name: str = "duration") -> int:
    """Return a duration as whole seconds, rounded up.

    Raises:
        ConfigurationError: As for ``to_seconds``.
    """
    return math.ceil(to_seconds(value, name))


def parse_duration(text: str, name: str = "duration") -> float:
    """Return the seconds that a string such as ``90``, ``90s``, ``15m``, ``2h`` or ``3d`` stands for.

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


def _refused(name: str, value: object) -> ConfigurationError:
    return ConfigurationError(
        f"{name} is {value!r}; it must be {_ALLOWED}.", variable=name, value=value, allowed=_ALLOWED
    )
