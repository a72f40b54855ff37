"""Tasks that use other systems: HTTP, EVENT, KAFKA_PUBLISH, PULL_WORKFLOW_MESSAGES, and those that call models."""

from __future__ import annotations

from typing import Any

from conductor.server.engine.commands import CallHttp, Publish, PullMessages
from conductor.server.engine.expressions.inputs import resolve
from conductor.server.engine.state import FAILED, IN_PROGRESS, SCHEDULED, Doc, is_done
from conductor.server.engine.tasks.planning import Plan, Run

Json = dict[str, Any]

#: Prefix of the queues inside this server.
_INTERNAL_QUEUES = "conductor:"
#: Maximum number of messages that a PULL_WORKFLOW_MESSAGES task receives, as on the OSS server.
_MAX_BATCH = 100
#: The lowest HTTP status that is not a success.
_FIRST_NOT_SUCCESSFUL = 300


def plan_asynchronous(plan: Plan) -> list[Doc]:
    """Plan a task that the engine starts after deciding."""
    delay = plan.task.get("startDelay") or 0
    given = plan.input(plan.task.get("taskDefinition"))
    kind = plan.task["type"]
    return [plan.document(kind, SCHEDULED, given, callbackAfterSeconds=delay, retryCount=plan.retry_count)]


def plan_http(plan: Plan) -> list[Doc]:
    """Plan an HTTP task; ``asyncComplete`` becomes a part of its input."""
    (made,) = plan_asynchronous(plan)
    made.put("inputData", asyncComplete=bool(plan.task.get("asyncComplete")))
    return [made]


def plan_event(plan: Plan) -> list[Doc]:
    """Plan an EVENT task; the sink becomes a part of its input."""
    (made,) = plan_http(plan)
    made.put("inputData", sink=resolve(plan.execution, plan.task.get("sink"), plan.context, plan.task_id))
    return [made]


def start_http(run: Run) -> None:
    """Start the call of an HTTP task."""
    given = run.input_with_secrets
    request = given.get("http_request")
    if request is None:
        request = given
    elif isinstance(request, dict) and given.get("service"):
        request = {"service": given["service"], **request}
    if not isinstance(request, dict) or not request.get("uri"):
        run.fail("Missing HTTP URI.  See documentation for HttpTask for required input parameters")
    elif not request.get("method"):
        run.fail("No HTTP method specified")
    else:
        run.task["status"] = IN_PROGRESS
        run.execution.commands.append(CallHttp(run.task["taskId"], request))


def end_http(run: Run, response: Json | None, fault: str) -> None:
    """End an HTTP task with the response of its call, or with the reason of the call's failure."""
    if response is None:
        run.fail(f"Failed to invoke HTTP task due to: {fault}", FAILED, {"response": fault})
        return
    run.task.put("outputData", response=response)
    if response["statusCode"] >= _FIRST_NOT_SUCCESSFUL:  # a redirect without a target
        run.fail("No response from the remote service")
    elif run.input.get("asyncComplete"):
        run.task["status"] = IN_PROGRESS
    else:
        run.complete()


def reset_after_restart(task: Doc) -> None:
    """Restart a task whose call or child had not finished when the server ended."""
    if task["taskType"] in {"SUB_WORKFLOW", "START_WORKFLOW"} and task["status"] == SCHEDULED:
        task.drop("_isAsked")
    if task["taskType"] == "HTTP" and task["status"] == IN_PROGRESS and "response" not in task["outputData"]:
        task["status"] = SCHEDULED
        task.drop("_isAsked", "_due")
    if "_isCalling" in task and not is_done(task):
        task["status"] = SCHEDULED
        task.drop("_isAsked", "_due", "_isCalling")


def leave_open(run: Run) -> None:
    """Leave a task open until an update ends it."""
    run.task["status"] = IN_PROGRESS


def start_event(run: Run) -> None:
    """Publish the message of an EVENT task: its input and the execution that it comes from."""
    workflow = run.execution.workflow
    output = {
        **run.input_with_secrets,
        "workflowInstanceId": run.execution.id,
        "workflowType": workflow["workflowName"],
        "workflowVersion": workflow["workflowVersion"],
        "correlationId": workflow.get("correlationId"),
        "taskToDomain": workflow["taskToDomain"],
    }
    run.task["outputData"] = output
    queue = _queue(run)
    if queue is None:
        run.fail(f"Invalid / Unsupported sink specified: {run.input.get('sink')}")
        return
    output = {**output, "event_produced": queue}
    run.task["outputData"] = output
    if not queue.startswith(_INTERNAL_QUEUES):
        kind = queue.partition(":")[0]
        run.fail(f"Error loading queue:{queue}, for task:{run.task['taskId']}, error: Unknown queue type {kind}")
        return
    run.execution.commands.append(Publish(queue, run.task["taskId"], output))
    if run.input.get("asyncComplete"):
        run.task["status"] = IN_PROGRESS
    else:
        run.complete()


def _queue(run: Run) -> str | None:
    sink, name = str(run.input.get("sink")), run.execution.workflow["workflowName"]
    if sink == "conductor":
        return f"{_INTERNAL_QUEUES}{name}:{run.task['referenceTaskName']}"
    if sink.startswith(_INTERNAL_QUEUES):
        return f"{_INTERNAL_QUEUES}{name}:{sink.removeprefix(_INTERNAL_QUEUES)}"
    return None if sink.startswith("conductor") else sink


def start_pull(run: Run) -> None:
    """Request the waiting messages of a PULL_WORKFLOW_MESSAGES task."""
    size = run.input.get("batchSize", 1)
    limit = min(max(size if isinstance(size, int) else 1, 1), _MAX_BATCH)
    run.task["status"] = IN_PROGRESS
    run.execution.commands.append(
        PullMessages(run.task["taskId"], limit, blocking=run.input.get("blocking", True) is not False)
    )


def start_kafka(run: Run) -> None:
    """Fail a KAFKA_PUBLISH task: this server has no Kafka client."""
    request = run.input.get("kafka_request")
    if not isinstance(request, dict):
        run.fail("Missing Kafka request. See documentation for KafkaTask for required input parameters")
    elif not request.get("bootStrapServers"):
        run.fail("No boot strap servers specified")
    else:
        run.fail("The embedded server does not publish to Kafka; use the OSS server for KAFKA_PUBLISH")


def start_llm(run: Run) -> None:
    """Leave a task that calls a model open until an update completes it; this server has no models."""
    run.task["status"] = IN_PROGRESS
    message = "The embedded server does not call models; complete this task with an update"
    run.execution.add_log(run.task, message, run.context.now)
