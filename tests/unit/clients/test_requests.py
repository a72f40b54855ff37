"""Every operation of the four tags: the request that its method sends, and the shape of what comes back."""

import csv
import importlib
from pathlib import Path

import pytest

from conductor.models import (
    BulkResponse,
    ExternalStorageLocation,
    PollData,
    SearchResult,
    Task,
    TaskDef,
    TaskExecLog,
    TaskRun,
    Workflow,
    WorkflowDef,
    WorkflowDefSummary,
    WorkflowRun,
    WorkflowStatus,
)
from conductor.transport.operation import Operation
from conductor.transport.server_info import ServerInfo

MODULES = (
    "metadata",
    "task_queues",
    "tasks",
    "wait",
    "workflow_bulk",
    "workflow_control",
    "workflow_search",
    "workflows",
)

DEF = {"name": "order", "tasks": [{"name": "charge", "taskReferenceName": "c", "type": "SIMPLE"}]}
RESULT = {"workflowInstanceId": "w", "taskId": "t", "status": "COMPLETED"}
PAGE = {"totalHits": 1, "results": [{}]}
BULK = {"bulkErrorResults": {}, "bulkSuccessfulResults": ["a"]}
RUN = {"responseType": "TARGET_WORKFLOW", "workflowId": "w", "status": "RUNNING"}
ANY = object()
EXECUTE = {"requestId": "r", "waitForSeconds": "10", "returnStrategy": "TARGET_WORKFLOW"}


def is_page_of(kind):
    return lambda value: isinstance(value, SearchResult) and all(isinstance(one, kind) for one in value)


def is_a(kind):
    return lambda value: isinstance(value, kind)


def is_list_of(kind):
    return lambda value: isinstance(value, list) and value and all(isinstance(one, kind) for one in value)


def equals(expected):
    return lambda value: value == expected


NOTHING = equals(None)

# verb and template, the call, the path sent, the query, the body, the answer, what is returned
TABLE = [
    (
        "POST /workflow",
        lambda c: c.workflows.start(
            "order",
            {"a": 1},
            version=2,
            correlation_id="o-17",
            priority=3,
            task_to_domain={"*": "eu"},
            idempotency_key="k",
            idempotency_strategy="FAIL",
            created_by="me",
        ),
        "/workflow",
        {},
        {
            "name": "order",
            "input": {"a": 1},
            "version": 2,
            "correlationId": "o-17",
            "priority": 3,
            "taskToDomain": {"*": "eu"},
            "idempotencyKey": "k",
            "idempotencyStrategy": "FAIL",
            "createdBy": "me",
        },
        "id-1",
        equals("id-1"),
    ),
    (
        "POST /workflow/{name}",
        lambda c: c.workflows.start_by_name("order", {"a": 1}, version=2, correlation_id="x"),
        "/workflow/order",
        {"version": "2", "correlationId": "x", "priority": "0"},
        {"a": 1},
        "id-1",
        equals("id-1"),
    ),
    (
        "POST /workflow/start/{name}/{version}",
        lambda c: c.workflows.start_by_name("order", version=2, idempotency_key="k"),
        "/workflow/start/order/2",
        {"priority": "0"},
        {},
        "id-1",
        equals("id-1"),
    ),
    (
        "POST /workflow/execute/{name}/{version}",
        lambda c: c.workflows.execute("order", {"a": 1}, request_id="r"),
        "/workflow/execute/order/0",
        EXECUTE,
        {"name": "order", "input": {"a": 1}},
        RUN,
        is_a(WorkflowRun),
    ),
    (
        "POST /workflow/execute/{name}",
        lambda c: c.workflows.execute_as_api("order", {"a": 1}, version=2),
        "/workflow/execute/order",
        {"version": "2"},
        {"a": 1},
        {"total": 3},
        equals({"total": 3}),
    ),
    (
        "GET /workflow/execute/{name}",
        lambda c: c.workflows.execute_as_api("order", {"a": 1}, as_get=True),
        "/workflow/execute/order",
        {"a": "1"},
        None,
        {"total": 3},
        equals({"total": 3}),
    ),
    (
        "GET /workflow/{workflowId}",
        lambda c: c.workflows.get("w", include_tasks=False, summarize=True),
        "/workflow/w",
        {"includeTasks": "false", "summarize": "true"},
        None,
        {"workflowId": "w"},
        is_a(Workflow),
    ),
    (
        "GET /workflow/{workflowId}/status",
        lambda c: c.workflows.get_status("w", include_output=True),
        "/workflow/w/status",
        {"includeOutput": "true", "includeVariables": "false"},
        None,
        {},
        is_a(WorkflowStatus),
    ),
    (
        "GET /workflow/{workflowId}/tasks",
        lambda c: c.workflows.list_tasks("w", start=5, size=10, status=["FAILED", "TIMED_OUT"]),
        "/workflow/w/tasks",
        {"start": "5", "count": "10", "status": ["FAILED", "TIMED_OUT"]},
        None,
        PAGE,
        is_page_of(Task),
    ),
    (
        "GET /workflow/running/{name}",
        lambda c: c.workflows.list_running_ids("order", version=2, start_time=5),
        "/workflow/running/order",
        {"version": "2", "startTime": "5"},
        None,
        ["a"],
        equals(["a"]),
    ),
    (
        "GET /workflow/{name}/correlated/{correlationId}",
        lambda c: c.workflows.list_by_correlation_id("order", "o 17", include_closed=True),
        "/workflow/order/correlated/o 17",
        {"includeClosed": "true", "includeTasks": "false"},
        None,
        [{}],
        is_list_of(Workflow),
    ),
    (
        "POST /workflow/{name}/correlated",
        lambda c: c.workflows.list_by_correlation_ids("order", ["a", "b"])["a"],
        "/workflow/order/correlated",
        {"includeClosed": "false", "includeTasks": "false"},
        ["a", "b"],
        {"a": [{}], "b": []},
        is_list_of(Workflow),
    ),
    (
        "POST /workflow/correlated/batch",
        lambda c: c.workflows.list_by_correlation_ids(["order"], ["a"])["a"],
        "/workflow/correlated/batch",
        {"includeClosed": "false", "includeTasks": "false"},
        {"correlationIds": ["a"], "workflowNames": ["order"]},
        {"a": [{}]},
        is_list_of(Workflow),
    ),
    (
        "POST /workflow/test",
        lambda c: c.workflows.test({"name": "order", "taskRefToMockOutput": {"c": [{"output": {}}]}}),
        "/workflow/test",
        {},
        {"name": "order", "taskRefToMockOutput": {"c": [{"output": {}}]}},
        {},
        is_a(Workflow),
    ),
    (
        "GET /workflow/external-storage-location",
        lambda c: c.workflows.get_external_storage_location("p", operation="READ"),
        "/workflow/external-storage-location",
        {"path": "p", "operation": "READ", "payloadType": "WORKFLOW_INPUT"},
        None,
        {"path": "p"},
        is_a(ExternalStorageLocation),
    ),
    (
        "GET /workflow/externalstoragelocation",
        lambda c: c.workflows.get_external_storage_location("p", old_spelling=True),
        "/workflow/externalstoragelocation",
        {"path": "p", "operation": "WRITE", "payloadType": "WORKFLOW_INPUT"},
        None,
        {"path": "p"},
        is_a(ExternalStorageLocation),
    ),
    ("PUT /workflow/{workflowId}/pause", lambda c: c.workflows.pause("w"), "/workflow/w/pause", {}, None, "", NOTHING),
    (
        "PUT /workflow/{workflowId}/resume",
        lambda c: c.workflows.resume("w"),
        "/workflow/w/resume",
        {},
        None,
        "",
        NOTHING,
    ),
    (
        "DELETE /workflow/{workflowId}",
        lambda c: c.workflows.terminate("w", "why", trigger_failure_workflow=True),
        "/workflow/w",
        {"reason": "why", "triggerFailureWorkflow": "true"},
        None,
        "",
        NOTHING,
    ),
    (
        "DELETE /workflow/{workflowId}/terminate-remove",
        lambda c: c.workflows.terminate_and_delete("w", archive=False),
        "/workflow/w/terminate-remove",
        {"archiveWorkflow": "false"},
        None,
        "",
        NOTHING,
    ),
    (
        "DELETE /workflow/{workflowId}/remove",
        lambda c: c.workflows.delete("w"),
        "/workflow/w/remove",
        {"archiveWorkflow": "true"},
        None,
        "",
        NOTHING,
    ),
    (
        "POST /workflow/{workflowId}/restart",
        lambda c: c.workflows.restart("w", use_latest_definitions=True),
        "/workflow/w/restart",
        {"useLatestDefinitions": "true"},
        None,
        "",
        NOTHING,
    ),
    (
        "POST /workflow/{workflowId}/retry",
        lambda c: c.workflows.retry("w", resume_subworkflow_tasks=True),
        "/workflow/w/retry",
        {"resumeSubworkflowTasks": "true"},
        None,
        "",
        NOTHING,
    ),
    (
        "POST /workflow/{workflowId}/rerun",
        lambda c: c.workflows.rerun("w", from_task_id="t", task_input={"a": 1}),
        "/workflow/w/rerun",
        {},
        {"reRunFromWorkflowId": "w", "reRunFromTaskId": "t", "taskInput": {"a": 1}},
        "w",
        equals("w"),
    ),
    (
        "POST /workflow/{workflowId}/resetcallbacks",
        lambda c: c.workflows.reset_callbacks("w"),
        "/workflow/w/resetcallbacks",
        {},
        None,
        "",
        NOTHING,
    ),
    (
        "PUT /workflow/decide/{workflowId}",
        lambda c: c.workflows.decide("w"),
        "/workflow/decide/w",
        {},
        None,
        "",
        NOTHING,
    ),
    (
        "PUT /workflow/{workflowId}/skiptask/{taskReferenceName}",
        lambda c: c.workflows.skip_task("w", "c", input={"a": "x"}, output={"b": {"deep": [1, True]}, "n": 2}),
        "/workflow/w/skiptask/c",
        {"taskInput[a]": "x", "taskOutput[b]": '{"deep":[1,true]}', "taskOutput[n]": "2"},
        {"taskInput": {"a": "x"}, "taskOutput": {"b": {"deep": [1, True]}, "n": 2}},
        "",
        NOTHING,
    ),
    (
        "POST /workflow/{workflowId}/jump/{taskReferenceName}",
        lambda c: c.workflows.jump_to_task("w", "c", input={"a": 1}),
        "/workflow/w/jump/c",
        {"taskReferenceName": "c"},
        {"a": 1},
        "",
        NOTHING,
    ),
    (
        "POST /workflow/{workflowId}/variables",
        lambda c: c.workflows.update_variables("w", {"a": 1}),
        "/workflow/w/variables",
        {},
        {"a": 1},
        {},
        is_a(Workflow),
    ),
    (
        "POST /workflow/{workflowId}/state",
        lambda c: c.workflows.update_state(
            "w", {"variables": {"a": 1}}, wait_until=["x", "y"], wait_for=5, request_id="r"
        ),
        "/workflow/w/state",
        {"requestId": "r", "waitUntilTaskRef": "x,y", "waitForSeconds": "5"},
        {"variables": {"a": 1}},
        RUN,
        is_a(WorkflowRun),
    ),
    (
        "POST /workflow/{workflowId}/upgrade",
        lambda c: c.workflows.upgrade("w", {"name": "order", "version": 3}),
        "/workflow/w/upgrade",
        {},
        {"name": "order", "version": 3},
        "",
        NOTHING,
    ),
    (
        "GET /workflow/search",
        lambda c: c.workflows.search(status=["FAILED", "TIMED_OUT"], workflow_type="order", sort="startTime:DESC"),
        "/workflow/search",
        {
            "query": "workflowType = order AND status IN (FAILED,TIMED_OUT)",
            "sort": "startTime:DESC",
            "start": "0",
            "size": "100",
            "freeText": "*",
        },
        None,
        PAGE,
        is_a(SearchResult),
    ),
    (
        "GET /workflow/search-v2",
        lambda c: c.workflows.search_full(query="status = FAILED"),
        "/workflow/search-v2",
        {"query": "status = FAILED", "start": "0", "size": "100", "freeText": "*"},
        None,
        PAGE,
        is_page_of(Workflow),
    ),
    (
        "GET /workflow/search-by-tasks",
        lambda c: c.workflows.search_by_tasks(query="taskType = HTTP"),
        "/workflow/search-by-tasks",
        {"query": "taskType = HTTP", "start": "0", "size": "100", "freeText": "*"},
        None,
        PAGE,
        is_a(SearchResult),
    ),
    (
        "GET /workflow/search-by-tasks-v2",
        lambda c: c.workflows.search_by_tasks_full(free_text="x"),
        "/workflow/search-by-tasks-v2",
        {"start": "0", "size": "100", "freeText": "x"},
        None,
        PAGE,
        is_page_of(Workflow),
    ),
    # bulk
    (
        "PUT /workflow/bulk/pause",
        lambda c: c.bulk.pause(["a"]),
        "/workflow/bulk/pause",
        {},
        ["a"],
        BULK,
        is_a(BulkResponse),
    ),
    (
        "PUT /workflow/bulk/resume",
        lambda c: c.bulk.resume(["a"]),
        "/workflow/bulk/resume",
        {},
        ["a"],
        BULK,
        is_a(BulkResponse),
    ),
    (
        "POST /workflow/bulk/restart",
        lambda c: c.bulk.restart(["a"]),
        "/workflow/bulk/restart",
        {"useLatestDefinitions": "false"},
        ["a"],
        BULK,
        is_a(BulkResponse),
    ),
    (
        "POST /workflow/bulk/retry",
        lambda c: c.bulk.retry(["a"]),
        "/workflow/bulk/retry",
        {},
        ["a"],
        BULK,
        is_a(BulkResponse),
    ),
    (
        "POST /workflow/bulk/terminate",
        lambda c: c.bulk.terminate(["a"], "why"),
        "/workflow/bulk/terminate",
        {"reason": "why"},
        ["a"],
        BULK,
        is_a(BulkResponse),
    ),
    (
        "POST /workflow/bulk/delete",
        lambda c: c.bulk.delete(["a"]),
        "/workflow/bulk/delete",
        {},
        ["a"],
        BULK,
        is_a(BulkResponse),
    ),
    (
        "DELETE /workflow/bulk/terminate-remove",
        lambda c: c.bulk.terminate_and_delete(["a"], archive=False),
        "/workflow/bulk/terminate-remove",
        {"archiveWorkflow": "false"},
        ["a"],
        BULK,
        is_a(BulkResponse),
    ),
    (
        "POST /workflow/bulk/search",
        lambda c: c.bulk.get(["a"], include_tasks=False).bulk_successful_results[0],
        "/workflow/bulk/search",
        {"includeTasks": "false"},
        ["a"],
        {"bulkSuccessfulResults": [{"workflowId": "a", "updatedTime": 5}]},
        lambda value: isinstance(value, Workflow) and value.update_time == 5,
    ),
    # tasks
    (
        "GET /tasks/poll/{tasktype}",
        lambda c: c.tasks.poll("charge", worker_id="me", domain="eu"),
        "/tasks/poll/charge",
        {"workerid": "me", "domain": "eu"},
        None,
        {"taskId": "t"},
        is_a(Task),
    ),
    (
        "GET /tasks/poll/batch/{tasktype}",
        lambda c: c.tasks.poll_batch("charge", count=3, timeout_ms=200),
        "/tasks/poll/batch/charge",
        {"count": "3", "timeout": "200"},
        None,
        [{"taskId": "t"}],
        is_list_of(Task),
    ),
    ("GET /tasks/{taskId}", lambda c: c.tasks.get("t"), "/tasks/t", {}, None, {"taskId": "t"}, is_a(Task)),
    (
        "POST /tasks",
        lambda c: c.tasks.update(workflow_id="w", task_id="t", status="FAILED", output={"a": 1}, reason="no"),
        "/tasks",
        {},
        ANY,
        "t",
        equals("t"),
    ),
    (
        "POST /tasks/update-v2",
        lambda c: c.tasks.update_v2(RESULT),
        "/tasks/update-v2",
        {},
        ANY,
        {"taskId": "n"},
        is_a(Task),
    ),
    (
        "POST /tasks/{workflowId}/{taskRefName}/{status}",
        lambda c: c.tasks.update_by_reference_name("w", "c", "COMPLETED", {"a": 1}, worker_id="me"),
        "/tasks/w/c/COMPLETED",
        {"workerid": "me"},
        {"a": 1},
        "t",
        equals("t"),
    ),
    (
        "POST /tasks/{workflowId}/{taskRefName}/{status}/sync",
        lambda c: c.tasks.update_sync("w", "c", "FAILED"),
        "/tasks/w/c/FAILED/sync",
        {},
        {},
        {},
        is_a(Workflow),
    ),
    (
        "POST /tasks/{workflowId}/{status}/signal/sync",
        lambda c: c.tasks.signal("w", output={"a": 1}, return_strategy="BLOCKING_TASK"),
        "/tasks/w/COMPLETED/signal/sync",
        {"returnStrategy": "BLOCKING_TASK", "timeoutMillis": "5000"},
        {"a": 1},
        {"responseType": "BLOCKING_TASK", "taskId": "t"},
        is_a(TaskRun),
    ),
    (
        "POST /tasks/{workflowId}/{status}/signal",
        lambda c: c.tasks.signal_async("w"),
        "/tasks/w/COMPLETED/signal",
        {},
        {},
        "",
        NOTHING,
    ),
    (
        "POST /tasks/{taskId}/log",
        lambda c: c.tasks.add_log("t", "half way: 50% ü"),
        "/tasks/t/log",
        {},
        "half way: 50% ü",
        "",
        NOTHING,
    ),
    (
        "GET /tasks/{taskId}/log",
        lambda c: c.tasks.list_logs("t"),
        "/tasks/t/log",
        {},
        None,
        [{"log": "x"}],
        is_list_of(TaskExecLog),
    ),
    (
        "GET /tasks/search",
        lambda c: c.tasks.search(task_def_name="charge", status="FAILED", size=5),
        "/tasks/search",
        {"query": "taskDefName = charge AND status = FAILED", "start": "0", "size": "5", "freeText": "*"},
        None,
        PAGE,
        is_a(SearchResult),
    ),
    (
        "GET /tasks/search-v2",
        lambda c: c.tasks.search_full(query="status = FAILED"),
        "/tasks/search-v2",
        {"query": "status = FAILED", "start": "0", "size": "100", "freeText": "*"},
        None,
        PAGE,
        is_page_of(Task),
    ),
    (
        "GET /tasks/external-storage-location",
        lambda c: c.tasks.get_external_storage_location("p"),
        "/tasks/external-storage-location",
        {"path": "p", "operation": "WRITE", "payloadType": "TASK_OUTPUT"},
        None,
        {"path": "p"},
        is_a(ExternalStorageLocation),
    ),
    (
        "GET /tasks/externalstoragelocation",
        lambda c: c.tasks.get_external_storage_location("p", old_spelling=True),
        "/tasks/externalstoragelocation",
        {"path": "p", "operation": "WRITE", "payloadType": "TASK_OUTPUT"},
        None,
        {"path": "p"},
        is_a(ExternalStorageLocation),
    ),
    (
        "GET /tasks/queue/size",
        lambda c: c.tasks.get_queue_size("charge", domain="eu"),
        "/tasks/queue/size",
        {"taskType": "charge", "domain": "eu"},
        None,
        7,
        equals(7),
    ),
    (
        "GET /tasks/queue/sizes",
        lambda c: c.tasks.get_queue_sizes(["a", "b"]),
        "/tasks/queue/sizes",
        {"taskType": ["a", "b"]},
        None,
        {"a": 1, "b": 2},
        equals({"a": 1, "b": 2}),
    ),
    ("GET /tasks/queue/all", lambda c: c.tasks.list_queues(), "/tasks/queue/all", {}, None, {"a": 1}, equals({"a": 1})),
    (
        "GET /tasks/queue/all/verbose",
        lambda c: c.tasks.list_queues_verbose(),
        "/tasks/queue/all/verbose",
        {},
        None,
        {"a": {"s": {"size": 1, "uacked": 0}}},
        equals({"a": {"s": {"size": 1, "uacked": 0}}}),
    ),
    (
        "GET /tasks/queue/polldata",
        lambda c: c.tasks.list_poll_data("charge"),
        "/tasks/queue/polldata",
        {"taskType": "charge"},
        None,
        [{"queueName": "charge"}],
        is_list_of(PollData),
    ),
    (
        "GET /tasks/queue/polldata/all",
        lambda c: c.tasks.list_all_poll_data(worker_size=1, worker_opt="GT"),
        "/tasks/queue/polldata/all",
        {"workerSize": "1", "workerOpt": "GT"},
        None,
        [{"queueName": "charge"}],
        is_list_of(PollData),
    ),
    (
        "POST /tasks/queue/requeue/{taskType}",
        lambda c: c.tasks.requeue_pending("charge"),
        "/tasks/queue/requeue/charge",
        {},
        None,
        "3",
        equals(3),
    ),
    # metadata
    (
        "POST /metadata/workflow",
        lambda c: c.metadata.register_workflow(DEF, overwrite=True),
        "/metadata/workflow",
        {"overwrite": "true"},
        DEF,
        "",
        NOTHING,
    ),
    (
        "PUT /metadata/workflow",
        lambda c: c.metadata.update_workflows([DEF]),
        "/metadata/workflow",
        {},
        [DEF],
        BULK,
        is_a(BulkResponse),
    ),
    (
        "POST /metadata/workflow/validate",
        lambda c: c.metadata.validate_workflow(DEF),
        "/metadata/workflow/validate",
        {},
        DEF,
        "",
        NOTHING,
    ),
    (
        "GET /metadata/workflow/{name}",
        lambda c: c.metadata.get_workflow("order", 2),
        "/metadata/workflow/order",
        {"version": "2"},
        None,
        DEF,
        is_a(WorkflowDef),
    ),
    (
        "GET /metadata/workflow",
        lambda c: c.metadata.list_workflows(classifier="workflow", tag_key="team", short=True),
        "/metadata/workflow",
        {"classifier": "workflow", "tagKey": "team", "short": "true"},
        None,
        [DEF],
        is_list_of(WorkflowDef),
    ),
    (
        "GET /metadata/workflow/latest-versions",
        lambda c: c.metadata.list_latest_workflows(),
        "/metadata/workflow/latest-versions",
        {},
        None,
        [DEF],
        is_list_of(WorkflowDef),
    ),
    (
        "GET /metadata/workflow/names",
        lambda c: c.metadata.list_workflow_names(),
        "/metadata/workflow/names",
        {},
        None,
        ["order"],
        equals(["order"]),
    ),
    (
        "GET /metadata/workflow/names-and-versions",
        lambda c: c.metadata.list_workflow_names_and_versions()["order"],
        "/metadata/workflow/names-and-versions",
        {},
        None,
        {"order": [{"version": 1}]},
        is_list_of(WorkflowDefSummary),
    ),
    (
        "GET /metadata/workflow/{name}/versions",
        lambda c: c.metadata.list_workflow_versions("order"),
        "/metadata/workflow/order/versions",
        {},
        None,
        [{"version": 1}],
        is_list_of(WorkflowDefSummary),
    ),
    (
        "DELETE /metadata/workflow/{name}/{version}",
        lambda c: c.metadata.unregister_workflow("order", 2),
        "/metadata/workflow/order/2",
        {},
        None,
        "",
        NOTHING,
    ),
    (
        "POST /metadata/taskdefs",
        lambda c: c.metadata.register_task({"name": "charge", "retryCount": 0}),
        "/metadata/taskdefs",
        {},
        [{"name": "charge", "retryCount": 0}],
        "",
        NOTHING,
    ),
    (
        "PUT /metadata/taskdefs",
        lambda c: c.metadata.update_task(TaskDef("charge")),
        "/metadata/taskdefs",
        {},
        {"name": "charge"},
        "",
        NOTHING,
    ),
    (
        "GET /metadata/taskdefs/{tasktype}",
        lambda c: c.metadata.get_task("charge"),
        "/metadata/taskdefs/charge",
        {},
        None,
        {"name": "charge"},
        is_a(TaskDef),
    ),
    (
        "GET /metadata/taskdefs",
        lambda c: c.metadata.list_tasks(),
        "/metadata/taskdefs",
        {},
        None,
        [{"name": "charge"}],
        is_list_of(TaskDef),
    ),
    (
        "DELETE /metadata/taskdefs/{tasktype}",
        lambda c: c.metadata.unregister_task("charge"),
        "/metadata/taskdefs/charge",
        {},
        None,
        "",
        NOTHING,
    ),
    (
        "POST /metadata/workflow-importer/import-bpm",
        lambda c: c.metadata.import_bpmn({"fileContent": "x", "fileName": "y"}),
        "/metadata/workflow-importer/import-bpm",
        {"overwrite": "true"},
        {"fileContent": "x", "fileName": "y"},
        [DEF],
        is_list_of(WorkflowDef),
    ),
    (
        "POST /metadata/workflow-task-defs/upload",
        lambda c: c.metadata.upload_definitions(),
        "/metadata/workflow-task-defs/upload",
        {},
        None,
        "",
        NOTHING,
    ),
]


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_the_request_is_what_the_server_expects_and_the_answer_is_typed(client, wire, row):
    operation, call, path, query, body, answer, is_right = row
    known = declared()[tuple(operation.split(" "))]
    if known.shadowed:
        client.transport._server = ServerInfo(known.edition, "")  # it would be asked first
    wire.answer(answer)

    value = call(client)

    assert (wire.method, wire.path) == (operation.split(" ")[0], path)
    assert wire.query == query or {k: v for k, v in wire.query.items() if k != "requestId"} == query
    if body is not ANY:
        assert wire.body == body
    assert is_right(value), value


def test_an_update_carries_ids_status_output_and_reason(client, wire):
    wire.answer("t")

    client.tasks.update(workflow_id="w", task_id="t", status="FAILED", output={"a": 1}, reason="no", worker_id="me")

    expected = {
        "workflowInstanceId": "w",
        "taskId": "t",
        "status": "FAILED",
        "outputData": {"a": 1},
        "reasonForIncompletion": "no",
        "workerId": "me",
    }
    assert expected.items() <= wire.body.items()


def in_scope():
    with (Path(__file__).parent / "operations.csv").open(newline="") as file:
        return {(row["verb"], row["path"].removeprefix("/api")) for row in csv.DictReader(file)}


def declared():
    found = {}
    for name in MODULES:
        module = importlib.import_module(f"conductor.clients.{name}")
        for value in vars(module).values():
            if isinstance(value, Operation):
                found[value.method, value.path] = value
    return found


def test_every_operation_of_the_four_tags_is_declared_with_its_verb_and_path():
    missing = in_scope() - declared().keys()

    assert not missing


def test_the_table_above_calls_every_operation_but_the_fallback_of_bulk_delete():
    called = {tuple(row[0].split(" ")) for row in TABLE}

    assert in_scope() - called == {("DELETE", "/workflow/bulk/remove")}


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("PUT", "/workflow/{workflowId}/resume"),
        ("POST", "/workflow/{workflowId}/retry"),
        ("POST", "/workflow/{workflowId}/restart"),
        ("POST", "/workflow/{workflowId}/rerun"),
        ("GET", "/tasks/poll/{tasktype}"),
        ("GET", "/tasks/poll/batch/{tasktype}"),
        ("POST", "/tasks/{workflowId}/{status}/signal"),
        ("POST", "/tasks/{workflowId}/{status}/signal/sync"),
        ("POST", "/tasks/{taskId}/log"),
        ("GET", "/workflow/execute/{name}"),
    ],
)
def test_what_a_repetition_would_do_twice_is_never_repeated(verb, path):
    assert declared()[verb, path].repeat.name in {"NEVER", "WITH_KEY"}


def test_only_what_one_edition_lacks_is_marked_as_the_others():
    with (Path(__file__).parent / "operations.csv").open(newline="") as file:
        rows = {(r["verb"], r["path"].removeprefix("/api")): r for r in csv.DictReader(file)}
    wrong = {
        key: operation.edition
        for key, operation in declared().items()
        if key in rows
        and operation.edition.name
        != {("yes", "yes"): "BOTH", ("yes", "no"): "OSS", ("no", "yes"): "ORKES"}[rows[key]["oss"], rows[key]["orkes"]]
    }

    assert not wrong
