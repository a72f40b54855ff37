"""Validation of settings and environment variables. Errors name the variable, its value and the valid values."""

from __future__ import annotations

from urllib.parse import urlsplit

from conductor.errors import ConfigurationError

__all__ = ["check_int", "read_bool", "read_int", "read_url"]


_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})


def read_bool(name: str, text: str) -> bool:
    """Parse ``true``, ``1``, ``yes``, ``on``, ``false``, ``0``, ``no`` or ``off``, in any case."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _refused(name, text, "true or false (or 1/0, yes/no, on/off)")


def read_int(name: str, text: str | int, *, minimum: int = 0, maximum: int | None = None) -> int:
    """Return an integer, or parse a string as one.

    Raises:
        ConfigurationError: The value is not an integer, or not from ``minimum`` to ``maximum``.
    """
    try:
        return check_int(name, int(text) if isinstance(text, str) else text, minimum=minimum, maximum=maximum)
    except (ValueError, ConfigurationError):
        raise _refused(name, text, _valid_range(minimum, maximum)) from None


def check_int(name: str, value: int, *, minimum: int = 0, maximum: int | None = None) -> int:
    """Return an integer. Neither 1.7 nor True counts as one.

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
    url = text.strip()
    allowed = f"a URL such as {schemes[0]}://host:port"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != -1
    except ValueError:
        usable = False
    if not usable:
        raise _refused(name, _without_password(url), allowed)
    if not allows_password and "@" in parts.netloc:
        raise ConfigurationError(
            f"{name} is {_without_password(url)!r}: a URL must not contain a user name and password, which would "
            "appear in logs and not be sent. Pass ConductorClient(auth=requests.auth.HTTPBasicAuth(user, password)).",
            variable=name,
            allowed=f"{allowed}, without user name and password",
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
