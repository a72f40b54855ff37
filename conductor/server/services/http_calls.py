"""The calls of HTTP tasks, each on a thread of its own; the outcome comes back as a change."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from conductor.server.engine.commands import CallHttp
from conductor.server.engine.context import RefusedError
from conductor.server.engine.decide import unforeseen
from conductor.server.engine.json_fields import Reader, mapping, read, text, whole
from conductor.server.engine.outcome import touch
from conductor.server.engine.state import Doc, Execution, is_done
from conductor.server.engine.tasks.external import end_http
from conductor.server.engine.tasks.planning import Run
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.http_exchange import exchange, new_pool

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


class HttpCalls:
    """Makes the calls; at most some at once."""

    def __init__(self, kernel: Kernel, at_once: int = 200) -> None:
        self._kernel = kernel
        self._slots = threading.BoundedSemaphore(at_once)
        self._at_once = at_once
        self.under_way: int = 0
        kernel.handlers[CallHttp] = self._call_later

    @cached_property
    def _pool(self) -> urllib3.PoolManager:
        return new_pool(self._at_once)

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
        with self._kernel.change() as context:
            execution = self._kernel.find(workflow_id)
            task = execution.task(task_id) if execution is not None else None
            if execution is None or task is None or is_done(task):
                return
            end_http(Run(execution, context, task, _no_round), response, fault)
            touch(task, context.now)
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
            return exchange(self._pool, request)
        except Exception as error:
            logger.warning("The call of an HTTP task failed", exc_info=True)
            return None, f"java.lang.Exception: {unforeseen(error)}"


def _no_round(_: Doc) -> None:
    raise AssertionError("An HTTP task is no loop")
