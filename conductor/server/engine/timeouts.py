"""Timeouts of tasks and workflows: check them, and find the next one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conductor.server.engine.context import DOCUMENTED, Divergences, EngineContext, TerminateWorkflowError
from conductor.server.engine.state import (
    IN_PROGRESS,
    LLM,
    OPEN_TASK,
    PAUSED,
    SCHEDULED,
    TERMINAL_TASK,
    TIMED_OUT,
    Doc,
    Execution,
    ends_by_update,
    is_asynchronous,
    is_system,
)

Json = dict[str, Any]


def check_workflow(execution: Execution, context: EngineContext) -> None:
    """Raise TerminateWorkflowError if the workflow's timeout has expired."""
    limit, policy = execution.definition["timeoutSeconds"], execution.definition["timeoutPolicy"]
    if limit <= 0 or policy != "TIME_OUT_WF":
        return
    elapsed = context.now - _workflow_began(execution)
    if elapsed >= limit * 1000:
        raise TerminateWorkflowError(
            f"Workflow timed out after {elapsed // 1000} seconds. Timeout configured as {limit} seconds. "
            f"Timeout policy configured to {policy}",
            TIMED_OUT,
        )


def _workflow_began(execution: Execution) -> int:
    return int(execution.workflow["lastRetriedTime"] or execution.workflow["createTime"])


def check_task(task: Doc, task_def: Json, context: EngineContext) -> None:
    """Set a task to TIMED_OUT if one of its timeouts has expired.

    Raises:
        TerminateWorkflowError: The timeout policy is to end the execution.
    """
    _check_total(task, task_def, context)
    _check_execution(task, task_def, context)
    _check_poll(task, task_def, context)
    _check_response(task, task_def, context)


def _check_total(task: Doc, task_def: Json, context: EngineContext) -> None:
    limit, began = task_def["totalTimeoutSeconds"], task["_firstScheduledTime"]
    if limit <= 0 or task["status"] in TERMINAL_TASK or began <= 0:
        return
    elapsed = (context.now - began) // 1000
    if elapsed >= limit:
        policy = task_def["timeoutPolicy"]
        reason = (
            f"Task {task['taskDefName']}/{task['taskId']} exceeded total timeout of {limit} seconds "
            f"(elapsed {elapsed} seconds across all attempts including retry delays). Timeout policy: {policy}"
        )
        _time_out(task, policy, reason)


def _check_execution(task: Doc, task_def: Json, context: EngineContext) -> None:
    limit = task_def["timeoutSeconds"]
    if limit <= 0 or task["status"] in TERMINAL_TASK or task["startTime"] <= 0:
        return
    elapsed = context.now - (task["startTime"] + task["startDelayInSeconds"] * 1000)
    if elapsed >= limit * 1000:
        policy = task_def["timeoutPolicy"]
        reason = (
            f"Task timed out after {elapsed // 1000} seconds. Timeout configured as {limit} seconds. "
            f"Timeout policy configured to {policy}"
        )
        _time_out(task, policy, reason)


def _check_poll(task: Doc, task_def: Json, context: EngineContext) -> None:
    limit = task_def.get("pollTimeoutSeconds") or 0
    if limit <= 0 or task["status"] != SCHEDULED:
        return
    # A task cannot be polled before its delay has passed, so the delay does not count.
    elapsed = context.now - (task["scheduledTime"] + task["startDelayInSeconds"] * 1000)
    if elapsed >= (limit + task["callbackAfterSeconds"]) * 1000:
        policy = task_def["timeoutPolicy"]
        reason = (
            f"Task poll timed out after {elapsed // 1000} seconds. Poll timeout configured as {limit} seconds. "
            f"Timeout policy configured to {policy}"
        )
        _time_out(task, policy, reason)


def _check_response(task: Doc, task_def: Json, context: EngineContext) -> None:
    limit = task_def["responseTimeoutSeconds"]
    # For every policy, a task without a response is retried, because its worker has probably ended.
    if task["status"] != IN_PROGRESS or limit == 0 or is_ended_by_update(task):
        return
    if context.now - _last_response(task) >= (limit + task["callbackAfterSeconds"]) * 1000:
        task["status"] = TIMED_OUT
        task["reasonForIncompletion"] = (
            f"responseTimeout: {limit} exceeded for the taskId: {task['taskId']} "
            f"with Task Definition: {task['taskDefName']}"
        )


def _last_response(task: Doc) -> int:
    return int(task["updateTime"] or task["startTime"])  # an open WAIT task has no update time


def is_ended_by_update(task: Doc) -> bool:
    """Return whether an update ends a task that the engine has started, so that it has no response timeout."""
    if not is_system(task):
        return False
    if task["taskType"] == "HUMAN" or (ends_by_update(task) and task["taskType"] not in LLM):
        return True
    definition = task.get("workflowTask") or {}
    return bool(
        task["taskType"] == "SUB_WORKFLOW" or task["inputData"].get("asyncComplete") or definition.get("asyncComplete")
    )


def _time_out(task: Doc, policy: str, reason: str) -> None:
    # The OSS server only emits a metric then.
    if policy == "ALERT_ONLY":
        return
    task["status"] = TIMED_OUT
    task["reasonForIncompletion"] = reason
    if policy == "TIME_OUT_WF":
        raise TerminateWorkflowError(reason, TIMED_OUT, task["taskId"])


def next_deadline(execution: Execution, divergences: Divergences = DOCUMENTED) -> int | None:
    """Return when the execution must be evaluated again, epoch ms; None if it waits for no timer."""
    if execution.is_terminal:
        return None
    # The OSS server does not evaluate timeouts while a HUMAN task is open.
    if not divergences.time_out_with_human and any(map(_is_open_human, execution.live)):
        return next_wait(execution)
    return min(_deadlines(execution), default=None)


def _is_open_human(task: Doc) -> bool:
    return task["taskType"] == "HUMAN" and task["status"] in OPEN_TASK


def next_wait(execution: Execution) -> int | None:
    """Return when the next WAIT or delay of the execution ends, epoch ms; timeouts do not count."""
    return min((due for task in execution.live if task["status"] in OPEN_TASK for due in _waits(task)), default=None)


def _waits(task: Doc) -> Iterator[int]:
    if task.get("_waitTimeout"):
        yield task["_waitTimeout"] + 1
    if task["status"] == SCHEDULED and is_asynchronous(task):
        yield task.get("_due") or 1
    if task.get("_nextRun"):
        yield task["_nextRun"]


def waits_for_update(task: Doc) -> bool:
    """Return whether an open task waits for an update through the API, and has no timer."""
    if task["status"] not in OPEN_TASK:
        return False
    return ends_by_update(task) or (task["taskType"] == "WAIT" and not task.get("_waitTimeout"))


def _deadlines(execution: Execution) -> Iterator[int]:
    is_paused = execution.workflow["status"] == PAUSED
    definition = execution.definition
    if definition["timeoutSeconds"] > 0 and definition["timeoutPolicy"] == "TIME_OUT_WF" and not is_paused:
        yield _workflow_began(execution) + definition["timeoutSeconds"] * 1000
    for task in execution.live:
        if is_paused:
            yield from _waits(task) if task["status"] in OPEN_TASK else ()
        elif (due := task_deadline(task)) is not None:
            yield due
    waiting = None if is_paused else execution.next_waiting_deadline()
    if waiting is not None:
        yield waiting


def task_deadline(task: Doc) -> int | None:
    """Return when an open task must be evaluated again, epoch ms; None if it waits for no timer."""
    if task.deadline is None:
        found: list[int] = []
        if task["status"] in OPEN_TASK:
            found += _waits(task)
            task_def = (task.get("workflowTask") or {}).get("taskDefinition")
            if task_def is not None:
                found += _task_deadlines(task, task_def)
        task.deadline = min(found, default=0)
    return task.deadline or None


def _task_deadlines(task: Doc, task_def: Json) -> Iterator[int]:
    is_in_progress = task["status"] == IN_PROGRESS
    if task_def["responseTimeoutSeconds"] and is_in_progress and not is_ended_by_update(task):
        yield _last_response(task) + (task_def["responseTimeoutSeconds"] + task["callbackAfterSeconds"]) * 1000
    if task_def["timeoutPolicy"] == "ALERT_ONLY":
        return
    if task_def["totalTimeoutSeconds"] > 0 and task["_firstScheduledTime"] > 0 and not is_in_progress:
        # As on the OSS server, a running attempt may report after the limit; it then fails with its own reason.
        yield task["_firstScheduledTime"] + task_def["totalTimeoutSeconds"] * 1000
    if task_def["timeoutSeconds"] > 0 and task["startTime"] > 0:
        yield task["startTime"] + (task["startDelayInSeconds"] + task_def["timeoutSeconds"]) * 1000
    poll = task_def.get("pollTimeoutSeconds") or 0
    if poll > 0 and not is_in_progress:
        yield task["scheduledTime"] + (task["startDelayInSeconds"] + task["callbackAfterSeconds"] + poll) * 1000
