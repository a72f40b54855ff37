"""What execute-and-wait and signals answer: the execution, or the task that blocks it."""

from __future__ import annotations

from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.engine.definitions import render, render_task
from conductor.server.engine.state import Doc, Execution, is_done, plain_reference
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.executions import Starts
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


STRATEGIES = frozenset({"TARGET_WORKFLOW", "BLOCKING_WORKFLOW", "BLOCKING_TASK", "BLOCKING_TASK_INPUT"})


class Runs:
    """Looks at executions for those who wait for them."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def look(self, workflow_id: str, references: list[str], strategy: str, request_id: str) -> list[Json | None] | None:
        """The answer, alone in a list, when the execution has ended or blocks; None while it goes on."""
        with self._kernel.lock:
            execution = self._kernel.get(workflow_id)
            blocking = self._blocking(execution, references)
            if not execution.is_terminal and not blocking:
                return None
            return [_answer(execution, blocking, strategy, request_id)]

    def late(self, workflow_id: str, strategy: str, request_id: str) -> Json:
        """The answer when the time is over."""
        with self._kernel.lock:
            answer = _answer(self._kernel.get(workflow_id), [], strategy, request_id)
        if answer is None:
            raise RefusedError(500, "value")  # the real server's word for a task that did not come
        return {**answer, "signalTimeout": True}

    def _blocking(self, execution: Execution, references: list[str]) -> list[tuple[Execution, Doc]]:
        found: list[tuple[Execution, Doc]] = []
        for task in execution.tasks:
            done = is_done(task)
            if task["taskType"] == "WAIT" and not done and not task.get("_waitTimeout"):
                found.append((execution, task))
            found += [(execution, task) for reference in references if done and reference == task["referenceTaskName"]]
            if task["taskType"] == "SUB_WORKFLOW" and not done and task.get("subWorkflowId"):
                child = self._kernel.find(task["subWorkflowId"])
                found += self._blocking(child, references) if child is not None else []
        return found


def _answer(target: Execution, blocking: list[tuple[Execution, Doc]], strategy: str, request_id: str) -> Json | None:
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
    )  # fmt: skip
    made = {key: workflow[key] for key in kept if workflow.get(key) is not None}
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
        "input": task["inputData"],
        "output": task["outputData"],
        "createTime": task["startTime"],
    }
