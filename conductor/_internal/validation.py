"""Text and numbers to values; an error names the variable, its value and what is allowed."""

from __future__ import annotations

import math
from urllib.parse import urlsplit

from conductor.errors import ConfigurationError

__all__ = ["check_int", "check_seconds", "read_bool", "read_int", "read_url"]


_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})


def read_bool(name: str, text: str) -> bool:
    """``true``, ``1``, ``yes``, ``on``, or ``false``, ``0``, ``no``, ``off``, in any case."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _refused(name, text, "true or false (or 1/0, yes/no, on/off)")


def read_int(name: str, text: str | int, *, minimum: int = 0, maximum: int | None = None) -> int:
    """A whole number from ``minimum`` to ``maximum``, or the text of one."""
    try:
        return check_int(name, int(text) if isinstance(text, str) else text, minimum=minimum, maximum=maximum)
    except (ValueError, ConfigurationError):
        raise _refused(name, text, _whole(minimum, maximum)) from None


def check_int(name: str, value: int, *, minimum: int = 0, maximum: int | None = None) -> int:
    """A whole number from ``minimum`` to ``maximum``; 1.7 is not taken for 1, nor True for 1."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise _refused(name, value, _whole(minimum, maximum))
    if value < minimum or (maximum is not None and value > maximum):
        raise _refused(name, value, _whole(minimum, maximum))
    return value


def _whole(minimum: int, maximum: int | None) -> str:
    return f"a whole number from {minimum}" + (f" to {maximum}" if maximum is not None else "")


def check_seconds(name: str, value: float) -> float:
    """A number of seconds from 0 that comes to an end."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise _refused(name, value, "a number of seconds from 0")
    return value


def read_url(
    name: str, text: str, schemes: tuple[str, ...] = ("http", "https"), *, takes_password: bool = False
) -> str:
    """An absolute URL with a host; with a user's name and password only where ``takes_password``."""
    url = text.strip()
    allowed = f"a URL such as {schemes[0]}://host:port"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != -1
    except ValueError:
        usable = False
    if not usable:
        raise _refused(name, _without_password(url), allowed)
    if not takes_password and "@" in parts.netloc:
        raise ConfigurationError(
            f"{name} is {_without_password(url)!r}: the user's name and password in it would not be sent, and would "
            "stand in logs. Give ConductorClient an auth for them, as requests.auth.HTTPBasicAuth(user, password).",
            variable=name,
            allowed=f"{allowed}, without user and password",
        )
    return url


def _without_password(url: str) -> str:
    before, at, rest = url.rpartition("@")
    scheme, separator, _ = before.partition("://")
    return f"{scheme if separator else ''}{separator}***@{rest}" if at else url


def _refused(name: str, value: object, allowed: str) -> ConfigurationError:
    return ConfigurationError(
        f"{name} is {value!r}; it must be {allowed}.", variable=name, value=value, allowed=allowed
    )
