"""The server behind the page: requests to its API, with a token where it asks for one."""

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

_FORWARDED = ("accept", "content-type", "x-authorization")
_TIMEOUT = 60.0
_UNAUTHORIZED = 401


@frozen
class Answer:
    """What the server said."""

    status: int
    content_type: str
    body: bytes


class UpstreamError(Exception):
    """The server cannot be reached; the text says which and why."""


@define
class Upstream:
    """A Conductor server, by the address of its API."""

    url: str
    auth_key: str | None = None
    auth_secret: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    _token: str | None = field(default=None, init=False, repr=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """Pass a request on.

        Args:
            method: The HTTP method.
            target: Path and query below the API, such as `/workflow/search?size=1`.
            headers: The request's, by lower-case name; those about the content, and a token, are passed on.
            body: What it carries.

        Raises:
            UpstreamError: There was no answer.
        """
        passed = {name: headers[name] for name in _FORWARDED if name in headers}
        token = self._valid_token(None)
        answer = self._exchange(method, target, passed, body, token)
        if answer.status == _UNAUTHORIZED and token:
            answer = self._exchange(method, target, passed, body, self._valid_token(token))
        return answer

    def _valid_token(self, spent: str | None) -> str | None:
        """Return the token, a new one in place of the spent one; None when no key is known."""
        if self.auth_key is None:
            return None
        with self._lock:
            if self._token is None or self._token == spent:
                pair = json.dumps({"keyId": self.auth_key, "keySecret": self.auth_secret}).encode()
                answer = self._exchange("POST", "/token", {"content-type": "application/json"}, pair, None)
                try:
                    self._token = str(json.loads(answer.body)["token"])
                except (ValueError, LookupError, TypeError):
                    raise UpstreamError(f"{self.url} gave no token: status {answer.status}") from None
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
            raise UpstreamError(f"{self.url} does not answer: {error}") from error
        finally:
            connection.close()

    def _connection(self, scheme: str, netloc: str) -> http.client.HTTPConnection:
        if scheme == "https":
            tls = self.tls or ssl.create_default_context()
            return http.client.HTTPSConnection(netloc, timeout=_TIMEOUT, context=tls)
        return http.client.HTTPConnection(netloc, timeout=_TIMEOUT)


def upstream_of(settings: Settings) -> Upstream:
    """Return the server that the settings name, with their key and their certificates; a proxy is not used.

    Raises:
        ConfigurationError: A certificate cannot be read.
    """
    try:
        tls = ssl.create_default_context(cafile=settings.ca_bundle)
        if settings.client_cert:
            tls.load_cert_chain(settings.client_cert, settings.client_key)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"The certificates of the settings cannot be used: {error}") from error
    if not settings.verify:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    return Upstream(settings.server_url, settings.auth_key, settings.auth_secret, tls)
