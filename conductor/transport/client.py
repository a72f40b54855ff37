"""Transport: the one loop through which every call goes."""

from __future__ import annotations

import contextlib
import logging
import os
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum
from types import TracebackType
from typing import Any, TypeVar

import requests
from attrs import evolve
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from typing_extensions import Self
from urllib3.util import Timeout

from conductor.errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    AuthenticationError,
    ConflictError,
    NotFoundError,
    UnexpectedResponseError,
)
from conductor.models.codec import dumps, to_jsonable
from conductor.models.enum_validation import refuse_unknown_values
from conductor.settings import Settings
from conductor.transport.auth import ConductorAuth, NoAuth, NoTokenEndpoint, TokenCache
from conductor.transport.connections import PooledAdapter, Until, new_session, tls_options
from conductor.transport.editions import USER_INFO, ServerInfo, identify, supports_idempotency_keys
from conductor.transport.errors import (
    Call,
    answer,
    conflict_with_itself,
    error_of,
    ignored,
    is_token_problem,
    retry_after,
    translated,
    unsupported,
)
from conductor.transport.events import ClientEvent, Forked
from conductor.transport.operation import NOT_GIVEN, Edition, NotGiven, Operation, Repeat, seconds
from conductor.transport.retry import GiveUp, Outcome, RetryBudget, RetryPolicy

__all__ = ["Observer", "Transport"]


T = TypeVar("T")
Observer = Callable[[str, str, int, float], None]
"""Told of each request: method, the path's template, the answer's status (0 when none came), seconds."""
logger = logging.getLogger(__name__)
_TOKEN: Operation[dict[str, Any]] = Operation("POST", "/token", dict)
_RATE_LIMITED = 429
_TOKEN_LIMIT = 5.0
_KEY = "the idempotency key"
_CONTENT_TYPES = {"json": "application/json", "text": "text/plain", "bytes": "application/octet-stream"}


class Transport:
    """Sends operations and structures their answers; safe to use from many threads.

    Args:
        settings: Where the server is.
        auth: In place of the settings' key and secret: a fixed token, a callable that returns one (asked for each
            request), or any requests ``AuthBase``.
        session: The user's own session; it is not closed by ``close``.
        adapter: The user's own adapter for our session.
        retry: When failed requests are sent again.
        clock: Monotonic seconds.
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
        self.settings = settings
        self.session: requests.Session = session or new_session(settings, adapter)
        self.options: dict[str, Any] = tls_options(settings)
        self.retry: RetryPolicy = retry or RetryPolicy()
        self.budget: RetryBudget = RetryBudget()
        self._owns_session = session is None
        self._clock = clock
        self._sleep = sleep
        self._server: ServerInfo | None = None
        self._honours_keys: bool | None = None
        self._told: set[str] = set()
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
        """Send ``operation`` and structure its answer.

        Args:
            operation: What to call.
            path: Its path parameters, which are quoted.
            query: Its query parameters; None is left out, lists repeat, datetimes become epoch milliseconds.
            body: A model, plain JSON values, text or bytes, as the operation sends.
            headers: Further headers.
            timeout: The longest that the call may take in all, in seconds; None for no limit.
            has_key: Whether the request carries an idempotency key.

        Raises:
            APIError: The call failed; see ``conductor.errors``.
            SerializationError: The body has no JSON form.
            ConfigurationError: A value of an enum in it is one that no server knows; nothing was sent.
        """
        for name, given in (*(path or {}).items(), *(query or {}).items(), ("", body)):
            refuse_unknown_values(given, name)
        filled = operation.fill(path or {})
        if operation.shadowed and self.server_info().edition is not operation.edition:
            raise unsupported(Call(operation, filled, 0))
        if has_key or operation.orkes_query or operation.oss_query:
            self._tell_of_ignored(operation, filled, query or {}, has_key=has_key)
        url = self._root(operation) + filled
        sent = {**_content_type(operation, body), **(headers or {})}
        data = _written(operation, body)
        repeatable = operation.repeat is Repeat.SAFE or (operation.repeat is Repeat.WITH_KEY and has_key)
        limit = self._limit(timeout)
        parameters = list(_query(query or {}))
        response = self._send(operation, filled, url, parameters, data, sent, limit, repeatable=repeatable)
        value: T = answer(Call(operation, filled), response.status_code, response.headers, response.content)
        return value

    def _tell_of_ignored(
        self, operation: Operation[Any], path: str, query: Mapping[str, Any], *, has_key: bool
    ) -> None:
        """Say once each what the server in use ignores without a word: the other edition's parameters, and keys.

        Raises:
            UnsupportedByServerError: It is a parameter without which everything would be answered.
        """
        given = [
            (name, edition)
            for names, edition in ((operation.orkes_query, Edition.ORKES), (operation.oss_query, Edition.OSS))
            for name in names
            if query.get(name) not in (None, False)
        ]
        given += [(_KEY, Edition.ORKES)] if has_key else []
        for name, edition in given:
            once, selects = f"{operation} {name}", name in operation.selects
            if once in self._told and not selects:
                continue
            self._told.add(once)
            server = self._known_server()
            if server is None or server.edition is edition or (name == _KEY and self.supports_idempotency_keys()):
                continue
            if selects:
                raise ignored(Call(operation, path, 0), name, edition, str(server))
            logger.warning(
                "%s: the server in use (%s) ignores %s, which only %s acts on", operation, server, name, edition.value
            )

    def _known_server(self) -> ServerInfo | None:
        """The server in use; None while it does not say which it is."""
        with contextlib.suppress(APIError):
            return self.server_info()
        return None

    def _root(self, operation: Operation[Any]) -> str:
        url = self.settings.server_url
        return url.removesuffix("/api") if operation.root else url

    def _limit(self, timeout: float | timedelta | NotGiven | None) -> float | None:
        if isinstance(timeout, NotGiven):
            return self.settings.request_timeout_ms / 1000 or None
        return None if timeout is None else seconds(timeout)

    def timeout(self, limit: float | None) -> Timeout:
        """The timeouts of a request that may take ``limit`` seconds in all, from now on."""
        connect = self.settings.connect_timeout_ms / 1000 or None
        if limit is None:
            return Timeout(connect=connect)
        return Until(time.monotonic() + limit, connect)

    def _send(
        self,
        operation: Operation[Any],
        path: str,
        url: str,
        parameters: list[tuple[str, str]],
        data: bytes | None,
        headers: dict[str, str],
        limit: float | None,
        *,
        repeatable: bool,
    ) -> requests.Response:
        deadline = None if limit is None else self._clock() + limit
        renewed = False
        attempt, may_have_arrived = 0, False
        while True:
            attempt += 1
            call = Call(operation, path, attempt)
            left = None if deadline is None else deadline - self._clock()
            try:
                response = self._once(call, url, parameters, data, headers, left)
            except APIConnectionError as error:
                failure: APIError = error
                outcome = _outcome(error, repeatable=repeatable)
            else:
                if response.status_code < 300:  # noqa: PLR2004
                    self.budget.give_back(was_repeated=attempt > 1)
                    return response
                if not renewed and not operation.anonymous and self._renew(response, left):
                    renewed = True
                    attempt -= 1
                    continue
                failure = error_of(call, response)
                outcome = Outcome(repeatable, response.status_code, retry_after(response.headers))
            decision = self.retry.decide(attempt, outcome)
            if isinstance(decision, GiveUp) or (deadline and self._clock() + decision.seconds > deadline):
                is_keyed = operation.repeat is Repeat.WITH_KEY
                if is_keyed and may_have_arrived and isinstance(failure, ConflictError):
                    failure = conflict_with_itself(call, failure)
                raise self._explained(call, failure)
            may_have_arrived = may_have_arrived or not (outcome.never_sent or outcome.status == _RATE_LIMITED)
            if not self.budget.take():
                raise failure
            self._sleep(decision.seconds)
            if operation.repeat is Repeat.WITH_KEY and not outcome.never_sent and self._ignores_keys(outcome):
                raise failure

    def _ignores_keys(self, outcome: Outcome) -> bool:
        """Whether a request that the server may have acted on would be acted on twice, its idempotency key or not."""
        if outcome.status == _RATE_LIMITED:
            return False  # it was refused, and not acted on
        return not self.supports_idempotency_keys()

    def _explained(self, call: Call, failure: APIError) -> APIError:
        """A 404 of a server of the other edition, which took the path for that of one thing: it lacks the operation."""
        operation = call.operation
        if type(failure) is not NotFoundError or operation.edition is Edition.BOTH or operation is USER_INFO:
            return failure
        server = self._known_server()
        return failure if server is None or server.edition is operation.edition else unsupported(call, failure)

    def _once(
        self,
        call: Call,
        url: str,
        parameters: list[tuple[str, str]],
        data: bytes | None,
        headers: dict[str, str],
        left: float | None,
    ) -> requests.Response:
        auth: AuthBase = NoAuth() if call.operation.anonymous else self.auth
        started, status = time.monotonic(), 0
        if isinstance(auth, ConductorAuth):
            auth = auth.within(left)
            left = None if left is None else max(left - (time.monotonic() - started), 0.0)
        try:
            with translated(call, self.settings.server_url):
                response = self.session.request(
                    call.operation.method,
                    url,
                    params=parameters,
                    data=data,
                    headers=headers,
                    auth=auth,
                    timeout=self.timeout(left),  # type: ignore[arg-type]  # requests passes urllib3's own through
                    allow_redirects=False,
                    **self.options,
                )
            status = response.status_code
            return response
        finally:
            if self.observers:
                self.notify_observers(call.operation, status, time.monotonic() - started)

    def notify_observers(self, operation: Operation[Any], status: int, took: float) -> None:
        """Tell the observers of a request."""
        for observer in self.observers:
            try:
                observer(operation.method, operation.path, status, took)
            except Exception:
                logger.exception("An observer of requests failed; it is isolated and the call goes on")

    def emit(self, event: ClientEvent) -> None:
        """Tell the listeners of something."""
        for listener in self.listeners:
            try:
                listener(event)
            except Exception:
                logger.exception("A listener failed on %s; it is isolated and the call goes on", type(event).__name__)

    def _renew(self, response: requests.Response, limit: float | None) -> bool:
        """After a 401 or 403: whether another token was had, so that the request may be sent once more."""
        if not is_token_problem(response.status_code, response.headers, response.content):
            return False
        rejected = response.request.headers.get("X-Authorization")
        return isinstance(self.auth, ConductorAuth) and self.auth.renew(rejected, limit) is not None

    def _fetch_token(self, limit: float | None) -> str:
        """Get a token (``POST /token``), within ``limit`` seconds and five at most: others wait for it."""
        longest = min(self._limit(NOT_GIVEN) or _TOKEN_LIMIT, _TOKEN_LIMIT)
        credentials = {"keyId": self.settings.auth_key, "keySecret": self.settings.auth_secret}
        call = Call(_TOKEN, "/token")
        with translated(call, self.settings.server_url):
            response = self.session.post(
                f"{self.settings.server_url}/token",
                data=dumps(credentials),
                headers={"Content-Type": "application/json"},
                auth=NoAuth(),
                timeout=self.timeout(longest if limit is None else min(limit, longest)),  # type: ignore[arg-type]
                allow_redirects=False,
                **self.options,
            )
        if response.status_code == 404:  # noqa: PLR2004
            raise NoTokenEndpoint
        if response.status_code in {400, 401, 403}:
            raise AuthenticationError(
                f"The server refused the access key {self.settings.auth_key!r} with {response.status_code}: check "
                "auth_key and auth_secret (CONDUCTOR_AUTH_KEY, CONDUCTOR_AUTH_SECRET).",
                status=response.status_code,
                **call.values,
            )
        if response.status_code >= 300:  # noqa: PLR2004
            raise error_of(call, response)
        said = answer(call, response.status_code, response.headers, response.content)
        token = said.get("token")
        if not isinstance(token, str) or not token:
            raise UnexpectedResponseError(
                "POST /token answered without a token", status=response.status_code, **call.values
            )
        return token

    # -- payloads in the server's external storage

    def put_payload(self, operation: Operation[Any], url: str, data: bytes) -> None:
        """Write a payload to the address that ``operation`` answered; the address is a secret, and in no message.

        Raises:
            APIError: It could not be written.
        """
        self._stored(Operation("PUT", f"{operation.path} (its address)"), url, data)

    def get_payload(self, operation: Operation[Any], url: str) -> Any:
        """Read a payload from the address that ``operation`` answered.

        Raises:
            APIError: It could not be read, or is no JSON.
        """
        reading: Operation[Any] = Operation("GET", f"{operation.path} (its address)", Any)
        response = self._stored(reading, url, None)
        return answer(Call(reading, reading.path), response.status_code, response.headers, response.content)

    def _stored(self, operation: Operation[Any], url: str, data: bytes | None) -> requests.Response:
        """One exchange with the storage: without a token, which is not for it; both directions may be repeated."""
        headers = {} if data is None else {"Content-Type": "application/json", "x-ms-blob-type": "BlockBlob"}
        limit = self._limit(NOT_GIVEN)
        anonymous = evolve(operation, anonymous=True)
        return self._send(anonymous, operation.path, url, [], data, headers, limit, repeatable=True)

    def server_info(self) -> ServerInfo:
        """The server's edition and version; asked once.

        Raises:
            APIConnectionError: The server does not answer.
        """
        if self._server is None:
            self._server = identify(self)
        return self._server

    def supports_idempotency_keys(self) -> bool:
        """Whether the server in use acts on idempotency keys; asked once. True where it does not say."""
        if self._honours_keys is None:
            with contextlib.suppress(APIError):
                self._honours_keys = supports_idempotency_keys(self)
        return self._honours_keys is not False

    # -- life

    def close(self) -> None:
        """Close the connections; a session that was given is left open."""
        if self._owns_session:
            self.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def allow_connections(self, count: int) -> None:
        """Let the pool have ``count`` connections, if that is more than it may have; not with a session of the user's.

        Args:
            count: How many threads may have one at a time.
        """
        for adapter in self.session.adapters.values():
            if isinstance(adapter, PooledAdapter):
                adapter.grow(count)

    def after_fork(self) -> None:
        """In a forked child: use connections and locks of its own."""
        for adapter in self.session.adapters.values():
            if isinstance(adapter, PooledAdapter):
                adapter.forget_connections()
        self.budget.reset_lock()
        self.emit(Forked())
        if isinstance(self.auth, ConductorAuth):
            self.auth.after_fork()


def _outcome(error: APIConnectionError, *, repeatable: bool) -> Outcome:
    timed_out = isinstance(error, APITimeoutError)
    return Outcome(
        repeatable and not getattr(error, "is_final", False),
        timed_out=timed_out,
        never_sent=bool(getattr(error, "never_sent", False)),
    )


def _content_type(operation: Operation[Any], body: Any) -> dict[str, str]:
    return {} if body is None else {"Content-Type": _CONTENT_TYPES[operation.sends]}


def _written(operation: Operation[Any], body: Any) -> bytes | None:
    if body is None:
        return None
    if operation.sends == "json":
        return dumps(to_jsonable(body))
    return body if isinstance(body, bytes) else str(body).encode()


def _query(query: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in query.items():
        if value is None:
            continue
        for one in value if isinstance(value, list | tuple | set | frozenset) else (value,):
            yield name, _query_text(one)


def _query_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, datetime):
        return str(round(value.timestamp() * 1000))
    return str(value)


_transports: weakref.WeakSet[Transport] = weakref.WeakSet()
_hooked = False


def _remember(transport: Transport) -> None:
    global _hooked  # noqa: PLW0603  once per process, and not at import
    _transports.add(transport)
    if not _hooked and hasattr(os, "register_at_fork"):
        _hooked = True
        os.register_at_fork(after_in_child=_after_fork)


def _after_fork() -> None:
    for transport in list(_transports):
        transport.after_fork()
