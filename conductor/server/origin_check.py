"""The check of hosts and origins: no page of another site may use a local server through the user's browser."""

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
    """Return whether only this machine can reach a server that listens on the host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@frozen
class OriginCheck:
    """The conditions on a request.

    Attributes:
        names: Host names of the server, in addition to those of this machine; None for any.
        key: A password that every request must carry (HTTP Basic, any user name); None for none.
    """

    names: Collection[str] | None = ()
    key: str | None = field(default=None, repr=False)

    def refusal(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """Return the status and the message to refuse a request with; None when it may pass.

        Args:
            method: The HTTP method.
            path: The path, as it was sent.
            headers: The headers, by lower-case name.
        """
        host = headers.get("host", "")
        if not self._is_ours(host):
            return 403, f"This server does not answer to the name {host!r}."
        if not (_same_origin(headers, host) or _follows_a_link(method, path, headers)):
            return 403, "Pages of other origins may not use this server."
        if self.key is not None and not _carries(headers.get("authorization", ""), self.key):
            return 401, "This server needs its key: as the password, with any user name."
        return None

    def _is_ours(self, host: str) -> bool:
        if self.names is None:
            return True
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in _LOCAL_NAMES or name in {known.lower() for known in self.names}


def _same_origin(headers: Mapping[str, str], host: str) -> bool:
    if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == host.lower()


def _follows_a_link(method: str, path: str, headers: Mapping[str, str]) -> bool:
    """Return whether a browser only opens the page. A form is a navigation, too, but it posts."""
    is_navigation = headers.get("sec-fetch-mode") == "navigate" and "origin" not in headers
    return is_navigation and method == "GET" and not path.startswith(_API)


def _carries(authorization: str, key: str) -> bool:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        password = base64.b64decode(credentials, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(password, key.encode())
