"""The arguments of the functions that plan and run tasks, and new task documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from conductor.server.engine.context import EngineContext
from conductor.server.engine.expressions.inputs import bound_input, task_input
from conductor.server.engine.masking import MASKS
from conductor.server.engine.state import COMPLETED, FAILED, IN_PROGRESS, SYSTEM, Doc, Execution

Json = dict[str, Any]


@frozen
class Plan:
    """A task of the definition to schedule.

    Attributes:
        execution: The execution.
        context: The engine's context.
        task: The task of the definition.
        retry_count: The number of retries before this attempt.
        task_id: The id of the new task.
        plan_with: Returns new documents of another task of the definition, to schedule together with this one.
    """

    execution: Execution
    context: EngineContext
    task: Json
    retry_count: int
    task_id: str
    plan_with: Callable[[Json, int], list[Doc]]

    def input(self, task_def: Json | None = None) -> Json:
        """Return the resolved parameters, including the input template of ``task_def``."""
        parameters = self.task.get("inputParameters")
        return task_input(self.execution, parameters, self.context, task_def=task_def, task_id=self.task_id)

    def document(self, kind: str, status: str, input_data: Json, **more: Any) -> Doc:
        """Return a new task document."""
        made = new_document(self.execution, self.task, self.task_id, self.context.now)
        made.update(taskType=kind, status=status, inputData=input_data, **more)
        if kind in SYSTEM and kind != "DO_WHILE":
            made["rateLimitFrequencyInSeconds"] = 0  # as on the OSS server
        return made

    def started(self, kind: str, status: str, input_data: Json, **more: Any) -> Doc:
        """Return a new document of a task that starts when it is scheduled."""
        return self.document(kind, status, input_data, startTime=self.context.now, **more)


@frozen
class Run:
    """A system task to start, run or cancel.

    Attributes:
        execution: The execution.
        context: The engine's context.
        task: The task document.
        schedule_iteration: Schedules the first task of a loop's next iteration.
    """

    execution: Execution
    context: EngineContext
    task: Doc
    schedule_iteration: Callable[[Doc], None]

    @property
    def input(self) -> Json:
        """The task's input."""
        found: Json = self.task["inputData"]
        return found

    @property
    def input_with_secrets(self) -> Json:
        """The task's input with the values of its secrets, which are not stored."""
        return bound_input(self.task, self.context)

    def complete(self, output: Json | None = None) -> bool:
        """Complete the task; returns True, because the task has changed."""
        if output is not None:
            self.task["outputData"] = output
        self.task["status"] = COMPLETED
        return True

    def fail(self, reason: str | None, status: str = FAILED, output: Json | None = None) -> bool:
        """Fail the task; returns True, because the task has changed."""
        if output is not None:
            self.task["outputData"] = output
        self.task["reasonForIncompletion"] = reason
        self.task["status"] = status
        return True


def new_document(execution: Execution, task: Json, task_id: str, now: int) -> Doc:
    """Return a task document with the fields that every task has."""
    workflow = execution.workflow
    made: Json = {
        "taskType": task["type"],
        "status": IN_PROGRESS,
        "inputData": {},
        "referenceTaskName": task["taskReferenceName"],
        "retryCount": 0,
        "seq": 0,
        "pollCount": 0,
        "taskDefName": task.get("name"),
        "scheduledTime": now,
        "startTime": 0,
        "endTime": 0,
        "updateTime": 0,
        "startDelayInSeconds": 0,
        "retried": False,
        "executed": False,
        "callbackFromWorker": True,
        "responseTimeoutSeconds": 0,
        "workflowInstanceId": execution.id,
        "workflowType": workflow["workflowName"],
        "taskId": task_id,
        "callbackAfterSeconds": 0,
        "outputData": {},
        "workflowTask": task,
        "rateLimitPerFrequency": 0,
        "rateLimitFrequencyInSeconds": 1,
        "workflowPriority": workflow["priority"],
        "iteration": 0,
        "subworkflowChanged": False,
        "firstStartTime": 0,
        "_firstScheduledTime": 0,
    }
    if MASKS in workflow:
        made[MASKS] = workflow[MASKS]
    if workflow.get("correlationId") is not None:
        made["correlationId"] = workflow["correlationId"]
    return Doc(made)
