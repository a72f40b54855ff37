"""Checks of hosts and origins, so that pages of other sites cannot access a local server through the user's browser."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from attrs import field, frozen

_API = "/api"
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a server that listens on ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@frozen
class OriginCheck:
    """The requests that a server accepts.

    Attributes:
        names: Host names of the server, in addition to those of this machine; None to accept any name.
        key: The password that every request needs (HTTP Basic, any user name); None to require no password.
    """

    names: Collection[str] | None = ()
    key: str | None = field(default=None, repr=False)

    def refusal(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """Return the status and the message with which to refuse a request; None to accept it.

        Args:
            method: The HTTP method.
            path: The path, as it was sent.
            headers: The headers, by lower-case name.
        """
        host = headers.get("host", "")
        if not self._is_own_name(host):
            return 403, f"This server does not serve the host name {host!r}."
        if not (_is_same_origin(headers, host) or _follows_link(method, path, headers)):
            return 403, "Pages of other origins cannot use this server."
        if self.key is not None and not _has_password(headers.get("authorization", ""), self.key):
            return 401, "This server requires its key as the password, with any user name."
        return None

    def _is_own_name(self, host: str) -> bool:
        if self.names is None:
            return True
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in _LOCAL_NAMES or name in {known.lower() for known in self.names}


def _is_same_origin(headers: Mapping[str, str], host: str) -> bool:
    if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == host.lower()


def _follows_link(method: str, path: str, headers: Mapping[str, str]) -> bool:
    """Return whether the user opens the page with a link, whose response scripts of other pages cannot read."""
    is_navigation = headers.get("sec-fetch-mode") == "navigate" and "origin" not in headers
    return is_navigation and method == "GET" and not path.startswith(_API)


def _has_password(authorization: str, key: str) -> bool:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        password = base64.b64decode(credentials, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(password, key.encode())
