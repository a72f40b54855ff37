"""Makes the calls of HTTP tasks, each on its own thread, and updates the tasks with the outcomes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from conductor.server.engine.commands import CallHttp
from conductor.server.engine.context import RefusedError
from conductor.server.engine.decide import unexpected_error
from conductor.server.engine.json_fields import Reader, integer, mapping, read, string
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
    "uri": string,
    "method": string,
    "headers": mapping,
    "contentType": string,
    "connectionTimeOut": integer,
    "readTimeOut": integer,
}


class HttpCalls:
    """Makes the calls of HTTP tasks.

    Args:
        kernel: The server's state.
        at_once: Calls at the same time; further calls wait.

    Attributes:
        under_way: How many calls have not finished.
    """

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
            kind = context.extensions.kinds.get(task["taskType"])
            answer = end_http if kind is None or kind.answer is None else kind.answer
            answer(Run(execution, context, task, _no_iteration), response, fault)
            touch(task, context.now)
            self._kernel.advance(execution)

    def _answer(self, request: Json) -> tuple[Json | None, str]:
        """Return the response, or None and the reason of the failure."""
        try:
            request = read(request, _REQUEST)
        except RefusedError as error:
            return None, f"java.lang.IllegalArgumentException: Invalid HTTP request: {error.message}"
        if request["method"] not in _METHODS:
            return None, f"java.lang.IllegalArgumentException: Invalid HTTP method: {request['method']}"
        try:
            return exchange(self._pool, request)
        except Exception as error:  # whatever happens, the task must get an outcome
            logger.warning("event=server.http_task_failed", exc_info=True)
            return None, f"java.lang.Exception: {unexpected_error(error)}"


def _no_iteration(_: Doc) -> None:
    raise AssertionError("An HTTP task is not a loop")
