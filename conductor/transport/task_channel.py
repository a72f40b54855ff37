"""Poll and update, a worker's hot path: on the session's own pool, past the session.

A call through ``requests.Session`` costs more than three times the CPU of the same call on a connection of the
session's pool. So these two operations use the pool's connections directly, with the same TLS, authentication,
timeouts and errors. A session with an adapter or an authentication that is not ours, or with a proxy, is used as it is.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any
from urllib.parse import urlencode

import requests

from conductor.errors import AuthenticationError, UnexpectedResponseError
from conductor.models.codec import loads, parse_lossy
from conductor.transport.auth import HEADER, ConductorAuth, NoAuth
from conductor.transport.client import Transport
from conductor.transport.connections import USER_AGENT, PooledAdapter, exchange
from conductor.transport.errors import Call, answer, is_token_problem, status_error, translated
from conductor.transport.operation import Operation, Repeat, nothing

__all__ = ["TaskChannel"]


POLL_BATCH: Operation[list[Any]] = Operation(
    "GET", "/tasks/poll/batch/{tasktype}", list[Any], repeat=Repeat.NEVER, on_empty=list
)
UPDATE: Operation[str] = Operation("POST", "/tasks", str)
UPDATE_V2: Operation[Any] = Operation("POST", "/tasks/update-v2", Any, on_empty=nothing)
_POLL_MARGIN = 5.0
_UPDATE_LIMIT = 10.0
_ACCEPTED = 300
_OF_A_TASK = frozenset({"taskId", "workflowInstanceId", "taskDefName"})
_NO_CONTENT = 204
_NOTHING = object()
_SEND_HEADERS = {"Content-Type": "application/json", "User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
_POLL_HEADERS = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}


class TaskChannel:
    """Polls and updates.

    Args:
        transport: Whose session, authentication and settings are used.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._base = transport.settings.server_url
        self._prefix = "/" + self._base.split("://", 1)[1].partition("/")[2]
        self._pool: Any = None
        self._pool_of: Any = None
        host = self._base.split("://", 1)[1].partition("/")[0].rpartition("@")[2]
        self._headers = f"Host: {host}\r\nUser-Agent: {USER_AGENT}\r\nAccept-Encoding: identity\r\n"
        self._connect = transport.settings.connect_timeout_ms / 1000
        self._limit = min(transport.settings.request_timeout_ms / 1000 or _UPDATE_LIMIT, _UPDATE_LIMIT)

    def prepare(self) -> None:
        """Do what the first call would do beside the call itself, so that threads begin with it done."""
        self._find_pool()

    def poll(
        self, task_type: str, *, count: int, timeout_ms: int, worker_id: str, domain: str | None = None
    ) -> list[Any]:
        """Up to ``count`` tasks as parsed JSON (``GET /tasks/poll/batch/{tasktype}``).

        They are not structured here, so that one that is broken does not spoil the others. The server waits up to
        ``timeout_ms`` (5000 at most); five seconds later the call is given up.

        Raises:
            APIError: The call failed.
        """
        query = {"count": count, "timeout": timeout_ms, "workerid": worker_id}
        if domain:
            query["domain"] = domain
        call = Call(POLL_BATCH, POLL_BATCH.fill({"tasktype": task_type}))
        tasks = self._call(call, f"{call.path}?{urlencode(query)}", None, timeout_ms / 1000 + _POLL_MARGIN)
        if not isinstance(tasks, list):
            raise UnexpectedResponseError(
                "A poll was not answered with a list of tasks", path_in_body="$", **call.values
            )
        return tasks

    def update(self, task_id: str, body: bytes, limit: float | None = None) -> None:
        """Deliver the result of ``task_id`` (``POST /tasks``), which is answered with that id.

        Without an answer it is given up after ten seconds, or what ``request_timeout_ms`` says if that is less: it can
        be sent again, and a thread waits for it.

        Args:
            task_id: The task's id.
            body: The update as JSON.
            limit: A shorter time, in seconds.

        Raises:
            APIError: The call failed, or something else than the task's id came back, as from a login page.
        """
        call = Call(UPDATE, UPDATE.path)
        said = self._call(call, call.path, body, self._shorter(limit))
        if said != task_id:
            raise UnexpectedResponseError(
                "POST /tasks was answered with something else than the task's id, so the result is not delivered",
                status=200,
                **call.values,
            )

    def update_v2(self, task_id: str, body: bytes, limit: float | None = None) -> Any:
        """Deliver a result and get the next task as parsed JSON, or None (``POST /tasks/update-v2``).

        The answer is a task, or 204. One with a body of nothing proves nothing, so then the result is sent once more by
        ``update``.

        Args:
            task_id: The task's id.
            body: The update as JSON.
            limit: A shorter time than that of ``update``, in seconds.

        Raises:
            APIError: The call failed, or something else than a task came back.
        """
        call = Call(UPDATE_V2, UPDATE_V2.path)
        task = self._call(call, call.path, body, self._shorter(limit))
        if task is _NOTHING:
            self.update(task_id, body, limit)
            return None
        if task is not None and not (isinstance(task, dict) and not _OF_A_TASK.isdisjoint(task)):
            raise UnexpectedResponseError(
                "POST /tasks/update-v2 was answered with something else than a task, so the result is not delivered",
                status=200,
                **call.values,
            )
        return task

    def _shorter(self, limit: float | None) -> float:
        return self._limit if limit is None else min(limit, self._limit)

    def _call(self, call: Call, target: str, body: bytes | None, limit: float) -> Any:
        pool = self._find_pool()
        if pool is None:
            return self._through_session(call, target, body, limit)
        rejected = None
        for attempt in (1, 2):
            token = self._token(rejected, attempt, limit)
            status, headers, content = self._exchange(pool, call, target, body, token, limit)
            if status < _ACCEPTED:
                return self._read(call, status, headers, content)
            is_ours = isinstance(self._transport.auth, ConductorAuth)
            if attempt == 1 and is_ours and is_token_problem(status, headers, content):
                rejected = token
                continue
            break
        raise self._refusal(call, status, headers, content)

    def _token(self, rejected: str | None, attempt: int, limit: float) -> str | None:
        auth = self._transport.auth
        if not isinstance(auth, ConductorAuth):
            return None
        return auth.token(limit) if attempt == 1 else auth.renew(rejected, limit)

    def _exchange(
        self, pool: Any, call: Call, target: str, body: bytes | None, token: str | None, limit: float
    ) -> tuple[int, Any, bytes]:
        message = self._message(call, target, body, token)
        connect = self._connect or limit
        if not self._transport.observers:
            with translated(call, self._base):
                return exchange(pool, message, limit, connect)
        started, status = time.monotonic(), 0
        try:
            with translated(call, self._base):
                done = exchange(pool, message, limit, connect)
            status = done[0]
            return done
        finally:
            self._transport.notify_observers(call.operation, status, time.monotonic() - started)

    def _message(self, call: Call, target: str, body: bytes | None, token: str | None) -> bytes:
        """The whole request, so that it leaves in one piece."""
        head = f"{call.operation.method} {self._prefix}{target} HTTP/1.1\r\n{self._headers}"
        if token:
            if "\n" in token or "\r" in token or not token.isascii():
                raise AuthenticationError(
                    "The token holds a line break or a letter outside of ASCII, so it is no token.", **call.values
                )
            head += f"{HEADER}: {token}\r\n"
        if body is None:
            return f"{head}\r\n".encode("latin-1")
        return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode("latin-1") + body

    @staticmethod
    def _read(call: Call, status: int, headers: Any, content: bytes) -> Any:
        if not content.strip() and call.operation is UPDATE_V2 and status != _NO_CONTENT:
            return _NOTHING
        if call.operation.returns is str or "json" not in headers.get("Content-Type", ""):
            return answer(call, status, headers, content)
        if not content:
            return call.operation.on_empty() if call.operation.on_empty else None
        try:
            return loads(content)
        except ValueError:
            with contextlib.suppress(ValueError):
                return parse_lossy(content)  # one task whose bytes are no UTF-8 must not cost the others
            raise UnexpectedResponseError(
                f"{call.operation} answered {status} with something that is no JSON", status=status, **call.values
            ) from None

    @staticmethod
    def _refusal(call: Call, status: int, headers: Any, content: bytes) -> Exception:
        if status < 400:  # noqa: PLR2004
            return UnexpectedResponseError(
                f"{call.operation} was answered with a redirect ({status}), which is not followed",
                status=status,
                **call.values,
            )
        return status_error(call, status, headers, content)

    def _find_pool(self) -> Any:
        """The session's own pool for the server; None when the session has to be used as it is."""
        transport = self._transport
        session = transport.session
        adapter = session.get_adapter(self._base + "/")
        if type(adapter) is not PooledAdapter or not isinstance(transport.auth, ConductorAuth | NoAuth):
            return None
        if self._pool_of is adapter.poolmanager:  # another one after a fork
            return self._pool
        # With an auth object requests does not import netrc: a fork while one thread imports a module leaves that
        # module's lock held in the child, for ever.
        request = transport.session.prepare_request(requests.Request("GET", self._base, auth=NoAuth()))
        merged = session.merge_environment_settings(
            request.url,
            transport.options.get("proxies", {}),
            False,
            transport.options["verify"],
            transport.options.get("cert"),
        )
        if merged["proxies"]:
            return None
        self._pool = adapter.get_connection_with_tls_context(
            request, merged["verify"], proxies=merged["proxies"], cert=merged["cert"]
        )
        self._pool_of = adapter.poolmanager
        return self._pool

    def _through_session(self, call: Call, target: str, body: bytes | None, limit: float) -> Any:
        transport = self._transport
        headers = _POLL_HEADERS if body is None else _SEND_HEADERS
        for attempt in (1, 2):
            with translated(call, self._base):
                response = transport.session.request(
                    call.operation.method,
                    self._base + target,
                    data=body,
                    headers=headers,
                    auth=transport.auth,
                    timeout=transport.timeout(limit),  # type: ignore[arg-type]
                    allow_redirects=False,
                    **transport.options,
                )
            if response.status_code < _ACCEPTED:
                return self._read(call, response.status_code, response.headers, response.content)
            auth = transport.auth
            problem = is_token_problem(response.status_code, response.headers, response.content)
            if attempt == 1 and problem and isinstance(auth, ConductorAuth):
                auth.renew(response.request.headers.get(HEADER))
                continue
            break
        raise self._refusal(call, response.status_code, response.headers, response.content)
