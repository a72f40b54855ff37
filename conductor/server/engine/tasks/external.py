"""HTTP, EVENT, KAFKA_PUBLISH and PULL_WORKFLOW_MESSAGES; tasks of models, which an update completes."""

from __future__ import annotations

from typing import Any

from conductor.server.engine.commands import CallHttp, Publish, PullMessages
from conductor.server.engine.expressions.inputs import resolve
from conductor.server.engine.state import FAILED, IN_PROGRESS, SCHEDULED, Doc
from conductor.server.engine.tasks.planning import Plan, Run

Json = dict[str, Any]

_QUEUES_HERE = "conductor:"
_LARGEST_BATCH = 100
_FIRST_NOT_SUCCESSFUL = 300


def plan_outside(plan: Plan) -> list[Doc]:
    """A task that the engine runs after deciding."""
    delay = plan.task.get("startDelay") or 0
    given = plan.input(plan.task.get("taskDefinition"))
    kind = plan.task["type"]
    return [plan.document(kind, SCHEDULED, given, callbackAfterSeconds=delay, retryCount=plan.retry_count)]


def plan_http(plan: Plan) -> list[Doc]:
    """An HTTP task; its input says whether it waits for an update."""
    (made,) = plan_outside(plan)
    made.put("inputData", asyncComplete=bool(plan.task.get("asyncComplete")))
    return [made]


def plan_event(plan: Plan) -> list[Doc]:
    """An EVENT task; its input says where the message goes."""
    (made,) = plan_http(plan)
    made.put("inputData", sink=resolve(plan.execution, plan.task.get("sink"), plan.context, plan.task_id))
    return [made]


def start_http(run: Run) -> None:
    """Ask for the call."""
    given = run.input_with_secrets
    request = given.get("http_request")
    if request is None:
        request = given
    if not isinstance(request, dict) or not request.get("uri"):
        run.fail("Missing HTTP URI.  See documentation for HttpTask for required input parameters")
    elif not request.get("method"):
        run.fail("No HTTP method specified")
    else:
        run.task["status"] = IN_PROGRESS
        run.execution.commands.append(CallHttp(run.task["taskId"], request))


def end_http(run: Run, response: Json | None, fault: str) -> None:
    """The call has ended, with an answer or a fault."""
    if response is None:
        run.fail(f"Failed to invoke HTTP task due to: {fault}", FAILED, {"response": fault})
        return
    run.task.put("outputData", response=response)
    if response["statusCode"] >= _FIRST_NOT_SUCCESSFUL:  # a redirect that leads nowhere
        run.fail("No response from the remote service")
    elif run.input.get("asyncComplete"):
        run.task["status"] = IN_PROGRESS
    else:
        run.complete()


def begin_again(task: Doc) -> None:
    """The server ended while a call was under way, or before a workflow was started: it is made, or started, now."""
    if task["taskType"] in {"SUB_WORKFLOW", "START_WORKFLOW"} and task["status"] == SCHEDULED:
        task.drop("_isAsked")
    if task["taskType"] == "HTTP" and task["status"] == IN_PROGRESS and "response" not in task["outputData"]:
        task["status"] = SCHEDULED
        task.drop("_isAsked", "_due")


def start_event(run: Run) -> None:
    """Publish the message: the task's input and where it came from."""
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
    if not queue.startswith(_QUEUES_HERE):
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
        return f"{_QUEUES_HERE}{name}:{run.task['referenceTaskName']}"
    if sink.startswith(_QUEUES_HERE):
        return f"{_QUEUES_HERE}{name}:{sink.removeprefix(_QUEUES_HERE)}"
    return None if sink.startswith("conductor") else sink


def start_pull(run: Run) -> None:
    """Ask for waiting messages."""
    size = run.input.get("batchSize", 1)
    limit = min(max(size if isinstance(size, int) else 1, 1), _LARGEST_BATCH)
    run.task["status"] = IN_PROGRESS
    run.execution.commands.append(
        PullMessages(run.task["taskId"], limit, blocking=run.input.get("blocking", True) is not False)
    )


def start_kafka(run: Run) -> None:
    """There is no Kafka here."""
    request = run.input.get("kafka_request")
    if not isinstance(request, dict):
        run.fail("Missing Kafka request. See documentation for KafkaTask for required input parameters")
    elif not request.get("bootStrapServers"):
        run.fail("No boot strap servers specified")
    else:
        run.fail("The embedded server does not publish to Kafka; use the real server for KAFKA_PUBLISH")


def start_llm(run: Run) -> None:
    """There is no model here: the task waits until it is completed, as a test does in the model's place."""
    run.task["status"] = IN_PROGRESS
    text = "The embedded server has no models: complete this task by an update"
    run.execution.add_log(run.task, text, run.context.now)
