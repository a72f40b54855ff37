"""Responses of execute-and-wait and of signals (the execution, or the task that blocks it), and workflow tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.engine.definitions import render, render_task
from conductor.server.engine.masking import MASKS, hide
from conductor.server.engine.state import Doc, Execution, is_done, plain_reference
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.executions import Starter
from conductor.server.services.tasks import Tasks

Json = dict[str, Any]

#: What a response contains: the execution, the execution that blocks, the task that blocks, or that task's input.
STRATEGIES = frozenset({"TARGET_WORKFLOW", "BLOCKING_WORKFLOW", "BLOCKING_TASK", "BLOCKING_TASK_INPUT"})
#: Maximum number of seconds for a workflow test, which must end before the response, so that no work can be postponed.
_TEST_SECONDS = 10.0
#: Maximum number of mocked outputs of one workflow test, which ends a loop whose condition never becomes false.
_MAX_UPDATES = 10_000


class TestRuns:
    """Runs executions with mocked task outputs, in one change."""

    __test__ = False  # pytest would collect the class otherwise

    def __init__(self, kernel: Kernel, starter: Starter, tasks: Tasks) -> None:
        self._kernel, self._starter, self._tasks = kernel, starter, tasks

    def run(self, request: Json, mocks: dict[str, list[Json]]) -> Json:
        """Start an execution, complete its tasks with the mocked outputs, and return the execution.

        Args:
            request: A StartWorkflowRequest.
            mocks: Outputs by reference name, in the order of the attempts.
        """
        left = {reference: list(results) for reference, results in mocks.items()}
        with self._kernel.change(_TEST_SECONDS):
            execution = self._starter.create(request)
            self._kernel.advance(execution)
            for _ in range(_MAX_UPDATES):
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


class Runs:
    """Builds the responses for clients that wait for an execution."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def watch(self, workflow_id: str, wake: Callable[[], None]) -> Callable[[], None]:
        """Call ``wake`` after each change of an execution; returns a function that stops the calls."""
        return self._kernel.watch(workflow_id, wake)

    def look(self, workflow_id: str, references: list[str], strategy: str, request_id: str) -> list[Json | None] | None:
        """Return the response if the execution has ended or is blocked.

        Args:
            workflow_id: The execution.
            references: Reference names of tasks that also end the wait.
            strategy: One of ``STRATEGIES``.
            request_id: The id of the request, for the response.

        Returns:
            A list with the response, which may be None; None while the execution is running.
        """
        with self._kernel.lock:
            execution = self._kernel.get(workflow_id)
            blocking = self.blocking(execution, references)
            if not execution.is_terminal and not blocking:
                return None
            return [answer_of(execution, blocking, strategy, request_id)]

    def late(self, workflow_id: str, strategy: str, request_id: str) -> Json | None:
        """Return the response after a timeout."""
        with self._kernel.lock:
            answer = answer_of(self._kernel.get(workflow_id), [], strategy, request_id)
        if answer is None:
            raise RefusedError(500, "value")  # the OSS server's message if no task blocks the execution
        return {**answer, "signalTimeout": True}

    def blocking(self, execution: Execution, references: list[str]) -> list[tuple[Execution, Doc]]:
        """Return the tasks that end the wait for an execution, each with its execution: this one or a child."""
        found: list[tuple[Execution, Doc]] = []
        for task in execution.tasks:
            done = is_done(task)
            if task["taskType"] == "WAIT" and not done and not task.get("_waitTimeout"):
                found.append((execution, task))
            found += [(execution, task) for reference in references if done and reference == task["referenceTaskName"]]
            if task["taskType"] == "SUB_WORKFLOW" and not done and task.get("subWorkflowId"):
                child = self._kernel.find(task["subWorkflowId"])
                found += self.blocking(child, references) if child is not None else []
        return found


def answer_of(target: Execution, blocking: list[tuple[Execution, Doc]], strategy: str, request_id: str) -> Json | None:
    """Return the response by the return strategy; None if it is about a blocking task and there is none."""
    about = {
        "responseType": strategy,
        "targetWorkflowId": target.id,
        "targetWorkflowStatus": target.workflow["status"],
        "signalTimeout": False,
        "requestId": request_id,
    }
    if strategy == "TARGET_WORKFLOW" or (strategy == "BLOCKING_WORKFLOW" and not blocking):
        return {**about, **_workflow_run(target)}
    if not blocking:
        return None
    execution, task = blocking[0]
    return {**about, **(_workflow_run(execution) if strategy == "BLOCKING_WORKFLOW" else _task_run(task))}


def _workflow_run(execution: Execution) -> Json:
    workflow = execution.workflow
    kept = (
        "workflowId", "correlationId", "input", "output", "priority", "variables", "status", "createTime", "updateTime",
        "createdBy",
    )  # fmt: skip
    made = {key: workflow[key] for key in kept if workflow.get(key) is not None}
    for key in ("input", "output", "variables"):
        made[key] = hide(made[key], workflow.get(MASKS, ()))
    return {**made, "tasks": [render_task(task) for task in execution.tasks]}


def _task_run(task: Doc) -> Json:
    kept = (
        "taskType", "taskId", "referenceTaskName", "retryCount", "taskDefName", "retriedTaskId", "workflowType",
        "reasonForIncompletion", "correlationId", "status", "updateTime",
    )  # fmt: skip
    made = {key: task[key] for key in kept if task.get(key) is not None}
    if task.get("workerId") is not None:
        made["createdBy"] = task["workerId"]
    return {
        **made,
        "workflowId": task["workflowInstanceId"],
        "priority": task["workflowPriority"],
        "input": hide(task["inputData"], task.get(MASKS, ())),
        "output": hide(task["outputData"], task.get(MASKS, ())),
        "createTime": task["startTime"],
    }
