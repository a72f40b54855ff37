"""Polls and updates, the most frequent requests of workers, directly on the session's connection pool.

A call through ``requests.Session`` costs more than three times the CPU of the same exchange on a connection of the
session's pool. Therefore, these operations use the pool directly, with the same TLS, authentication, deadlines and
errors. A session with a user's adapter or authentication, or with a proxy, is used normally.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

import requests

from conductor.errors import APIError, UnexpectedResponseError
from conductor.transport.auth import HEADER, ConductorAuth, NoAuth, ReadyToken
from conductor.transport.client import Transport
from conductor.transport.connections import USER_AGENT, Deadline, PooledAdapter
from conductor.transport.errors import Call, is_token_problem, parse_response, request_failure, response_error
from conductor.transport.operation import Operation, Repeat, nothing
from conductor.transport.response_json import loads_response, parse_lossy
from conductor.transport.response_reader import Response

__all__ = ["TaskChannel"]

POLL_BATCH: Operation[list[Any]] = Operation(
    "GET", "/tasks/poll/batch/{tasktype}", list[Any], repeat=Repeat.NEVER, on_empty=list
)
UPDATE: Operation[str] = Operation("POST", "/tasks", str)
UPDATE_V2: Operation[Any] = Operation("POST", "/tasks/update-v2", Any, on_empty=nothing)
#: Default number of seconds after the server's own wait after which a poll is given up.
_POLL_MARGIN_S = 5.0
#: Seconds that an update may take: it can be sent again, and a thread waits for it.
_UPDATE_LIMIT_S = 10.0
#: Status of a response without a next task; an empty 200 response does not confirm the update.
_NO_CONTENT = 204
#: Fields, at least one of which every task has.
_TASK_FIELDS = frozenset({"taskId", "workflowInstanceId", "taskDefName"})
#: An empty response that does not confirm the update: it may be a proxy's.
_EMPTY = object()
_HEADERS = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}


class _Reply:
    """A response with the token that its request carried, which the repr hides."""

    __slots__ = ("response", "token")

    def __init__(self, response: Response, token: str | None) -> None:
        self.response = response
        self.token = token


class TaskChannel:
    """Polls for tasks and sends updates.

    Args:
        transport: The transport whose session, authentication and settings are used.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._base = transport.settings.server_url
        self._prefix = "/" + self._base.split("://", 1)[1].partition("/")[2]
        self._pool: Any = None
        self._pool_manager: Any = None
        # The constant part of the request head is created once, because workers send thousands of small requests per
        # second.
        host = self._base.split("://", 1)[1].partition("/")[0].rpartition("@")[2]
        self._headers = f"Host: {host}\r\nUser-Agent: {USER_AGENT}\r\nAccept-Encoding: identity\r\n"
        self._connect_limit = transport.settings.connect_timeout_ms / 1000 or None
        self._limit = min(transport.settings.request_timeout_ms / 1000 or _UPDATE_LIMIT_S, _UPDATE_LIMIT_S)

    def prepare(self) -> None:
        """Do the preparations for all calls once, before the threads start."""
        self._find_pool()

    def poll(
        self,
        task_type: str,
        *,
        count: int,
        timeout_ms: int,
        worker_id: str,
        domain: str | None = None,
        limit: float | None = None,
    ) -> list[Any]:
        """Return up to ``count`` tasks as parsed JSON (``GET /tasks/poll/batch/{tasktype}``).

        The tasks are not converted to models here, so that an invalid task does not affect the others: a task whose
        JSON cannot be parsed is a ``DamagedTask``. The server waits up to ``timeout_ms`` (5000 at most); the call ends
        ``limit`` seconds later, by default five.

        Raises:
            APIError: The call failed.
        """
        query = {"count": count, "timeout": timeout_ms, "workerid": worker_id}
        if domain:
            query["domain"] = domain
        call = Call(POLL_BATCH, POLL_BATCH.fill({"tasktype": task_type}))
        longest = timeout_ms / 1000 + (_POLL_MARGIN_S if limit is None else limit)
        # The server holds the poll for `timeout`; ending the request earlier would lose the tasks in its response.
        tasks = self._call(call, f"{call.path}?{urlencode(query)}", None, longest)
        if not isinstance(tasks, list):
            del tasks
            raise UnexpectedResponseError(
                f"{POLL_BATCH} did not return a list of tasks", path_in_body="$", **call.values
            )
        return tasks

    def update(self, task_id: str, body: bytes, limit: float | None = None) -> None:
        """Deliver the result of a task (``POST /tasks``); the server answers with the task's id.

        The call takes at most ten seconds, or ``request_timeout_ms`` if that is less: a thread waits for it, and the
        result can be sent again.

        Args:
            task_id: The task's id.
            body: The update as JSON.
            limit: A shorter time, in seconds.

        Raises:
            APIError: The call failed, or the response is not the task's id, as with a login page.
        """
        call = Call(UPDATE, UPDATE.path)
        is_taken = self._call(call, call.path, body, self._shorter(limit)) == task_id  # no local holds a response
        if not is_taken:
            raise UnexpectedResponseError(
                "POST /tasks did not return the task's id, so the result does not count as delivered",
                status=200,
                **call.values,
            )

    def update_v2(self, task_id: str, body: bytes, limit: float | None = None) -> Any:
        """Deliver a result and return the next task as parsed JSON, or None (``POST /tasks/update-v2``).

        The response is a task, or 204. Another response with an empty body does not confirm the update; the result is
        then sent again with ``update``.

        Args:
            task_id: The task's id.
            body: The update as JSON.
            limit: A shorter time than that of ``update``, in seconds.

        Raises:
            APIError: The call failed, or the response is not a task.
        """
        call = Call(UPDATE_V2, UPDATE_V2.path)
        task = self._call(call, call.path, body, self._shorter(limit))
        if task is _EMPTY:
            self.update(task_id, body, limit)
            return None
        if task is not None and not (isinstance(task, dict) and not _TASK_FIELDS.isdisjoint(task)):
            del task
            raise UnexpectedResponseError(
                "POST /tasks/update-v2 did not return a task, so the result does not count as delivered",
                status=200,
                **call.values,
            )
        return task

    def _shorter(self, limit: float | None) -> float:
        return self._limit if limit is None else min(limit, self._limit)

    def _call(self, call: Call, target: str, body: bytes | None, limit: float) -> Any:
        deadline = Deadline(limit, self._connect_limit)
        reply = self._attempt(call, target, body, deadline, None)
        has_token = isinstance(self._transport.auth, ConductorAuth)
        # The server rejected the request without processing it, so repeating it once with a new token is safe, within
        # the same deadline.
        if has_token and isinstance(reply, _Reply) and is_token_problem(reply.response):
            reply = self._attempt(call, target, body, deadline, reply)
        if isinstance(reply, APIError):
            raise reply
        if reply.response.status >= 300:
            raise response_error(call, reply.response)
        return self._read(call, reply.response)

    def _attempt(
        self, call: Call, target: str, body: bytes | None, deadline: Deadline, rejected: _Reply | None
    ) -> _Reply | APIError:
        """Send a request once, and return failures, so that no traceback of an error contains the request."""
        auth, token = self._transport.auth, None
        try:
            if isinstance(auth, ConductorAuth):
                left = max(deadline.at - time.monotonic(), 0.0)
                token = auth.token(left) if rejected is None else auth.renew(rejected.token, left)
            pool = self._find_pool()
            # The session has a user's adapter, which gets the request from requests.
            if pool is None:
                headers = _HEADERS if body is None else {**_HEADERS, "Content-Type": "application/json"}
                given = ReadyToken(token) if isinstance(auth, ConductorAuth) else auth
                response = self._transport.exchange(call, self._base + target, body, headers, given, deadline)
            else:
                response = self._exchange(pool, call, self._message(call, target, body, token), deadline)
        except Exception as error:  # a user's authentication may raise anything
            return request_failure(call, self._base, error)
        return _Reply(response, token)

    def _exchange(self, pool: Any, call: Call, message: bytes, deadline: Deadline) -> Response:
        if not self._transport.observers:
            response: Response = pool.exchange(message, deadline, method=call.operation.method)
            return response
        started, status = time.monotonic(), 0
        try:
            response = pool.exchange(message, deadline, method=call.operation.method)
            status = response.status
            return response
        finally:
            self._transport.notify_observers(call.operation, status, time.monotonic() - started)

    def _message(self, call: Call, target: str, body: bytes | None, token: str | None) -> bytes:
        """Return the complete request, so that it is sent in one piece."""
        head = f"{call.operation.method} {self._prefix}{target} HTTP/1.1\r\n{self._headers}"
        if token:  # ConductorAuth has checked its characters
            head += f"{HEADER}: {token}\r\n"
        if body is None:
            return f"{head}\r\n".encode("latin-1")
        return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode("latin-1") + body

    @staticmethod
    def _read(call: Call, response: Response) -> Any:
        content = response.body
        # Proxies and login pages can send an empty 200 response. Treating it as a confirmation would lose the result.
        if not content.strip() and call.operation is UPDATE_V2 and response.status != _NO_CONTENT:
            return _EMPTY
        if call.operation.returns is str or not content or "json" not in (response.headers.get("content-type") or ""):
            return parse_response(call, response)
        for parse in (loads_response, parse_lossy):  # a task that cannot be parsed must not affect the others
            try:
                return parse(content)
            except ValueError:
                continue
        del content
        raise UnexpectedResponseError(
            f"{call.operation} returned {response.status} with a body that is not JSON",
            status=response.status,
            **call.values,
        )

    def _find_pool(self) -> Any:
        """Return the session's pool for the server; None if the session must be used."""
        transport = self._transport
        session = transport.session
        adapter = session.get_adapter(self._base + "/")
        if type(adapter) is not PooledAdapter or not isinstance(transport.auth, ConductorAuth | NoAuth):
            return None
        if self._pool_manager is adapter.poolmanager:  # it differs after a fork
            return self._pool
        # With an auth object requests does not import netrc: a fork while one thread imports a module leaves that
        # module's lock held in the child.
        request = transport.session.prepare_request(requests.Request("GET", self._base, auth=NoAuth()))
        merged = session.merge_environment_settings(
            request.url,
            dict(transport.options.get("proxies", {})),
            False,
            transport.options["verify"],
            transport.options.get("cert"),
        )
        if merged["proxies"]:
            return None
        self._pool = adapter.get_connection_with_tls_context(
            request, merged["verify"], proxies=merged["proxies"], cert=merged["cert"]
        )
        self._pool_manager = adapter.poolmanager
        return self._pool
