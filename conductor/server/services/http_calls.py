"""Makes the calls of HTTP tasks, each on its own thread, and updates the tasks with the outcomes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
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
from conductor.server.runtime.transactions import ServerStoppingError
from conductor.server.services.http_exchange import Outcome, exchange, new_pool

if TYPE_CHECKING:
    import urllib3

Json = dict[str, Any]

#: Updates a task with the outcome of what was done for it.
End = Callable[[Run], None]

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
        intercept: Makes a call, given the request and the function that makes it otherwise.
    """

    def __init__(self, kernel: Kernel, at_once: int = 200) -> None:
        self._kernel = kernel
        self._slots = threading.BoundedSemaphore(at_once)
        self._at_once = at_once
        self.under_way: int = 0
        self.intercept: Callable[[Json, Callable[[Json], Outcome]], Outcome] = lambda request, call: call(request)
        kernel.handlers[CallHttp] = self._call_later

    @cached_property
    def _pool(self) -> urllib3.PoolManager:
        return new_pool(self._at_once)

    def _call_later(self, execution: Execution, command: CallHttp) -> None:
        self.run_later(execution.id, command.task_id, partial(self._call, command.request))

    def _call(self, request: Json) -> End:
        return partial(end_call, *self.answer(request))

    def run_later(self, workflow_id: str, task_id: str, work: Callable[[], End]) -> None:
        """Run a function on a new thread, after the current change is committed.

        Args:
            workflow_id: The execution.
            task_id: The task for which it runs.
            work: The function; returns the function that updates the task, unless the task has ended meanwhile.
        """
        self._kernel.after_commit.append(partial(self._begin, workflow_id, task_id, work))

    def _begin(self, workflow_id: str, task_id: str, work: Callable[[], End]) -> None:
        self.under_way += 1
        thread = threading.Thread(target=self._work, args=(workflow_id, task_id, work), name="http-task", daemon=True)
        thread.start()

    def _work(self, workflow_id: str, task_id: str, work: Callable[[], End]) -> None:
        with self._slots:
            try:
                end = work()
            except ServerStoppingError:  # the next start of the server makes the call again
                return
        with self._kernel.lock:
            self.under_way -= 1
            if not self._kernel.is_closed:
                self._end(workflow_id, task_id, end)

    def _end(self, workflow_id: str, task_id: str, end: End) -> None:
        with self._kernel.change() as context:
            execution = self._kernel.find(workflow_id)
            task = execution.task(task_id) if execution is not None else None
            if execution is None or task is None or is_done(task):
                return
            end(Run(execution, context, task, _no_iteration))
            touch(task, context.now)
            self._kernel.advance(execution)

    def answer(self, request: Json) -> tuple[Json | None, str]:
        """Return the response, or None and the reason of the failure."""
        try:
            request = read(request, _REQUEST)
        except RefusedError as error:
            return None, f"java.lang.IllegalArgumentException: Invalid HTTP request: {error.message}"
        if request["method"] not in _METHODS:
            return None, f"java.lang.IllegalArgumentException: Invalid HTTP method: {request['method']}"
        try:
            return self.intercept(request, partial(exchange, self._pool))
        except Exception as error:  # whatever happens, the task must get an outcome
            logger.warning("event=server.http_task_failed", exc_info=True)
            return None, f"java.lang.Exception: {unexpected_error(error)}"


def end_call(response: Json | None, fault: str, run: Run) -> None:
    """Update a task with the response to its call, or with the reason of the call's failure."""
    kind = run.context.extensions.kinds.get(run.task["taskType"])
    answer = end_http if kind is None or kind.answer is None else kind.answer
    answer(run, response, fault)


def _no_iteration(_: Doc) -> None:
    raise AssertionError("An HTTP task is not a loop")
