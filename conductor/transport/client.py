"""Send every call of every client: authentication, retries, deadlines and errors in one loop."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import re
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.auth import AuthBase
from requests.cookies import RequestsCookieJar
from requests.utils import select_proxy
from typing_extensions import Self

from conductor._internal.durations import to_seconds
from conductor._internal.token_cache import NoTokenEndpoint, TokenCache
from conductor.errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    NotFoundError,
    RateLimitError,
    ServerError,
    UnexpectedResponseError,
)
from conductor.models._base import refuse_unknown_values
from conductor.models.codec import dumps, epoch_ms, to_jsonable
from conductor.settings import Settings
from conductor.transport.auth import ConductorAuth, NoAuth, ReadyToken
from conductor.transport.connections import (
    Deadline,
    DeadlineTimeout,
    ExchangeError,
    PooledAdapter,
    new_session,
    tls_options,
)
from conductor.transport.editions import USER_INFO, ServerInfo, identify, supports_idempotency_keys
from conductor.transport.errors import (
    Call,
    ignored_parameter,
    is_token_problem,
    parse_json,
    parse_response,
    possible_own_conflict,
    request_failure,
    response_error,
    retry_after,
    unsupported,
)
from conductor.transport.events import ClientEvent, Forked
from conductor.transport.operation import (
    NOT_GIVEN,
    Edition,
    GiveUp,
    Hidden,
    NotGiven,
    Operation,
    Outcome,
    Repeat,
    RetryBudget,
    RetryPolicy,
)
from conductor.transport.response_reader import Headers, Response

__all__ = ["Observer", "Transport"]


T = TypeVar("T")
Observer = Callable[[str, str, int, float], None]
"""Called after each request: method, path template, status (0 without a response), seconds."""
logger = logging.getLogger(__name__)
_TOKEN: Operation[dict[str, Any]] = Operation("POST", "/token", dict)
#: Status of a request that the server has not processed, so that it can always be repeated.
_RATE_LIMITED = 429
#: Status that only a proxy sends, so that errors do not name the server.
_PROXY_AUTHENTICATION_REQUIRED = 407
#: Seconds that a request for a token may take: other threads wait for it.
_TOKEN_LIMIT_S = 5.0
#: Seconds (three years) from which a timeout is treated as no limit: sockets and locks fail with some longer timeouts.
_LONGEST_TIMEOUT_S = 1e8
#: The parameter with which each request stores a definition as a new version.
_NEW_VERSION = "newVersion"
#: Name of an idempotency key in the log of ignored parameters.
_KEY = "the idempotency key"
#: Bytes to read at a time from a response of a user's adapter.
_READ_BYTES = 65_536
#: Half of a surrogate pair, which has no UTF-8 form.
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_CONTENT_TYPES = {"json": "application/json", "text": "text/plain", "bytes": "application/octet-stream"}


class _Request:
    """A prepared request. Its repr shows nothing: the body or the URL may be a secret, and it is a local variable."""

    __slots__ = ("body", "headers", "query", "url")

    def __init__(self, url: str, query: list[tuple[str, str]], body: bytes | None, headers: dict[str, str]) -> None:
        self.url = url
        self.query = query
        self.body = body
        self.headers = headers


class _Attempt:
    """The result of one request: a response or a failure, and the token of the request, which the repr hides."""

    __slots__ = ("failure", "response", "token")

    def __init__(self, response: Response | None, failure: APIError | None, token: str | None = None) -> None:
        self.response = response
        self.failure = failure
        self.token = token


class Transport:
    """Sends operations and parses their responses; safe to use from many threads.

    Args:
        settings: The connection settings.
        auth: Authentication instead of the settings' key and secret: a fixed token, a callable that returns a token for
            each request, or a requests ``AuthBase``.
        session: The user's session, which ``close`` does not close.
        adapter: The user's adapter for the SDK's session.
        retry: Which failed requests are sent again.
        clock: Returns monotonic seconds.
        sleep: Waits between attempts.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        auth: AuthBase | str | Callable[[], str] | None = None,
        session: requests.Session | None = None,
        adapter: HTTPAdapter | None = None,
        retry: RetryPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        _check_parts(auth, session, adapter, retry)
        self.settings = settings
        self.session: requests.Session = session or new_session(settings, adapter)
        self.options: dict[str, Any] = tls_options(settings)
        self.retry: RetryPolicy = retry or RetryPolicy()
        self.budget: RetryBudget = RetryBudget()
        self._owns_session = session is None
        self._clock = clock
        self._sleep = sleep
        self._server: ServerInfo | None = None
        self._supports_keys: bool | None = None
        self._warned: set[str] = set()
        self._was_reached = False
        self.auth: AuthBase = self._choose_auth(auth, session)
        self.observers: tuple[Observer, ...] = ()
        self.listeners: tuple[Callable[[ClientEvent], None], ...] = ()
        _remember(self)

    def _choose_auth(
        self, auth: AuthBase | str | Callable[[], str] | None, session: requests.Session | None
    ) -> AuthBase:
        if isinstance(auth, AuthBase):
            return auth
        if auth is not None:
            return ConductorAuth(auth)
        if self.settings.auth_key:
            life = self.settings.refresh_token_interval / 1000
            return ConductorAuth(TokenCache(self._fetch_token, life, self._clock))
        if session is not None and session.auth is not None:
            return session.auth  # type: ignore[return-value]  # requests takes tuples as well
        return NoAuth()

    def __repr__(self) -> str:
        return f"Transport({self.settings.server_url!r})"

    # -- one call

    def request(
        self,
        operation: Operation[T],
        path: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | timedelta | NotGiven | None = NOT_GIVEN,
        has_key: bool = False,
    ) -> T:
        """Send ``operation`` and return the value of its response.

        Args:
            operation: The operation to call.
            path: Its path parameters, which are quoted.
            query: Its query parameters; None is omitted, lists become repeated parameters, and datetimes become epoch
                milliseconds.
            body: A model, plain JSON values, a string or bytes, as the operation sends.
            headers: Further headers.
            timeout: Seconds that the whole call may take; None for no limit.
            has_key: Whether the request carries an idempotency key.

        Raises:
            APIError: The call failed; see ``conductor.errors``.
            SerializationError: The body has no JSON form.
            ConfigurationError: The body contains an unknown enum value; nothing was sent.
        """
        # Servers respond to unknown enum values with 500 and a Java stack trace, or store them, so reject them here.
        for name, given in (*(path or {}).items(), *(query or {}).items(), ("", body)):
            refuse_unknown_values(given, name)
        filled = operation.fill(path or {})
        # Both editions have the path, but for different operations. A request to the wrong edition could change
        # something, so the edition is requested first.
        if operation.shadowed and self.server_info().edition is not operation.edition:
            raise unsupported(Call(operation, filled, 0))
        if has_key or operation.orkes_query or operation.oss_query:
            self._warn_of_ignored(operation, filled, query or {}, has_key=has_key)
        request = _Request(
            self._root(operation) + filled,
            list(_query(query or {})),
            _encoded(operation, body),
            {**_content_type(operation, body), **(headers or {})},
        )
        makes_version = bool((query or {}).get(_NEW_VERSION))  # a repeated request would create a second version
        repeatable = operation.repeat is Repeat.SAFE or (operation.repeat is Repeat.WITH_KEY and has_key)
        response = self._send(
            operation, filled, request, self._limit(timeout), repeatable=repeatable and not makes_version
        )
        value: T = parse_response(Call(operation, filled), response)
        return value

    def _warn_of_ignored(
        self, operation: Operation[Any], path: str, query: Mapping[str, Any], *, has_key: bool
    ) -> None:
        """Warn once for each parameter that the server ignores: those of the other edition, and idempotency keys.

        Raises:
            UnsupportedByServerError: The parameter is a filter, without which the server would return everything.
        """
        given = [
            (name, edition)
            for names, edition in ((operation.orkes_query, Edition.ORKES), (operation.oss_query, Edition.OSS))
            for name in names
            if query.get(name) not in (None, False)
        ]
        given += [(_KEY, Edition.ORKES)] if has_key else []
        for name, edition in given:
            warning, selects = f"{operation} {name}", name in operation.selects
            if warning in self._warned and not selects:
                continue
            self._warned.add(warning)
            server = self._known_server()
            if server is None or server.edition is edition or (name == _KEY and self.supports_idempotency_keys()):
                continue
            if selects:
                raise ignored_parameter(Call(operation, path, 0), name, edition, str(server))
            logger.warning(
                "%s: the server in use (%s) ignores %s, which only %s supports", operation, server, name, edition.value
            )

    def _known_server(self) -> ServerInfo | None:
        """Return the server in use; None if it cannot be identified."""
        with contextlib.suppress(APIError):
            return self.server_info()
        return None

    def _root(self, operation: Operation[Any]) -> str:
        url = self.settings.server_url
        return url.removesuffix("/api") if operation.root else url

    def _limit(self, timeout: float | timedelta | NotGiven | None) -> float | None:
        if isinstance(timeout, NotGiven):
            return self.settings.request_timeout_ms / 1000 or None
        if timeout is None:
            return None
        seconds = to_seconds(timeout, "timeout")
        return seconds if seconds < _LONGEST_TIMEOUT_S else None

    def deadline(self, limit: float | None) -> Deadline:
        """Return the deadline of a request that may take ``limit`` seconds from now."""
        return Deadline(limit, self.settings.connect_timeout_ms / 1000 or None)

    def _send(
        self, operation: Operation[Any], path: str, request: _Request, limit: float | None, *, repeatable: bool
    ) -> Response:
        # One deadline applies to all attempts and the delays between them: `timeout` limits the user's call, not each
        # request.
        deadline = None if limit is None else self._clock() + limit
        rejected: _Attempt | None = None
        attempt, may_have_arrived = 0, False
        while True:
            attempt += 1
            call = Call(operation, path, attempt)
            left = None if deadline is None else deadline - self._clock()
            made = self._attempt(call, request, left, rejected)
            if made.response is not None:
                response = made.response
                if response.status < 300:
                    self.budget.give_back(was_repeated=attempt > 1)
                    return response
                # A token can be revoked early, such as by a restart of the server. The server rejected the request
                # without processing it, so one more attempt with a new token is safe and does not count.
                if rejected is None and self._is_renewable(operation, response):
                    rejected = made
                    attempt -= 1
                    continue
                failure = response_error(call, response)
                outcome = Outcome(repeatable, response.status, retry_after(response.headers))
            else:
                failure = made.failure or APIError("")
                outcome = self._outcome(failure, repeatable=repeatable)
            decision = self.retry.decide(attempt, outcome)
            # A delay that ends after the deadline would only delay the error.
            if isinstance(decision, GiveUp) or (deadline is not None and self._clock() + decision.seconds > deadline):
                is_keyed = operation.repeat is Repeat.WITH_KEY
                # The server may have processed the first request although its response was lost. The conflict is then
                # with that request, and the error must not blame another client.
                if is_keyed and may_have_arrived and isinstance(failure, ConflictError):
                    failure = possible_own_conflict(call, failure)
                raise self._with_edition(call, failure)
            # From here on, the server may have processed the request, even if a later attempt fails to connect.
            may_have_arrived = may_have_arrived or not (outcome.never_sent or outcome.status == _RATE_LIMITED)
            # While many calls fail, retries would multiply the server's load, so the call fails immediately.
            if not self.budget.take():
                raise failure
            self._sleep(decision.seconds)
            # A server that ignores idempotency keys would start a second execution. This is checked only now, because
            # the check may need a request.
            if operation.repeat is Repeat.WITH_KEY and not outcome.never_sent and self._ignores_keys(outcome):
                raise failure

    def _is_renewable(self, operation: Operation[Any], response: Response) -> bool:
        return not operation.anonymous and isinstance(self.auth, ConductorAuth) and is_token_problem(response)

    def _outcome(self, failure: APIError, *, repeatable: bool) -> Outcome:
        wait = failure.token_retry_after
        # All threads share one token. After a failed request for it, all threads wait before the next one.
        if wait is not None and isinstance(failure, ServerError | RateLimitError):
            # POST /token failed, so the request was not sent; no token is requested before ``wait`` has passed
            return Outcome(
                repeatable=True,
                status=failure.status,
                retry_after=max(wait, failure.retry_after or 0.0),
                never_sent=True,
            )
        if not isinstance(failure, APIConnectionError):  # an unacceptable response, or no token
            return Outcome(repeatable=False)
        return Outcome(
            repeatable and not failure.is_permanent,
            timed_out=isinstance(failure, APITimeoutError),
            never_sent=failure.never_sent and not failure.is_permanent,
            is_first_refusal=failure.is_refused and not self._was_reached,
        )

    def _ignores_keys(self, outcome: Outcome) -> bool:
        """Return whether the server would process a request twice."""
        if outcome.status == _RATE_LIMITED:
            return False  # the server rejected the request without processing it
        return not self.supports_idempotency_keys()

    def _with_edition(self, call: Call, failure: APIError) -> APIError:
        """Return a more precise error for a 404 of a server whose edition does not have the operation."""
        operation = call.operation
        if type(failure) is not NotFoundError or operation.edition is Edition.BOTH or operation is USER_INFO:
            return failure
        server = self._known_server()
        return failure if server is None or server.edition is operation.edition else unsupported(call, failure)

    def _attempt(self, call: Call, request: _Request, left: float | None, rejected: _Attempt | None) -> _Attempt:
        """Send a request once, and return failures, so that no traceback of an error contains the request."""
        auth: AuthBase = NoAuth() if call.operation.anonymous else self.auth
        deadline = self.deadline(left)
        token: str | None = None
        try:
            if isinstance(auth, ConductorAuth):
                token = auth.token(left) if rejected is None else auth.renew(rejected.token, left)
                if rejected is not None and token is None:
                    return _Attempt(None, response_error(call, rejected.response or Response(0, Headers())))
                auth = ReadyToken(token)
            response = self.exchange(call, request.url, request.body, request.headers, auth, deadline, request.query)
        except APIError as error:
            # Create the error without raising it: the traceback of `error` refers to frames with the headers and the
            # body, which error reporters would upload.
            return _Attempt(None, request_failure(call, self.settings.server_url, error))
        return _Attempt(response, None, token)

    def exchange(
        self,
        call: Call,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        auth: AuthBase,
        deadline: Deadline,
        query: list[tuple[str, str]] | None = None,
    ) -> Response:
        """Send one request through the session and read its response.

        Raises:
            APIError: The call got no acceptable response. The frames of the traceback contain the request: drop the
                traceback.
        """
        started, status = time.monotonic(), 0
        failure: APIError | None = None
        try:
            with self.session.request(
                call.operation.method,
                url,
                params=query,
                data=body,
                headers=headers,
                auth=auth,
                timeout=DeadlineTimeout(deadline),  # type: ignore[arg-type]  # requests passes urllib3's own through
                # A redirect would send the token and the body to a host that the user did not configure.
                allow_redirects=False,
                # The body is read below, with a size limit and with the deadline of the whole call.
                stream=True,
                **self.options,
            ) as answered:
                response = self._read(answered, url, deadline)
            status = response.status
        except Exception as error:  # a user's adapter or authentication may raise anything
            failure = request_failure(call, self._server_of(url), error, self._foreign_proxy(url))
        if self.observers:
            self.notify_observers(call.operation, status, time.monotonic() - started)
        if failure is not None:
            raise failure
        self._was_reached = self._was_reached or not call.operation.anonymous
        return response

    def _read(self, answered: requests.Response, url: str, deadline: Deadline) -> Response:
        """Read the whole response of a user's adapter."""
        largest = self.settings.max_response_kb * 1024
        too_large = f"the response is too large: its body exceeds {largest:,} bytes; max_response_kb allows more"
        declared = answered.headers.get("Content-Length") or ""
        if declared.isdecimal() and len(declared) > len(str(largest)):  # otherwise, the body would be read first
            raise ExchangeError(too_large, is_malformed=True)
        # `Content-Length` may be missing, or be that of the compressed body, so the received bytes are counted.
        parts, size = [], 0
        for block in answered.iter_content(_READ_BYTES):
            parts.append(block)
            size += len(block)
            if size > largest:
                raise ExchangeError(too_large, is_malformed=True)
            if time.monotonic() > deadline.at and not isinstance(self.session.get_adapter(url), PooledAdapter):
                raise ExchangeError(f"{self.settings.server_url} did not answer in time", timed_out=True)
        status = answered.status_code
        if status < 200:  # http.client treats 103 as the final response, which follows on the connection
            self.session.get_adapter(url).close()
            raise ExchangeError(f"the response is invalid: its status is {status}", is_malformed=True)
        if status == _PROXY_AUTHENTICATION_REQUIRED and (proxy := self._foreign_proxy(url)):
            raise ExchangeError(f"{proxy} requires a user and password (407)", never_sent=True, is_permanent=True)
        headers = Headers((name.lower(), value) for name, value in answered.headers.items())
        return Response(status, headers, b"".join(parts))

    def _server_of(self, url: str) -> str:
        """Return the server of a URL for messages; for a storage only its host, because its URLs are signed."""
        if url.startswith(self.settings.server_url.removesuffix("/api")):
            return self.settings.server_url
        return f"the storage at {urlsplit(url).netloc.rpartition('@')[2]}"

    def _foreign_proxy(self, url: str) -> str:
        """Return the proxy in use for messages, without its password; "" for none."""
        given = self.options.get("proxies", {})
        merged = self.session.merge_environment_settings(url, dict(given), stream=False, verify=None, cert=None)
        proxy = select_proxy(url, merged["proxies"])
        if not proxy:
            return ""
        host = proxy.rpartition("@")[2].rpartition("://")[2]
        return f"the proxy {host}"

    def notify_observers(self, operation: Operation[Any], status: int, took: float) -> None:
        """Call the observers after a request."""
        for observer in self.observers:
            try:
                observer(operation.method, operation.path, status, took)
            except Exception:  # a user's code must not fail the call
                logger.exception("An observer of requests raised an exception; the call continues")

    def emit(self, event: ClientEvent) -> None:
        """Pass an event to the listeners."""
        for listener in self.listeners:
            try:
                listener(event)
            except Exception:  # a user's code must not fail the call
                logger.exception("A listener raised an exception on %s; the call continues", type(event).__name__)

    def _fetch_token(self, limit: float | None) -> str:
        """Request a token (``POST /token``) within ``limit`` seconds, at most five, as other threads wait for it."""
        longest = min(self._limit(NOT_GIVEN) or _TOKEN_LIMIT_S, _TOKEN_LIMIT_S)
        call = Call(_TOKEN, "/token")
        response = self._request_token(call, longest if limit is None else min(limit, longest))
        if isinstance(response, APIError):
            raise response
        if response.status == 404:
            raise NoTokenEndpoint
        if response.status in {400, 401, 403}:
            raise AuthenticationError(
                f"The server refused the access key {self.settings.auth_key!r} with {response.status}: check auth_key "
                "and auth_secret (CONDUCTOR_AUTH_KEY, CONDUCTOR_AUTH_SECRET).",
                status=response.status,
                **call.values,
            )
        if response.status >= 300:
            raise response_error(call, response)
        token = _token_in(response)
        if token is None:
            raise UnexpectedResponseError(
                f"POST /token returned {response.status} without a token", status=response.status, **call.values
            )
        return token

    def _request_token(self, call: Call, limit: float) -> Response | APIError:
        credentials = dumps({"keyId": self.settings.auth_key, "keySecret": self.settings.auth_secret})
        headers = {"Content-Type": "application/json"}
        try:
            return self.exchange(
                call, f"{self.settings.server_url}/token", credentials, headers, NoAuth(), self.deadline(limit)
            )
        except APIError as error:
            return request_failure(call, self.settings.server_url, error)

    # -- payloads in the server's external storage

    def put_payload(self, operation: Operation[Any], url: str, data: bytes) -> None:
        """Write a payload to the signed URL that ``operation`` returned; no message or log shows the URL.

        Raises:
            APIError: The storage did not accept it.
        """
        headers = {"Content-Type": "application/json", "x-ms-blob-type": "BlockBlob"}
        request = _Request(url, [], data, headers)
        del url, data  # this frame keeps only the request, whose repr hides them
        self._exchange_with_storage(Operation("PUT", f"{operation.path} (its signed URL)", anonymous=True), request)

    def get_payload(self, operation: Operation[Any], url: str) -> Any:
        """Read a payload from the signed URL that ``operation`` returned.

        Raises:
            APIError: It could not be read, or is not JSON.
        """
        request = _Request(url, [], None, {})
        del url
        reading: Operation[Any] = Operation("GET", f"{operation.path} (its signed URL)", Any, anonymous=True)
        return parse_response(Call(reading, reading.path), self._exchange_with_storage(reading, request))

    def _exchange_with_storage(self, operation: Operation[Any], request: _Request) -> Response:
        """Send a request without a token, which the storage must not get. Reads and writes can both be repeated."""
        with _signed_urls.hidden():
            return self._send(operation, operation.path, request, self._limit(NOT_GIVEN), repeatable=True)

    def server_info(self) -> ServerInfo:
        """Return the server's edition and version, which are requested once.

        Raises:
            APIConnectionError: The server does not respond.
        """
        if self._server is None:
            self._server = identify(self)
        return self._server

    def supports_idempotency_keys(self) -> bool:
        """Return whether the server supports idempotency keys; True if this is unknown."""
        if self._supports_keys is None:
            with contextlib.suppress(APIError):
                self._supports_keys = supports_idempotency_keys(self)
        return self._supports_keys is not False

    # -- life

    def close(self) -> None:
        """Close the connections, except those of a user's session."""
        if self._owns_session:
            self.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def allow_connections(self, count: int) -> None:
        """Increase the size of the pool to at least ``count`` connections; a user's session is not changed."""
        for adapter in self.session.adapters.values():
            if isinstance(adapter, PooledAdapter):
                adapter.grow(count)

    def after_fork(self) -> None:
        """Start with new connections and locks in a forked child."""
        for adapter in self.session.adapters.values():
            if isinstance(adapter, PooledAdapter):
                adapter.forget_connections()
        if self._owns_session:  # another thread of the parent may hold the lock of its cookies
            cookies = RequestsCookieJar()
            cookies.update(self.session.cookies)
            self.session.cookies = cookies
        self.budget.reset_lock()
        self.emit(Forked())
        if isinstance(self.auth, ConductorAuth):
            self.auth.after_fork()


def _check_parts(auth: object, session: object, adapter: object, retry: object) -> None:
    """Reject invalid arguments now, instead of failing at the first request."""
    if not (auth is None or isinstance(auth, str | AuthBase) or callable(auth)):
        raise ConfigurationError(  # without the value, which may be a secret
            "auth must be a token, a function that returns one, or an AuthBase of requests such as "
            f"requests.auth.HTTPBasicAuth(user, password), not {type(auth).__name__}.",
            variable="auth",
            allowed="a token, a function that returns one, or an AuthBase",
        )
    for name, value, kind in (
        ("session", session, requests.Session),
        ("adapter", adapter, BaseAdapter),
        ("retry", retry, RetryPolicy),
    ):
        if not (value is None or isinstance(value, kind)):
            allowed = f"a {kind.__module__.partition('.')[0]}.{kind.__name__}"
            raise ConfigurationError(
                f"{name} must be {allowed}, not {type(value).__name__}.", variable=name, allowed=allowed
            )


def _token_in(response: Response) -> str | None:
    is_json, value = parse_json(response)
    token = value.get("token") if is_json and isinstance(value, dict) else None
    return token if isinstance(token, str) and token.strip() else None


def _content_type(operation: Operation[Any], body: Any) -> dict[str, str]:
    return {} if body is None else {"Content-Type": _CONTENT_TYPES[operation.sends]}


def _encoded(operation: Operation[Any], body: Any) -> bytes | None:
    if isinstance(body, Hidden):
        body = body.body
    if body is None:
        return None
    if operation.sends == "json":
        return dumps(to_jsonable(body))
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    if operation.sends == "text" and isinstance(body, str) and not _SURROGATE.search(body):
        return body.encode()
    kinds = {"text": "a string of valid Unicode, or bytes", "bytes": "bytes"}
    raise ConfigurationError(  # without the value, which may be a secret
        f"{operation} sends {kinds[operation.sends]}, not {type(body).__name__}. Nothing was sent.",
        variable="body",
        allowed=kinds[operation.sends],
    )


def _query(query: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in query.items():
        if value is None:
            continue
        for one in value if isinstance(value, list | tuple | set | frozenset) else (value,):
            yield name, _query_text(name, one)


def _query_text(name: str, value: Any) -> str:
    text = value.value if isinstance(value, Enum) else value
    if isinstance(text, bool):
        return "true" if text else "false"
    if isinstance(text, datetime):
        return str(epoch_ms(text))
    if isinstance(text, int | UUID) or (isinstance(text, float) and math.isfinite(text)):
        return str(text)
    if isinstance(text, str) and not _SURROGATE.search(text):
        return text
    given = "a string with half of a surrogate pair" if isinstance(text, str) else f"{value!r:.200}"
    raise ConfigurationError(
        f"{name} is {given}, which cannot be part of a URL's query. Nothing was sent.",
        variable=name,
        allowed="a string, a number, a boolean or a datetime",
    )


_transports: weakref.WeakSet[Transport] = weakref.WeakSet()
_hooked = False


class _SignedUrls(logging.Filter):
    """Hides the queries of signed URLs in the debug log of urllib3, which logs each request."""

    def __init__(self) -> None:
        super().__init__()
        self._current = threading.local()

    @contextlib.contextmanager
    def hidden(self) -> Iterator[None]:
        """Hide queries in log records of this thread during the block."""
        logging.getLogger("urllib3.connectionpool").addFilter(self)  # a filter is added only once
        self._current.is_signed = True
        try:
            yield
        finally:
            self._current.is_signed = False

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(self._current, "is_signed", False) and isinstance(record.args, tuple):
            record.args = tuple(
                f"{value.partition('?')[0]}?***" if isinstance(value, str) and "?" in value else value
                for value in record.args
            )
        return True


_signed_urls = _SignedUrls()


def _remember(transport: Transport) -> None:
    global _hooked  # noqa: PLW0603  once per process, and not at import
    _transports.add(transport)
    if not _hooked and hasattr(os, "register_at_fork"):
        _hooked = True
        os.register_at_fork(after_in_child=_after_fork)


def _after_fork() -> None:
    for transport in list(_transports):
        transport.after_fork()
