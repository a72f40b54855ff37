"""Forwards the page's requests to the API of a Conductor server, with a token if the server requires one."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from collections.abc import Mapping
from urllib.parse import urlsplit

from attrs import define, field, frozen

from conductor.errors import ConfigurationError
from conductor.settings import Settings

#: Headers of the browser's request to forward.
_FORWARDED = ("accept", "content-type", "x-authorization")
#: Seconds to connect, and to wait for data.
_TIMEOUT = 60.0
#: Status after which the token is fetched again, once: servers forget tokens when they restart.
_UNAUTHORIZED = 401


@frozen
class Answer:
    """A response of the server.

    Attributes:
        status: The HTTP status.
        content_type: The Content-Type; "" if there is none.
        body: The body.
    """

    status: int
    content_type: str
    body: bytes


class UpstreamError(Exception):
    """The server cannot be reached; the message names the server and the reason."""


@define
class Upstream:
    """A Conductor server.

    Attributes:
        url: The address of its API.
        auth_key: The key id, if the server requires authentication.
        auth_secret: The secret of the key.
        tls: The TLS context; None for the defaults.
    """

    url: str
    auth_key: str | None = None
    auth_secret: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    _token: str | None = field(default=None, init=False, repr=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """Forward a request, with a token if there is a key.

        Args:
            method: The HTTP method.
            target: Path and query below the API, such as ``/workflow/search?size=1``.
            headers: The request's headers, by lower-case name; only Accept, Content-Type and X-Authorization are
                forwarded.
            body: The request's body.

        Raises:
            UpstreamError: The server cannot be reached, or returns no token.
        """
        passed = {name: headers[name] for name in _FORWARDED if name in headers}
        token = self._valid_token(None)
        answer = self._exchange(method, target, passed, body, token)
        if answer.status == _UNAUTHORIZED and token:
            answer = self._exchange(method, target, passed, body, self._valid_token(token))
        return answer

    def _valid_token(self, rejected: str | None) -> str | None:
        """Return the token, or a new one if the server has rejected it; None without a key."""
        if self.auth_key is None:
            return None
        with self._lock:
            if self._token is None or self._token == rejected:
                pair = json.dumps({"keyId": self.auth_key, "keySecret": self.auth_secret}).encode()
                answer = self._exchange("POST", "/token", {"content-type": "application/json"}, pair, None)
                try:
                    self._token = str(json.loads(answer.body)["token"])
                except (ValueError, LookupError, TypeError):
                    raise UpstreamError(f"{self.url} returned no token: status {answer.status}") from None
            return self._token

    def _exchange(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, token: str | None
    ) -> Answer:
        parts = urlsplit(self.url)
        sent = {**headers, **({"x-authorization": token} if token else {})}
        connection = self._connection(parts.scheme, parts.netloc)
        try:
            connection.request(method, parts.path.rstrip("/") + target, body=body, headers=sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers.get("Content-Type", ""), response.read())
        except (OSError, http.client.HTTPException) as error:
            raise UpstreamError(f"Cannot connect to {self.url}: {error}") from error
        finally:
            connection.close()

    def _connection(self, scheme: str, netloc: str) -> http.client.HTTPConnection:
        if scheme == "https":
            tls = self.tls or ssl.create_default_context()
            return http.client.HTTPSConnection(netloc, timeout=_TIMEOUT, context=tls)
        return http.client.HTTPConnection(netloc, timeout=_TIMEOUT)


def upstream_of(settings: Settings) -> Upstream:
    """Return the server of the settings, with their key and certificates. A proxy is not used.

    Raises:
        ConfigurationError: A certificate cannot be read.
    """
    try:
        tls = ssl.create_default_context(cafile=settings.ca_bundle)
        if settings.client_cert:
            tls.load_cert_chain(settings.client_cert, settings.client_key)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"The certificates in the settings cannot be used: {error}") from error
    if not settings.verify:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    return Upstream(settings.server_url, settings.auth_key, settings.auth_secret, tls)
