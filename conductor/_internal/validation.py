"""Validation of settings and environment variables. Errors name the variable, its value and the valid values."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from conductor.errors import ConfigurationError

__all__ = ["check_bool", "check_int", "read_bool", "read_int", "read_str", "read_url"]


_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
#: White space, control and invisible characters, and characters that browsers treat as a slash.
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ud800-\udfff\\<>\"^`{|}]")
#: Characters of an invalid value that an error shows.
_SHOWN_CHARACTERS = 200


def read_bool(name: str, text: str) -> bool:
    """Parse ``true``, ``1``, ``yes``, ``on``, ``false``, ``0``, ``no`` or ``off``, in any case."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _refused(name, text, "true or false (or 1/0, yes/no, on/off)")


def check_bool(name: str, value: bool) -> bool:
    """Return True or False. A string is refused: "false" would count as true.

    Raises:
        ConfigurationError: The value is something else.
    """
    if not isinstance(value, bool):
        raise _refused(name, value, "True or False")
    return value


def read_str(name: str, value: str) -> str:
    """Return a string without the white space around it.

    Raises:
        ConfigurationError: The value is not a string. The error does not show it, because it may be a secret.
    """
    if not isinstance(value, str):
        raise ConfigurationError(
            f"{name} must be a string, not {type(value).__name__}.", variable=name, allowed="a string"
        )
    return value.strip()


def read_int(name: str, text: str | int, *, minimum: int = 0, maximum: int | None = None) -> int:
    """Return an integer, or parse a string of ASCII digits as one.

    Raises:
        ConfigurationError: The value is not an integer, or not from ``minimum`` to ``maximum``.
    """
    if not isinstance(text, str):
        return check_int(name, text, minimum=minimum, maximum=maximum)
    if not _INTEGER.fullmatch(text.strip()):
        raise _refused(name, text, _valid_range(minimum, maximum))
    try:
        return check_int(name, int(text), minimum=minimum, maximum=maximum)
    except (ValueError, ConfigurationError):  # ValueError: Python limits the digits of an integer
        raise _refused(name, text, _valid_range(minimum, maximum)) from None


def check_int(name: str, value: int, *, minimum: int = 0, maximum: int | None = None) -> int:
    """Return an integer; reject other values, including 1.7 and True.

    Raises:
        ConfigurationError: The value is not an integer, or not from ``minimum`` to ``maximum``.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise _refused(name, value, _valid_range(minimum, maximum))
    if value < minimum or (maximum is not None and value > maximum):
        raise _refused(name, value, _valid_range(minimum, maximum))
    return value


def _valid_range(minimum: int, maximum: int | None) -> str:
    return f"an integer, {minimum} or greater" if maximum is None else f"an integer from {minimum} to {maximum}"


def read_url(
    name: str, text: str, schemes: tuple[str, ...] = ("http", "https"), *, allows_password: bool = False
) -> str:
    """Return an absolute URL.

    Args:
        name: The name of the setting, for the error.
        text: The URL.
        schemes: The valid schemes.
        allows_password: Whether the URL may contain a user name and password.

    Raises:
        ConfigurationError: The URL is invalid or contains a password; the error does not show the password.
    """
    url = read_str(name, text)
    allowed = f"a URL such as {schemes[0]}://host:port"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0 and not _NOT_IN_URLS.search(url)
    except ValueError:
        usable = False
    if not usable:
        raise _refused(name, _without_secrets(url, allows_password=allows_password), allowed)
    if not allows_password and "@" in parts.netloc:
        raise ConfigurationError(
            f"{name} is {_without_secrets(url)!r}: a URL must not contain a user name and password, which would "
            "appear in logs and not be sent. Pass ConductorClient(auth=requests.auth.HTTPBasicAuth(user, password)).",
            variable=name,
            allowed=f"{allowed}, without user name and password",
        )
    if parts.query or parts.fragment:
        raise ConfigurationError(
            f"{name} is {_without_secrets(url)!r}: the paths of requests are appended to it, so it must not contain a "
            "query (?...) or a fragment (#...).",
            variable=name,
            allowed=f"{allowed}, without query and fragment",
        )
    return url


def _without_secrets(url: str, *, allows_password: bool = False) -> str:
    """Return a URL without its user name, password, query and fragment, as far as an invalid URL has any."""
    scheme, separator, rest = url.rpartition("://")
    start = f"{scheme.rpartition('@')[2]}{separator}"
    before, at, host = rest.rpartition("@")
    if allows_password and not at:  # it may be a password whose @ was forgotten
        return f"{start}***"
    shown = host if at else before or rest
    if cut := re.search(r"[?#]", shown):
        shown = f"{shown[: cut.start() + 1]}***"
    return f"{start}***@{shown}" if at else f"{start}{shown}"


def _refused(name: str, value: object, allowed: str) -> ConfigurationError:
    return ConfigurationError(
        f"{name} is {_shortened(value)}; it must be {allowed}.", variable=name, value=value, allowed=allowed
    )


def _shortened(value: object) -> str:
    text = repr(value) if isinstance(value, str | int | float | None) else f"of type {type(value).__name__}"
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
