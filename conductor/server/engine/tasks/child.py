"""SUB_WORKFLOW and START_WORKFLOW: start other executions."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from conductor.server.engine.commands import StartChild, TerminateChild
from conductor.server.engine.context import RefusedError, TerminateWorkflowError
from conductor.server.engine.expressions.inputs import resolve
from conductor.server.engine.expressions.java_text import java_text
from conductor.server.engine.json_fields import START, read
from conductor.server.engine.state import CANCELED, COMPLETED, FAILED, IN_PROGRESS, SCHEDULED, TIMED_OUT, Doc, Execution
from conductor.server.engine.tasks.planning import Plan, Run

Json = dict[str, Any]

#: The highest priority of an execution, as on the OSS server.
_MAX_PRIORITY = 99
#: Status of a SUB_WORKFLOW task by the status of its child.
_TASK_STATUS = {"COMPLETED": COMPLETED, "FAILED": FAILED, "TERMINATED": CANCELED, "TIMED_OUT": TIMED_OUT}


def plan_child(plan: Plan) -> list[Doc]:
    """Plan a SUB_WORKFLOW task; its input has the child's definition, version and input."""
    parameters = plan.task.get("subWorkflowParam")
    if parameters is None:
        raise TerminateWorkflowError(
            f"Task {plan.task['name']} is defined as sub-workflow and is missing subWorkflowParams. "
            "Please check the workflow definition"
        )
    inline = parameters.get("workflowDefinition")
    plain = {key: value for key, value in parameters.items() if key != "workflowDefinition" or isinstance(inline, str)}
    resolved = resolve(plan.execution, plain, plan.context)
    definition = resolved.get("workflowDefinition") if isinstance(inline, str) else inline
    name = java_text(resolved.get("name"))
    domains = resolved.get("taskToDomain")
    given = {
        "subWorkflowName": name,
        "priority": resolved.get("priority"),
        "subWorkflowVersion": None if definition is not None else _version(plan, resolved, name),
        "subWorkflowTaskToDomain": domains if isinstance(domains, dict) else None,
        "subWorkflowDefinition": definition,
        "idempotencyKey": resolved.get("idempotencyKey"),
        "idempotencyStrategy": resolved.get("idempotencyStrategy"),
        "workflowInput": plan.input(),
    }
    made = plan.document("SUB_WORKFLOW", SCHEDULED, given, callbackAfterSeconds=plan.task.get("startDelay") or 0)
    if isinstance(parameters.get("priority"), int):
        made["workflowPriority"] = parameters["priority"]
    return [made]


def _version(plan: Plan, resolved: Json, name: str) -> int:
    version = resolved.get("version")
    if version is not None:
        return int(version)
    latest = plan.context.latest_version(name)
    if latest is None:
        raise TerminateWorkflowError(f"The Task {name} defined as a sub-workflow has no workflow definition available ")
    return latest


def start_child(run: Run) -> None:
    """Start the child execution of a SUB_WORKFLOW task."""
    given = run.input_with_secrets
    child_input = given.get("workflowInput") or given
    definition = given.get("subWorkflowDefinition")
    if definition is not None:
        child_input = marked_dynamic(child_input)
    domains = given.get("subWorkflowTaskToDomain")
    priority = given.get("priority")
    request = {
        "name": definition.get("name") if isinstance(definition, dict) else given.get("subWorkflowName"),
        "version": given.get("subWorkflowVersion") or None,
        "input": child_input,
        "workflowDef": definition,
        "correlationId": run.execution.workflow.get("correlationId"),
        "taskToDomain": domains if isinstance(domains, dict) else run.execution.workflow["taskToDomain"],
        "priority": priority if isinstance(priority, int) else None,
        "idempotencyKey": given.get("idempotencyKey"),
        "idempotencyStrategy": given.get("idempotencyStrategy"),
        "parentWorkflowId": run.execution.id,
        "parentWorkflowTaskId": run.task["taskId"],
    }
    run.execution.commands.append(StartChild(run.task["taskId"], request, attached=True))


def marked_dynamic(given: Json) -> Json:
    """Return the input of an execution whose start request contains the definition, marked as the OSS server does."""
    metadata = given.get("_systemMetadata")
    own = {**(metadata if isinstance(metadata, dict) else {}), "dynamic": True}
    return {**given, "_systemMetadata": own}


def child_id(parent_id: str, task: Doc) -> str:
    """Return the id of the child of a SUB_WORKFLOW task; each attempt has one id, however often it is started."""
    source = f"subworkflow:{parent_id}:{task['taskId']}:{task['retryCount']}"
    return str(uuid.UUID(bytes=hashlib.md5(source.encode(), usedforsecurity=False).digest(), version=3))


def attach(task: Doc, child: Execution) -> None:
    """Update a SUB_WORKFLOW task whose child has been started."""
    task.drop("reasonForIncompletion")
    task["subWorkflowId"] = child.id
    task["status"] = IN_PROGRESS
    task.put("outputData", subWorkflowId=child.id)


def follow(task: Doc, child: Execution) -> None:
    """End a SUB_WORKFLOW task whose child has ended."""
    status = child.workflow["status"]
    task["status"] = _TASK_STATUS[status]
    task.put_all("outputData", child.workflow["output"])
    if status != COMPLETED:
        reason = java_text(child.workflow.get("reasonForIncompletion"))
        task["reasonForIncompletion"] = f"Sub workflow {child.label} failure reason: {reason}"


def cancel_child(run: Run) -> None:
    """Terminate the child of a canceled SUB_WORKFLOW task."""
    child = run.task.get("subWorkflowId")
    if child is None:
        return
    workflow = run.execution.workflow
    reason = workflow.get("reasonForIncompletion")
    cause = f"with reason: {reason}" if reason else f"with status {workflow['status']}"
    run.execution.commands.append(TerminateChild(child, f"Parent workflow has been terminated {cause}"))


def plan_start_workflow(plan: Plan) -> list[Doc]:
    """Plan a START_WORKFLOW task."""
    given = plan.input(plan.task.get("taskDefinition"))
    return [plan.document("START_WORKFLOW", SCHEDULED, given, callbackAfterSeconds=plan.task.get("startDelay") or 0)]


def start_workflow(run: Run) -> None:
    """Start the execution of a START_WORKFLOW task."""
    given = run.input_with_secrets.get("startWorkflow")
    if given is None:
        run.fail("Missing 'startWorkflow' in input data.")
        return
    if not isinstance(given, dict):
        run.fail("Error reading StartWorkflowRequest. It is not an object")
        return
    try:
        given = read(given, START)
    except RefusedError as error:
        run.fail(f"Error reading StartWorkflowRequest. {error.message}")
        return
    fault = _start_fault(given)
    if fault is not None:
        run.fail(f"startWorkflow validation failed. {fault} ")
        return
    workflow = run.execution.workflow
    request = {
        **given,
        "input": given.get("input") or {},
        "taskToDomain": given.get("taskToDomain") or workflow["taskToDomain"],
        "correlationId": given.get("correlationId") or workflow.get("correlationId"),
    }
    run.execution.commands.append(StartChild(run.task["taskId"], request, attached=False))


def _start_fault(given: Json) -> str | None:
    definition, priority = given.get("workflowDef"), given.get("priority") or 0
    if not given.get("name"):
        return "'name' -> Workflow name cannot be null or empty."
    if priority > _MAX_PRIORITY:
        return f"'priority' -> priority: {priority} should be maximum {_MAX_PRIORITY}."
    if priority < 0:
        return f"'priority' -> priority: {priority} should be minimum 0."
    if definition is not None and not definition.get("tasks"):
        return "'workflowDef.tasks' -> WorkflowTask list cannot be empty."
    return None
