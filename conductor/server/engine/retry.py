"""Retry failed tasks, or end the execution."""

from __future__ import annotations

from typing import Any

from conductor.server.engine.context import EngineContext, TerminateWorkflowError
from conductor.server.engine.expressions.inputs import task_input
from conductor.server.engine.expressions.java_text import java_text
from conductor.server.engine.outcome import update_output
from conductor.server.engine.state import (
    BUILT_IN,
    CANCELED,
    FAILED,
    RETRIABLE_TASK,
    SCHEDULED,
    TERMINATED,
    TIMED_OUT,
    Doc,
    Execution,
)

Json = dict[str, Any]

#: Maximum delay in seconds on the OSS server, which uses 32-bit integers.
_MAX_DELAY_S = 2147483647


def retry_or_end(execution: Execution, task: Doc, task_def: Json | None, context: EngineContext) -> Doc | None:
    """Return the next attempt of a task that has failed or timed out.

    Returns:
        None if no attempts are left and the task is optional or permissive.

    Raises:
        TerminateWorkflowError: No attempts are left, so the execution must end.
    """
    definition = task.get("workflowTask") or execution.tree.task(task["referenceTaskName"]) or {}
    # The execution has a copy of the definition from its start. The registered definition is used only without a copy.
    task_def = task_def or context.task_def(task["taskDefName"])
    # The last attempt of an optional task ends as COMPLETED_WITH_ERRORS; see _Pass._retry().
    if task_def is None or not _has_attempts_left(task, definition, task_def):
        if definition.get("optional") or definition.get("permissive"):
            return None
        raise _end_of(execution, task, context)
    _check_total(execution, task, task_def, context)
    return _next_attempt(execution, task, definition, task_def, context)


def _has_attempts_left(task: Doc, definition: Json, task_def: Json) -> bool:
    allowed = definition.get("retryCount")
    if allowed is None:
        allowed = task_def["retryCount"]
    # FAILED_WITH_TERMINAL_ERROR exists to avoid retries, and tasks that the engine computes would fail the same way
    # again.
    is_retried = task["status"] in RETRIABLE_TASK and task["taskType"] not in BUILT_IN
    return bool(is_retried and allowed > task["retryCount"])


def _end_of(execution: Execution, task: Doc, context: EngineContext) -> TerminateWorkflowError:
    status = {CANCELED: TERMINATED, TIMED_OUT: TIMED_OUT}.get(task["status"], FAILED)
    update_output(execution, context, task)
    reason = java_text(task.get("reasonForIncompletion"))
    text = f"Task {task['taskId']} failed with status: {status} and reason: '{reason}'"
    return TerminateWorkflowError(text, status, task["taskId"])


def _check_total(execution: Execution, task: Doc, task_def: Json, context: EngineContext) -> None:
    limit, began = task_def["totalTimeoutSeconds"], task["_firstScheduledTime"]
    elapsed = (context.now - began) // 1000
    # Measured from the first attempt, including all delays between attempts.
    if limit <= 0 or began <= 0 or elapsed < limit:
        return
    update_output(execution, context, task)
    raise TerminateWorkflowError(
        f"Task {task['taskId']}/{task['taskDefName']} exceeded total timeout of {limit} seconds "
        f"(elapsed {elapsed} seconds across all attempts). No further retries will be attempted.",
        TIMED_OUT if task["status"] == TIMED_OUT else FAILED,
        task["taskId"],
    )


def delay_seconds(task_def: Json, retry_count: int) -> int:
    """Return the delay in seconds before the next attempt, after ``retry_count`` retries."""
    delay, cap = task_def["retryDelaySeconds"], task_def["maxRetryDelaySeconds"]
    if task_def["retryLogic"] == "LINEAR_BACKOFF":
        delay = min(delay * task_def["backoffScaleFactor"] * (retry_count + 1), _MAX_DELAY_S)
    elif task_def["retryLogic"] == "EXPONENTIAL_BACKOFF":
        # Python's integers do not overflow; the OSS server's do, and it limits them to the same maximum.
        delay = min(delay * 2**retry_count, _MAX_DELAY_S)
    return int(min(delay, cap) if cap > 0 else delay)


def _next_attempt(execution: Execution, task: Doc, definition: Json, task_def: Json, context: EngineContext) -> Doc:
    delay = delay_seconds(task_def, task["retryCount"])
    jitter = context.random_ms(task_def["backoffJitterMs"]) if task_def["backoffJitterMs"] > 0 else 0
    delay_ms = delay * 1000 + jitter
    if task_def["totalTimeoutSeconds"] > 0:  # otherwise, a fast server makes all attempts before the time has passed
        delay_ms = max(delay_ms, context.retry_spacing_ms)
    task["retried"] = True
    again = new_attempt(task, context)
    again.update(startDelayInSeconds=delay, callbackAfterSeconds=delay, _callbackAfterMs=delay_ms)
    if task.get("reasonForIncompletion") is not None:
        again["reasonForIncompletion"] = task["reasonForIncompletion"]
    given = task_input(
        execution, definition.get("inputParameters"), context, task_def=task_def, task_id=again["taskId"]
    )
    # Evaluated again: variables and outputs may have changed since the first attempt.
    again.put_all("inputData", given)
    return again


def new_attempt(task: Doc, context: EngineContext) -> Doc:
    """Return a copy of a task document for its next attempt, without a delay."""
    again = Doc(task)
    again.update(
        taskId=context.new_id(),
        retriedTaskId=task["taskId"],
        status=SCHEDULED,
        retryCount=task["retryCount"] + 1,
        retried=False,
        executed=False,
        pollCount=0,
        seq=0,
        updateTime=0,
        scheduledTime=0,
        startTime=0,
        endTime=0,
        callbackAfterSeconds=0,
        outputData={},
        # The next attempt of a SUB_WORKFLOW starts a new child; with the old id it would adopt the failed one.
        inputData={key: value for key, value in task["inputData"].items() if key != "subWorkflowId"},
    )
    again.drop("workerId", "subWorkflowId", "reasonForIncompletion", "_callbackAfterMs", "_due", "_isAsked", "_nextRun")
    return again
