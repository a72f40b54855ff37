"""The calls of HTTP tasks, each on a thread of its own; the outcome comes back as a change."""

from __future__ import annotations

import http.client
import logging
import threading
from collections.abc import Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from conductor.models.codec import dumps, loads
from conductor.server.engine.commands import CallHttp
from conductor.server.engine.decide import unforeseen
from conductor.server.engine.expressions.java_text import java_text
from conductor.server.engine.outcome import touch
from conductor.server.engine.reading import Reader, mapping, read, text, whole
from conductor.server.engine.state import Doc, Execution, is_done
from conductor.server.engine.tasks.family import Run
from conductor.server.engine.tasks.outside import end_http
from conductor.server.engine.world import RefusedError
from conductor.server.runtime.kernel import Kernel

if TYPE_CHECKING:
    import urllib3

Json = dict[str, Any]

logger = logging.getLogger(__name__)

_METHODS = {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"}
_REQUEST: Mapping[str, Reader] = {
    "uri": text,
    "method": text,
    "headers": mapping,
    "contentType": text,
    "connectionTimeOut": whole,
    "readTimeOut": whole,
}
_DEFAULT_TIMEOUT_MS = 3000
_FIRST_ERROR = 400


class HttpCalls:
    """Makes the calls; at most some at once."""

    def __init__(self, kernel: Kernel, at_once: int = 16) -> None:
        self._kernel = kernel
        self._slots = threading.BoundedSemaphore(at_once)
        self._at_once = at_once
        self.under_way: int = 0
        kernel.handlers[CallHttp] = self._call_later

    @cached_property
    def _pool(self) -> urllib3.PoolManager:
        import urllib3  # noqa: PLC0415  a tenth of the time that the server needs to start

        return urllib3.PoolManager(maxsize=self._at_once, retries=False)

    def _call_later(self, execution: Execution, command: CallHttp) -> None:
        self._kernel.after_commit.append(partial(self._begin, execution.id, command))

    def _begin(self, workflow_id: str, command: CallHttp) -> None:
        self.under_way += 1
        thread = threading.Thread(target=self._work, args=(workflow_id, command), name="http-task", daemon=True)
        thread.start()

    def _work(self, workflow_id: str, command: CallHttp) -> None:
        with self._slots:
            response, fault = self._answer(command.request)
        with self._kernel.lock:
            self.under_way -= 1
            if not self._kernel.is_closed:
                self._end(workflow_id, command.task_id, response, fault)

    def _end(self, workflow_id: str, task_id: str, response: Json | None, fault: str) -> None:
        with self._kernel.change() as world:
            execution = self._kernel.find(workflow_id)
            task = execution.task(task_id) if execution is not None else None
            if execution is None or task is None or is_done(task):
                return
            end_http(Run(execution, world, task, _no_round), response, fault)
            touch(task, world.now)
            self._kernel.advance(execution)

    def _answer(self, request: Json) -> tuple[Json | None, str]:
        """The response, or None and what went wrong, whatever that was: the task waits for it."""
        try:
            request = read(request, _REQUEST)
        except RefusedError as error:
            return None, f"java.lang.IllegalArgumentException: Invalid HTTP request: {error.message}"
        if request["method"] not in _METHODS:
            return None, f"java.lang.IllegalArgumentException: Invalid HTTP method: {request['method']}"
        try:
            return self._call(request)
        except Exception as error:
            logger.warning("The call of an HTTP task failed", exc_info=True)
            return None, f"java.lang.Exception: {unforeseen(error)}"

    def _call(self, request: Json) -> tuple[Json | None, str]:
        import urllib3  # noqa: PLC0415

        method, uri = request["method"], request["uri"]
        try:
            answer = self._pool.request(
                method, uri, body=_body(request.get("body")), headers=_headers(request), timeout=_timeout(request)
            )
        except (urllib3.exceptions.HTTPError, ValueError, OSError) as error:
            return None, f'java.lang.Exception: I/O error on {method} request for "{uri}": {error}'
        phrase = answer.reason or http.client.responses.get(answer.status, "")
        text = answer.data.decode("utf-8", "replace")
        if answer.status >= _FIRST_ERROR:
            shown = f'"{text}"' if text else "[no body]"
            return None, f'java.lang.Exception: {answer.status} {phrase} on {method} request for "{uri}": {shown}'
        return {
            "body": _parsed(text),
            "headers": {name: answer.headers.getlist(name) for name in answer.headers},
            "statusCode": answer.status,
            "reasonPhrase": phrase.upper().replace(" ", "_") if not answer.reason else phrase,
        }, ""


def _no_round(_: Doc) -> None:
    raise AssertionError("An HTTP task is no loop")


def _headers(request: Json) -> dict[str, str]:
    accept = request.get("accept") or "application/json"
    made = {"Accept": ", ".join(map(java_text, accept)) if isinstance(accept, list) else java_text(accept)}
    if request.get("body") is not None:
        made["Content-Type"] = str(request.get("contentType") or "application/json")
    for name, value in (request.get("headers") or {}).items():
        if value is not None:
            made[name] = ", ".join(map(java_text, value)) if isinstance(value, list) else java_text(value)
    return made


def _body(value: Any) -> bytes | None:
    if value is None:
        return None
    return value.encode() if isinstance(value, str) else dumps(value)


def _timeout(request: Json) -> urllib3.Timeout:
    import urllib3  # noqa: PLC0415

    def seconds(name: str) -> float:
        value = request.get(name) or 0
        return (value if value > 0 else _DEFAULT_TIMEOUT_MS) / 1000

    return urllib3.Timeout(connect=seconds("connectionTimeOut"), read=seconds("readTimeOut"))


def _parsed(text: str) -> Any:
    """JSON where it is JSON; a number comes as a fraction, as on the real server."""
    if not text:
        return None
    try:
        value = loads(text)
    except ValueError:
        return text
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
