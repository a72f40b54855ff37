"""Workflow tests: an execution whose tasks get their results from the request."""

from __future__ import annotations

from typing import Any

from conductor.server.engine.render import render
from conductor.server.engine.state import Doc, Execution, is_done, plain_reference
from conductor.server.kernel import Kernel
from conductor.server.services.starts import Starts
from conductor.server.services.tasks import Tasks

Json = dict[str, Any]

_SECONDS = 10.0  # the answer is the whole execution, so that nothing can be left for later
_MOST_UPDATES = 10_000  # a loop whose condition never ends has to


class TestRuns:
    """Runs executions on mocked outputs, in one breath."""

    __test__ = False  # for pytest, which sees the name

    def __init__(self, kernel: Kernel, starts: Starts, tasks: Tasks) -> None:
        self._kernel, self._starts, self._tasks = kernel, starts, tasks

    def run(self, request: Json, mocks: dict[str, list[Json]]) -> Json:
        """Start, feed the mocks in their order, and answer the workflow document."""
        left = {reference: list(results) for reference, results in mocks.items()}
        with self._kernel.change(_SECONDS):
            execution = self._starts.create(request)
            self._kernel.advance(execution)
            for _ in range(_MOST_UPDATES):
                task = self._next(execution, left)
                if task is None:
                    break
                mock = left[self._name(task, left)].pop(0)
                self._tasks.merge(execution, task, mock.get("status", "COMPLETED"), None, mock.get("output") or {})
            return render(execution)

    @staticmethod
    def _name(task: Doc, left: dict[str, list[Json]]) -> str:
        own = task["referenceTaskName"]
        return own if left.get(own) else plain_reference(own)

    def _next(self, execution: Execution, left: dict[str, list[Json]]) -> Doc | None:
        return next((task for task in execution.tasks if not is_done(task) and left.get(self._name(task, left))), None)
